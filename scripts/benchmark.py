"""Times this package beside others, each in an environment of its own, all on the same numbers and in the same run.

    python scripts/benchmark.py kernels                                     every case and peer: 25 minutes, 2 cores
    python scripts/benchmark.py kernels --cases=mlp --peers=tape.jacobian   without other software: 2 minutes
    python scripts/benchmark.py predict                                     every case and peer: 6 minutes, 2 cores
    python scripts/benchmark.py predict --cases=n2000 --peers=training      without other software: 1 minute
    python scripts/benchmark.py train                                       every case and peer: 7 minutes, 2 cores
    python scripts/benchmark.py train --cases=figure1 --peers=jax,torch     the job of Figure 1: 1 minute
    python scripts/benchmark.py kernels --size=small --rounds=1             to see that all is there: 2 minutes

kernels computes the tangent kernel of one network with tf_earlydyn.empirical_ntk, neural-tangents 0.6.5 (all its
methods, compiled), torch.func (the two methods of PyTorch's tutorial) and, on the case mlp, tape.jacobian.

predict foretells how Figure 1's network will learn in 1,000 steps. On n2000 and n4000, cases of so many examples, the
entrants compute its losses at log-spaced steps: tf_earlydyn by affine_twin and its trajectory, both anew in each call;
neural-tangents by nt.predict.gradient_descent_mse with the compiled n x n kernel; and training the network itself,
whose losses are the true ones, printed beside. On n20000 the affine twin is given, and they compute where 1,000 steps
lead it in float64: its trajectory, and its Keras model by tf_earlydyn.training.train, a tf.function step and fit.

train takes steps of full-batch gradient descent in float32, from the same weights: on figure1, those of Figure 1's
network; on mlp and cnn, of deep networks on images of noise, flattened for mlp. tf_earlydyn is its training.train with
the process settings of a script; jax a compiled fori_loop over jax.grad, unrolled on cnn, and calls of a compiled step;
torch a step under torch.compile, which needs a C++ compiler, by autograd with SGD and by torch.func.grad; tensorflow a
tf.function over GradientTape for each step, with and without XLA; keras model.fit with all examples as its batch, a
step an epoch. The peers have their default threads. A call is some steps from the first weights on, and its time is
printed by the step. On n2000000 tf_earlydyn is alone: figure1 with a hundred times as many examples.

The entrants take turns in every round; one that has computed for 30 seconds sits out the rounds left, and one whose
memory or time is out drops out. Prints for each the time of its first call, compilation included; the median time, how
many times longer than ours it takes (the ratio of the medians over the rounds of both, and the smallest and largest
ratio of a round); by how much the peak memory of its process is above that of its imports; and its largest difference
from our result. The benchmark ends if that is above 1e-4 of the largest diagonal entry of a kernel, 1% of the test loss
until our training loss has made half of its fall, 1e-6 of the largest prediction of the twin, or 1e-4 of the fall of
our training loss in the steps of a call.

The first run makes an environment for each peer in .venv/peers, which takes pip some minutes, and 2.5 GB for
neural-tangents, 1 GB for torch, 0.6 GB for jax (on Linux, PyPI's torch brings CUDA: several GB more). All is computed
on the CPU.
"""

import entry  # noqa: F401 (first: it sets up the process)
from absl import flags as absl_flags
from benchmarks import kernels, predict, train

from tf_earlydyn import flags
from tf_earlydyn.errors import InputError

SUBCOMMANDS = {"kernels": kernels.CONTEST, "predict": predict.CONTEST, "train": train.CONTEST}
HELP = {"module_name": flags.__name__}  # where --help looks for flags


def _names(part: str) -> str:
    """Of the cases or peers, by subcommand."""
    of = {name: ", ".join(getattr(contest, part)) for name, contest in SUBCOMMANDS.items()}
    return "; ".join(f"{name}: any of {names}" for name, names in of.items())


CASES = absl_flags.DEFINE_list("cases", None, f"{_names('cases')}. All by default.", **HELP)
PEERS = absl_flags.DEFINE_list("peers", None, f"{_names('peers')}; or none. All by default.", **HELP)
ROUNDS = absl_flags.DEFINE_integer("rounds", 7, "In each, every entrant is timed once.", lower_bound=1, **HELP)
LIMIT = absl_flags.DEFINE_integer(
    "limit", 120, "Seconds for an entrant's first call, its compilation included.", lower_bound=1, **HELP
)
SIZE = absl_flags.DEFINE_enum("size", "full", ["full", "small"], "small: to see that all is there and runs.", **HELP)
OUT = absl_flags.DEFINE_string("out", None, "A JSON file to write: every time, and the versions.", **HELP)


def main(arguments: list[str]) -> None:
    if len(arguments) != 1 or arguments[0] not in SUBCOMMANDS:
        received = " ".join(arguments) or "none"
        raise InputError(f"benchmark.py takes one of: {', '.join(SUBCOMMANDS)}. Received: {received}.")
    SUBCOMMANDS[arguments[0]].run(
        cases=CASES.value,
        peers=PEERS.value,
        rounds=ROUNDS.value,
        limit=LIMIT.value,
        small=SIZE.value == "small",
        out=OUT.value,
    )


if __name__ == "__main__":
    flags.run_script(main, __doc__)
