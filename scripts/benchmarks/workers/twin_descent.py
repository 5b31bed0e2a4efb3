"""1,000 steps of the affine twin, which is given: in closed form, and taken by its Keras model in three ways."""

from collections.abc import Callable

import numpy as np

from benchmarks.workers.descents import Descend, by_fit, by_tf_function, by_the_package
from benchmarks.workers.ours import network
from benchmarks.workers.serve import Computation, serve
from tf_earlydyn.twin import affine_twin


def closed_form(x, y, steps, rate, weights, **_) -> Computation:
    twin = affine_twin(network(x, weights), x)
    return lambda: twin.trajectory(x, y, float(rate), steps[-1:])[0]


def _of(descent: Callable[..., Descend]) -> Callable[..., Computation]:
    def prepare(x, y, steps, rate, weights, **_) -> Computation:
        model = affine_twin(network(x, weights), x).linear_model(dtype="float64")
        x, y = x.astype(np.float64), y.astype(np.float64)
        start = model.get_weights()
        descend = descent(model, x, y, float(rate), int(steps[-1]))

        def predictions() -> np.ndarray:
            model.set_weights(start)
            descend()
            return model(x).numpy()

        return predictions

    return prepare


METHODS = {
    "trajectory": closed_form,
    "training.train": _of(by_the_package),
    "tf.function": _of(by_tf_function),
    "fit": _of(by_fit),
}

if __name__ == "__main__":
    serve(METHODS, ("tf_earlydyn", "keras", "numpy"))
