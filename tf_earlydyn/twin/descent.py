"""Gradient descent on a linear model, in closed form: how far each eigendirection has come by a step."""

from collections.abc import Sequence

import numpy as np

from tf_earlydyn.errors import InputError


def progress(
    eigenvalues: np.ndarray, learning_rate: float, steps: Sequence[int], momentum: float = 0.0, decay: float = 0.0
) -> np.ndarray:
    """The p of beta_t = p b in the direction of each eigenvalue, ``[len(steps), K]``.

    For v <- momentum v - learning_rate (lambda p + decay p - 1), p <- p + v from p = v = 0, by powers of its matrix:
    the update of ``keras.optimizers.SGD`` on (1/2) lambda p^2 - p + (1/2) decay p^2.
    """
    slope = learning_rate * (np.asarray(eigenvalues, np.float64) + decay)
    one, zero, rate = np.ones_like(slope), np.zeros_like(slope), np.full_like(slope, learning_rate)
    step = np.moveaxis(
        np.array(
            [
                [1 - slope, momentum * one, rate],
                [-slope, momentum * one, rate],
                [zero, zero, one],
            ]
        ),
        2,
        0,
    )
    reached = {}
    state, at = np.zeros((len(slope), 3, 1)), 0
    state[:, 2] = 1
    with np.errstate(over="ignore", invalid="ignore"):
        for stop in sorted(set(steps)):
            state, at = np.linalg.matrix_power(step, stop - at) @ state, stop
            reached[stop] = state[:, 0, 0]
    return np.array([reached[stop] for stop in steps]).reshape(len(steps), len(slope))


def checked_steps(steps) -> list[int]:
    """Steps, in any order.

    Raises:
        InputError: unless they are integers from 0 on.
    """
    steps = list(steps) if isinstance(steps, (Sequence, np.ndarray)) else [steps]
    if not all(isinstance(step, (int, np.integer)) and step >= 0 for step in steps):
        raise InputError(f"steps must be a list of integers from 0 on. Received: {steps!r}.")
    return [int(step) for step in steps]
