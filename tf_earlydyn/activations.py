"""Activations phi by name: phi, phi' and phi'' in float64 NumPy for the theory, phi as a Keras operation for networks.

To add one, add an entry to ``_TABLE``; the tests pick it up from there.
"""

import dataclasses
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from tf_earlydyn.errors import InputError

__all__ = ["NAMES", "Activation", "get"]
Function = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Activation:
    r"""An activation function $\phi$.

    Attributes:
        name: its name, as ``get`` takes it.
        value, derivative, second_derivative: $\phi$, $\phi'$, $\phi''$ on float64 arrays of any shape.
            ``second_derivative`` is None for a piecewise linear $\phi$, whose $\phi''$ is a multiple of a point mass at
            0; such a $\phi$ has a ``negative_slope``.
        keras_name: dotted name below ``keras`` of the operation on tensors.
        keras_options: keyword arguments of that operation.
        even_derivative: $\phi'(-x) = \phi'(x)$, that is, $\phi - \phi(0)$ is odd.
        negative_slope: the slope below 0 of a piecewise linear $\phi$ with slope 1 above 0; None for any other $\phi$.
    """

    name: str
    value: Function
    derivative: Function
    second_derivative: Function | None
    keras_name: str
    keras_options: dict = dataclasses.field(default_factory=dict)
    even_derivative: bool = False
    negative_slope: float | None = None

    def __call__(self, x: Any) -> Any:
        """The activation of a tensor of any shape and float dtype."""
        # Imported here because the names and the NumPy half must be there before, and without, TensorFlow.
        module, _, function = f"keras.{self.keras_name}".rpartition(".")
        return getattr(importlib.import_module(module), function)(x, **self.keras_options)


def _piecewise_linear(name: str, slope: float, keras_name: str, **options: float) -> Activation:
    return Activation(
        name,
        value=lambda x: np.where(x > 0, x, slope * x),
        derivative=lambda x: np.where(x > 0, 1.0, slope),
        second_derivative=None,
        keras_name=keras_name,
        keras_options=options,
        even_derivative=slope == 1,
        negative_slope=slope,
    )


def _density(x: np.ndarray) -> np.ndarray:
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def _erf_derivative(x: np.ndarray) -> np.ndarray:
    return 2 / np.sqrt(np.pi) * np.exp(-(x**2))


def _tanh_derivative(x: np.ndarray) -> np.ndarray:
    return 1 / np.cosh(x) ** 2


def _sigmoid_derivative(x: np.ndarray) -> np.ndarray:
    return special.expit(x) * special.expit(-x)


_TABLE = {
    "erf": lambda slope: Activation(
        "erf", special.erf, _erf_derivative, lambda x: -2 * x * _erf_derivative(x), "ops.erf", even_derivative=True
    ),
    "relu": lambda slope: _piecewise_linear("relu", 0.0, "ops.relu"),
    "leaky_relu": lambda slope: _piecewise_linear("leaky_relu", slope, "ops.leaky_relu", negative_slope=slope),
    "tanh": lambda slope: Activation(
        "tanh",
        np.tanh,
        _tanh_derivative,
        lambda x: -2 * np.tanh(x) * _tanh_derivative(x),
        "ops.tanh",
        even_derivative=True,
    ),
    "gelu": lambda slope: Activation(
        "gelu",
        lambda x: x * special.ndtr(x),
        lambda x: special.ndtr(x) + x * _density(x),
        lambda x: (2 - x**2) * _density(x),
        "ops.gelu",
        {"approximate": False},
    ),
    "softplus": lambda slope: Activation(
        "softplus", lambda x: np.logaddexp(0, x), special.expit, _sigmoid_derivative, "ops.softplus"
    ),
    "sigmoid": lambda slope: Activation(
        "sigmoid",
        special.expit,
        _sigmoid_derivative,
        lambda x: -np.tanh(x / 2) * _sigmoid_derivative(x),
        "ops.sigmoid",
        even_derivative=True,
    ),
    "linear": lambda slope: _piecewise_linear("linear", 1.0, "activations.linear"),
}
NAMES = tuple(_TABLE)
"""The names of all activations."""
DEFAULT_NEGATIVE_SLOPE = 0.1


def get(name: str, negative_slope: float = DEFAULT_NEGATIVE_SLOPE) -> Activation:
    """The activation of a name.

    Args:
        name: one of ``NAMES``.
        negative_slope: the slope below 0 of ``leaky_relu``; unused elsewhere.

    Raises:
        InputError: if there is no activation of that name.

    >>> float(get("leaky_relu", negative_slope=0.5).value(-3.0))
    -1.5
    """
    if name not in _TABLE:
        raise InputError(f"activation must be one of {', '.join(NAMES)}. Received: activation={name!r}.")
    return _TABLE[name](negative_slope)
