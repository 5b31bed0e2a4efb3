"""neural-tangents: a network's learning curve by ``nt.predict.gradient_descent_mse`` of its compiled n x n kernel.

It solves df/dt = -Theta (f - y) / n, which is gradient descent on (1/2n) sum_i (f(x_i) - y_i)^2 in continuous time:
a step at a rate is that much time.
"""

import jax
import neural_tangents as nt
import numpy as np
from neural_tangents import NtkImplementation

from benchmarks.workers.losses import losses
from benchmarks.workers.neural_tangents import network
from benchmarks.workers.serve import Computation, serve


def foretold(x, y, x_test, y_test, steps, rate, weights) -> Computation:
    apply, parameters = network(x, weights)
    implementation = NtkImplementation.STRUCTURED_DERIVATIVES
    ntk = jax.jit(nt.empirical_ntk_fn(apply, vmap_axes=0, implementation=implementation))
    inputs, targets, test_inputs = jax.device_put((x, y, x_test))

    def curves() -> np.ndarray:
        predict = nt.predict.gradient_descent_mse(ntk(inputs, None, parameters), targets, float(rate))
        outputs = predict(steps, 0.0, 0.0, ntk(test_inputs, inputs, parameters))
        return np.array([losses(*split) for split in zip(outputs, (y, y_test), strict=True)])

    return curves


METHODS = {"nt.predict": foretold}

if __name__ == "__main__":
    serve(METHODS, ("neural-tangents", "jax", "jaxlib", "numpy"))
