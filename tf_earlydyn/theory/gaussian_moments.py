"""The Gaussian moments of an activation from which the psi features are made (Hu et al. 2020, Section 3)."""

import dataclasses

import numpy as np
from scipy import special

from tf_earlydyn import activations
from tf_earlydyn.activations import Activation
from tf_earlydyn.errors import InputError

QUADRATURE_NODES = 200  # tanh has poles at +-i pi/2 and needs as many for 1e-10


@dataclasses.dataclass(frozen=True)
class Moments:
    r"""Means over $g \sim N(0, 1)$ that the psi features are made of (Hu et al. 2020, Section 3).

    Attributes:
        zeta: $\zeta = E[\phi'(g)]$.
        nu: $\nu = E[g \phi'(g)] \sqrt{\mathrm{Tr}(\Sigma^2) / d}$.
        theta0: $\vartheta_0 = E[\phi(g)]$.
        theta1: $\vartheta_1 = E[g \phi'(g)]$.
        theta2: $\vartheta_2 = E[(g^3/2 - g) \phi'(g)]$.
    """

    zeta: float
    nu: float
    theta0: float
    theta1: float
    theta2: float


def moments(activation: str | Activation, covariance: np.ndarray | None = None) -> Moments:
    r"""The moments of ``activation`` for inputs of a known covariance.

    Closed form where there is one, Gauss-Hermite quadrature otherwise; to 1e-10 either way.

    Args:
        activation: a name that ``activations.get`` knows, or an ``Activation``.
        covariance: $\Sigma$, ``[d, d]``, or its eigenvalues, ``[d]``, with trace d; None is the identity. For real
            data, whose Sigma is not known, take ``moments_from_inputs``.

    Raises:
        InputError: on an unknown activation, or a covariance of another shape or with a trace that is not d.

    >>> round(moments("erf").zeta, 6)
    0.65147
    """
    return _moments(activation, 1.0 if covariance is None else _trace_ratio(covariance))


def moments_from_inputs(activation: str | Activation, x: np.ndarray) -> Moments:
    r"""The moments with $\mathrm{Tr}(\Sigma^2) / d$ estimated without bias from inputs.

    Args:
        activation: a name that ``activations.get`` knows, or an ``Activation``.
        x: centred inputs ``[n, ...]``, flattened to ``[n, d]``.

    Raises:
        InputError: on an unknown activation, or a single input.
    """
    x = np.reshape(x, (len(x), -1))
    return _moments(activation, trace_of_squared_covariance(x) / x.shape[1])


def trace_of_squared_covariance(x: np.ndarray) -> float:
    r"""$\mathrm{Tr}(\Sigma^2)$, $\Sigma = E[x x^\top]$, estimated without bias.

    It is the mean of $(x_i \cdot x_j)^2$ over pairs $i \neq j$. The plain $\mathrm{Tr}(S^2)$ of the sample covariance S
    also counts i = j and so is too large by about $(\mathrm{Tr} \, \Sigma)^2 / n$.

    Args:
        x: centred inputs, ``[n, d]``, n > 1.

    Raises:
        InputError: if they are not of that shape.
    """
    x = np.asarray(x, np.float64)
    n = len(x)
    if x.ndim != 2 or n < 2:
        raise InputError(f"estimating Tr(Sigma^2) takes inputs [n, d], at least two. Received: shape {x.shape}.")
    all_pairs = np.sum((x.T @ x) ** 2)
    same = np.sum(np.sum(x**2, axis=1) ** 2)
    return float((all_pairs - same) / (n * (n - 1)))


def gaussian_nodes() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights ``[QUADRATURE_NODES]`` with sum_k w_k f(g_k) = E[f(g)], g ~ N(0, 1)."""
    nodes, weights = special.roots_hermitenorm(QUADRATURE_NODES)
    return nodes, weights / np.sqrt(2 * np.pi)


def _moments(activation: str | Activation, trace_ratio: float) -> Moments:
    if isinstance(activation, str):
        activation = activations.get(activation)
    zeta, theta0, theta1, theta2 = map(float, _closed_form(activation) or _by_quadrature(activation))
    return Moments(zeta, theta1 * float(np.sqrt(trace_ratio)), theta0, theta1, theta2)


def _closed_form(activation: Activation) -> tuple[float, float, float, float] | None:
    """(zeta, theta0, theta1, theta2) by partial integration, or None."""
    if activation.negative_slope is not None:
        slope = activation.negative_slope
        half_mean = (1 - slope) / np.sqrt(2 * np.pi)
        return (1 + slope) / 2, half_mean, half_mean, 0.0
    if activation.name == "erf":
        return 2 / np.sqrt(3 * np.pi), 0.0, 0.0, 0.0
    if activation.name == "gelu":
        unit = 1 / np.sqrt(np.pi)
        return 0.5, unit / 2, 3 * unit / 4, unit / 16
    return None


def _by_quadrature(activation: Activation) -> tuple[float, float, float, float]:
    g, weights = gaussian_nodes()
    slope = activation.derivative(g)
    zeta = float(weights @ slope)
    if activation.even_derivative:  # by symmetry, not up to rounding, so that psi gets no features that are noise
        return zeta, float(activation.value(np.zeros(1))[0]), 0.0, 0.0
    means = (weights @ values for values in (activation.value(g), g * slope, (g**3 / 2 - g) * slope))
    theta0, theta1, theta2 = map(float, means)
    return zeta, theta0, theta1, theta2


def _trace_ratio(covariance: np.ndarray) -> float:
    """Tr(Sigma^2) / d."""
    covariance = np.asarray(covariance, np.float64)
    d = len(covariance)
    if covariance.shape not in ((d,), (d, d)):
        raise InputError(f"covariance must be [d, d], or its eigenvalues [d]. Received: shape {covariance.shape}.")
    trace = covariance.sum() if covariance.ndim == 1 else np.trace(covariance)
    if not np.isclose(trace, d, rtol=1e-3):
        raise InputError(f"covariance must have trace d={d}: scale the inputs. Received: trace {trace:.6g}.")
    return float(np.sum(covariance**2) / d)
