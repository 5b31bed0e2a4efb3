"""JAX alone: steps of a network in one compiled loop, and by a compiled step, which is called for each."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.workers.serve import Computation, serve
from benchmarks.workers.weights import flat


def outputs(weights: list[jax.Array], x: jax.Array) -> jax.Array:
    *hidden, readout = weights
    for kernel in hidden:
        x = jax.lax.erf(_layer(x, kernel))
    return _layer(x.reshape(len(x), -1), readout)


def _layer(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A convolution or a matrix product in NTK parameterisation."""
    kernel = kernel / math.sqrt(math.prod(kernel.shape[:-1]))
    if kernel.ndim == 4:
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return x @ kernel


def loss(weights: list[jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.mean((outputs(weights, x) - y) ** 2) / 2


def step(rate: float, weights: list[jax.Array], x: jax.Array, y: jax.Array) -> list[jax.Array]:
    return jax.tree.map(lambda weight, gradient: weight - rate * gradient, weights, jax.grad(loss)(weights, x, y))


def in_a_loop(x, y, steps, rate, weights, **_) -> Computation:
    unroll = x.ndim == 4 or None  # within a loop, XLA's convolutions on a CPU take tens of times as long

    @jax.jit
    def descend(weights, x, y):
        def body(_, weights):
            return step(float(rate), weights, x, y)

        return jax.lax.fori_loop(0, int(steps[-1]), body, weights, unroll=unroll)

    start, inputs, targets = jax.device_put((weights, x, y))
    return lambda: flat(map(np.asarray, descend(start, inputs, targets)))


def step_by_step(x, y, steps, rate, weights, **_) -> Computation:
    compiled = jax.jit(functools.partial(step, float(rate)))
    start, inputs, targets = jax.device_put((weights, x, y))

    def descend() -> np.ndarray:
        weights = start
        for _ in range(int(steps[-1])):
            weights = compiled(weights, inputs, targets)
        return flat(map(np.asarray, weights))

    return descend


METHODS = {"fori_loop": in_a_loop, "a call a step": step_by_step}

if __name__ == "__main__":
    serve(METHODS, ("jax", "jaxlib", "numpy"))
