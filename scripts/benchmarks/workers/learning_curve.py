"""A network's learning curve: foretold by this package, and by training it."""

import numpy as np

from benchmarks.workers.losses import losses
from benchmarks.workers.ours import network
from benchmarks.workers.serve import Computation, serve
from tf_earlydyn.training import GradientDescent, Learner, train
from tf_earlydyn.twin import affine_twin


def foretold(x, y, x_test, y_test, steps, rate, weights) -> Computation:
    model = network(x, weights)

    def curves() -> np.ndarray:
        twin = affine_twin(model, x)
        splits = ((x, y), (x_test, y_test))
        return np.array([losses(twin.trajectory(x, y, float(rate), steps, at), targets) for at, targets in splits])

    return curves


def trained(x, y, x_test, y_test, steps, rate, weights) -> Computation:
    model = network(x, weights)

    def curves() -> np.ndarray:
        model.set_weights(weights)
        rows = []

        def record(_) -> None:
            rows.append([losses(model(at), targets) for at, targets in ((x, y), (x_test, y_test))])

        train([Learner("network", model, GradientDescent(float(rate)))], x, y, steps.tolist(), [record], False)
        return np.transpose(rows)

    return curves


METHODS = {"affine_twin and trajectory": foretold, "the network itself": trained}

if __name__ == "__main__":
    serve(METHODS, ("tf_earlydyn", "keras", "numpy"))
