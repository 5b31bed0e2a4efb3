"""neural-tangents: every method of its own, compiled, with inputs and parameters on the device beforehand.

Its AUTO is left out: it chooses one of these three, and may return wrong results on CPUs, as its documentation says.
"""

from collections.abc import Callable

import jax
import neural_tangents as nt
import numpy as np
from neural_tangents import NtkImplementation, stax

from benchmarks.workers.serve import Computation, serve


def network(x: np.ndarray, weights: list[np.ndarray]) -> tuple[Callable, list]:
    """Its function of parameters and inputs, and these parameters, on the device."""
    layers = []
    for kernel in weights[:-1]:
        layers += [_layer(kernel), stax.Erf()]
    flatten = [stax.Flatten()] if weights[0].ndim == 4 else []
    initialise, apply, _ = stax.serial(*layers, *flatten, _layer(weights[-1]))
    _, drawn = initialise(jax.random.PRNGKey(0), x.shape)
    return apply, jax.device_put(jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(drawn), weights))


def _layer(kernel: np.ndarray) -> tuple:
    if kernel.ndim == 4:
        return stax.Conv(kernel.shape[-1], kernel.shape[:2], padding="SAME", W_std=1.0, b_std=None)
    return stax.Dense(kernel.shape[-1], W_std=1.0, b_std=None)


def _of(implementation: NtkImplementation):
    def prepare(x: np.ndarray, weights: list[np.ndarray]) -> Computation:
        apply, parameters = network(x, weights)
        inputs = jax.device_put(x)
        ntk = nt.empirical_ntk_fn(apply, trace_axes=(), vmap_axes=0, implementation=implementation)
        compiled = jax.jit(lambda x, parameters: ntk(x, None, parameters))
        return lambda: np.asarray(compiled(inputs, parameters))

    return prepare


METHODS = {
    "Jacobian contraction": _of(NtkImplementation.JACOBIAN_CONTRACTION),
    "NTK-vector products": _of(NtkImplementation.NTK_VECTOR_PRODUCTS),
    "structured derivatives": _of(NtkImplementation.STRUCTURED_DERIVATIVES),
}

if __name__ == "__main__":
    serve(METHODS, ("neural-tangents", "jax", "jaxlib", "numpy"))
