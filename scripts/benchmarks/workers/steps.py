"""Steps of a network by ``tf_earlydyn.training.train``, in a process with the settings that a script has."""

from collections.abc import Callable

import numpy as np

from benchmarks.workers import as_script  # noqa: F401 (before TensorFlow)
from benchmarks.workers.ours import network
from benchmarks.workers.parts import InParts
from benchmarks.workers.serve import Computation, serve
from benchmarks.workers.weights import flat
from tf_earlydyn.training import GradientDescent, Learner, train

_STOPS = 100_000  # more than there will be calls


def trained(x, y, steps, rate, weights, **_) -> Computation:
    """All calls are parts of one training, which ``train`` compiles once; each begins with the given weights."""
    model = network(x, weights)
    learner = Learner("network", model, GradientDescent(float(rate)))
    count = int(steps[-1])

    def training(pause: Callable[[], None]) -> None:
        def back_to_the_start(step: int) -> None:
            if step:
                pause()
                model.set_weights(weights)

        train([learner], x, y, range(0, _STOPS * count, count), [back_to_the_start], show_progress=False)

    parts = InParts(training)

    def descended() -> np.ndarray:
        parts.go_on()
        return flat(model.get_weights())

    return descended


METHODS = {"training.train": trained}

if __name__ == "__main__":
    serve(METHODS, ("tf_earlydyn", "keras", "numpy"))
