"""Checks of what a twin is asked, with what to do in the message."""

import math
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.inputs import checked_finite
from tf_earlydyn.twin.coordinates import Coordinates

Rates = float | Mapping[str, float]
_AT_ONCE = 1_000  # examples of a forward pass


def checked_x(x: np.ndarray, coordinates: Coordinates, name: str) -> np.ndarray:
    """Inputs ``[n, ...]`` of the twin's shape.

    Raises:
        InputError: if they are not finite floating-point numbers of that shape.
    """
    x = np.asarray(x)
    wanted = "".join(f", {size}" for size in coordinates.input_shape)
    if x.ndim < 1 or len(x) == 0 or x.shape[1:] != coordinates.input_shape:
        raise InputError(f"{name} must have the shape [n{wanted}], n > 0. Received: {x.shape}.")
    return checked_numbers(x, name)


def checked_numbers(x: np.ndarray, name: str) -> np.ndarray:
    """``x``, if it holds finite floating-point numbers.

    Raises:
        InputError: if not.
    """
    if not np.issubdtype(x.dtype, np.floating):
        raise InputError(f"{name} must hold floating-point numbers, which a twin is affine in. Received: {x.dtype}.")
    return checked_finite(x, name)


def outputs_of(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """The outputs of a network in inference, ``[n, C]`` in float64."""
    blocks = (model(x[start : start + _AT_ONCE], training=False) for start in range(0, len(x), _AT_ONCE))
    return np.concatenate([np.asarray(block, np.float64).reshape(len(block), -1) for block in blocks])


def checked_targets(y: np.ndarray, n: int, outputs: int) -> tuple[np.ndarray, bool]:
    """Targets as ``[n, C]`` in float64, and whether they were ``[n]``.

    Raises:
        InputError: if they are not finite numbers of one of these shapes.
    """
    y = np.asarray(y)
    flat = y.shape == (n,) and outputs == 1
    if not flat and y.shape != (n, outputs):
        wanted = f"[{n}] or [{n}, 1]" if outputs == 1 else f"[{n}, {outputs}]"
        raise InputError(f"y must have the shape {wanted}. Received: {y.shape}.")
    if not (np.issubdtype(y.dtype, np.number) and np.isrealobj(y)):
        raise InputError(f"y must hold real numbers. Received: {y.dtype}.")
    return checked_finite(y, "y").reshape(n, outputs).astype(np.float64), flat


def checked_rates(
    learning_rate: Rates, layers: Sequence[str], momentum: float, decay: float
) -> tuple[float, tuple[float, ...] | None]:
    """A rate for all, and the factors of the layers' parts; None if they are equal.

    Raises:
        InputError: if a rate or coefficient is out of its range, a layer has no rate or is unknown, or rates differ
            and there is decay.
    """
    if not (_is_number(momentum) and 0 <= momentum < 1):
        raise InputError(f"momentum must lie in [0, 1). Received: momentum={momentum!r}.")
    if not (_is_number(decay) and decay >= 0):
        raise InputError(f"decay must be a number from 0 on. Received: decay={decay!r}.")
    if not isinstance(learning_rate, Mapping):
        if not (_is_number(learning_rate) and learning_rate > 0):
            raise InputError(f"learning_rate must be a positive number. Received: learning_rate={learning_rate!r}.")
        return float(learning_rate), None
    if set(learning_rate) != set(layers):
        raise InputError(
            f"learning_rate must give a rate for each of {', '.join(layers)}. Received: {dict(learning_rate)!r}."
        )
    rates = tuple(learning_rate[layer] for layer in layers)
    if not all(_is_number(rate) and rate >= 0 for rate in rates) or not any(rates):
        raise InputError(f"rates must be numbers from 0 on, one of them positive. Received: {dict(learning_rate)!r}.")
    if len(set(rates)) == 1:
        return float(rates[0]), None
    if decay:
        raise InputError(
            "decay goes with equal rates: with unequal ones there is no small matrix for it. "
            f"Received: decay={decay!r} and learning_rate={dict(learning_rate)!r}."
        )
    return 1.0, tuple(map(float, rates))


def checked_steps(steps: Sequence[int]) -> list[int]:
    """Steps, in any order.

    Raises:
        InputError: unless they are integers from 0 on.
    """
    steps = list(steps) if isinstance(steps, (Sequence, np.ndarray)) else [steps]
    if not all(isinstance(step, (int, np.integer)) and step >= 0 for step in steps):
        raise InputError(f"steps must be a list of integers from 0 on. Received: {steps!r}.")
    return [int(step) for step in steps]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and math.isfinite(value)
