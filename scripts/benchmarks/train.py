"""Steps of gradient descent by every entrant, from the same weights: ``benchmark.py train``."""

from benchmarks.contest import Contest
from benchmarks.peers import Peer
from benchmarks.steps import DeepSteps, Figure1Steps

_CASES = {
    "figure1": Figure1Steps(20_000),
    "mlp": DeepSteps((192,), n=10_000, width=256),
    "cnn": DeepSteps((8, 8, 3), n=2_000, width=32),
}
_MANY = {"n2000000": Figure1Steps(2_000_000, steps=4)}  # of which only we make steps, to compare with figure1's
_ALL = tuple(_CASES)

CONTEST = Contest(
    cases={**_CASES, **_MANY},
    ours={"tf_earlydyn": Peer("steps", ("training.train",), (*_ALL, *_MANY))},
    peers={
        "jax": Peer("jax_steps", ("fori_loop", "a call a step"), _ALL, environment="jax"),
        "torch": Peer("torch_steps", ("compiled, autograd", "compiled, func.grad"), _ALL, environment="torch"),
        "tensorflow": Peer("tensorflow_steps", ("tf.function", "tf.function, XLA"), _ALL),
        "keras": Peer("tensorflow_steps", ("fit",), _ALL),
    },
)
