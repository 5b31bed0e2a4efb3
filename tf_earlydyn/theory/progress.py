"""Gradient descent on a parabola in closed form: how far each eigendirection of a linear model has come by a step."""

from collections.abc import Sequence

import numpy as np


def progress(
    eigenvalues: np.ndarray, learning_rate: float, steps: Sequence[int], momentum: float = 0.0, decay: float = 0.0
) -> np.ndarray:
    """The p of beta_t = p_t b in the direction of each eigenvalue, ``[len(steps), K]``, in float64.

    By v <- momentum v - learning_rate (lambda p + decay p - 1), p <- p + v from p = v = 0: the update of
    ``keras.optimizers.SGD`` on (1/2) lambda p^2 - p + (1/2) decay p^2. Infinite or not a number where it has diverged
    beyond float64.

    Args:
        eigenvalues: lambda >= 0, ``[K]``.
        learning_rate: of all directions.
        steps: from 0 on, in any order.
        momentum: in [0, 1).
        decay: from 0 on.
    """
    slopes = learning_rate * (np.asarray(eigenvalues, np.float64) + decay)
    with np.errstate(over="ignore", invalid="ignore"):
        if momentum:
            return _with_momentum(slopes, learning_rate, steps, momentum)
        return learning_rate * _geometric_sums(slopes, np.asarray(steps, np.float64)[:, None])


def _geometric_sums(slopes: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The sums of (1 - slope)^s over s < t: t itself for a slope of 0, and exact for slopes near it."""
    small = np.clip(slopes, None, 0.5)
    divisor = np.where(slopes > 0, slopes, 1)
    exact = np.where(slopes > 0, -np.expm1(steps * np.log1p(-small)) / divisor, steps)
    return np.where(slopes > 0.5, (1 - (1 - slopes) ** steps) / divisor, exact)


def _with_momentum(slopes: np.ndarray, rate: float, steps: Sequence[int], momentum: float) -> np.ndarray:
    """By powers of the step's matrix on (p, v, 1)."""
    one, zero = np.ones_like(slopes), np.zeros_like(slopes)
    step = np.array(
        [
            [1 - slopes, momentum * one, rate * one],
            [-slopes, momentum * one, rate * one],
            [zero, zero, one],
        ]
    )
    step = np.moveaxis(step, 2, 0)
    state, at, reached = np.zeros((len(slopes), 3, 1)), 0, {}
    state[:, 2] = 1
    for stop in sorted(set(steps)):
        state, at = np.linalg.matrix_power(step, stop - at) @ state, stop
        reached[stop] = state[:, 0, 0]
    return np.array([reached[stop] for stop in steps]).reshape(len(steps), len(slopes))
