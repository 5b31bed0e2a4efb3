"""Slow, dense, float64 counterparts of the package's numerics, written from the equations alone."""

import numpy as np
from scipy import integrate


def gaussian_expectation(function) -> float:
    """E[f(g)], g ~ N(0, 1), by adaptive quadrature, with 0 as a breaking point for kinks."""
    density = lambda g: function(np.array(g)) * np.exp(-(g**2) / 2) / np.sqrt(2 * np.pi)  # noqa: E731
    halves = ((-40.0, 0.0), (0.0, 40.0))
    return sum(integrate.quad(density, *half, epsabs=1e-13, epsrel=1e-13, limit=500)[0] for half in halves)


def psi_features(kind: str, moments, x: np.ndarray) -> np.ndarray:
    """psi_1, psi_2 or psi of ``[n, d]`` with every entry written out (Hu et al. 2020, Section 3)."""
    n, d = x.shape
    ratio = np.linalg.norm(x, axis=1, keepdims=True) / np.sqrt(d) - 1
    q = moments.theta0 + moments.theta1 * ratio + moments.theta2 * ratio**2
    one = np.ones((n, 1))
    return {
        "psi_1": np.hstack([moments.zeta * x, moments.nu * one]) / np.sqrt(d),
        "psi_2": np.hstack([moments.zeta * x / np.sqrt(d), moments.nu / np.sqrt(2 * d) * one, q]),
        "psi": np.hstack([np.sqrt(2 / d) * moments.zeta * x, np.sqrt(3 / (2 * d)) * moments.nu * one, q]),
    }[kind]


def linear_descent(features: np.ndarray, y: np.ndarray, rate: float, steps: int) -> list[np.ndarray]:
    """Outputs ``[n, C]`` at steps 0 to ``steps`` of descent on (1/2n) sum_i ||f(x_i) - y_i||^2 from beta = 0."""
    beta = np.zeros((features.shape[1], y.shape[1]))
    outputs = []
    for _ in range(steps + 1):
        outputs.append(features @ beta)
        beta = beta - rate * features.T @ (outputs[-1] - y) / len(y)
    return outputs


def two_layer_descent(w, v, phi, dphi, x, y, rates, steps) -> list[np.ndarray]:
    """Outputs ``[n]`` at steps 0 to ``steps`` of (1/sqrt(m)) sum_r v_r phi(w_r . x / sqrt(d)), gradients by hand.

    ``w`` is ``[d, m]``, ``v`` ``[m]``; ``rates`` are eta_1 and eta_2 (Hu et al. 2020, Section 3).
    """
    (n, d), m = x.shape, len(v)
    outputs = []
    for _ in range(steps + 1):
        u = x @ w / np.sqrt(d)
        outputs.append(phi(u) @ v / np.sqrt(m))
        residual = (outputs[-1] - y) / n
        w_gradient = x.T @ (residual[:, None] * v * dphi(u)) / np.sqrt(m * d)
        v_gradient = phi(u).T @ residual / np.sqrt(m)
        w, v = w - rates[0] * w_gradient, v - rates[1] * v_gradient
    return outputs


def jacobian_kernel(model, x: np.ndarray) -> np.ndarray:
    """The tangent kernel ``[n, n]`` of a model with one output, from its dense Jacobian."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        y = model(x)[:, 0]
    jacobians = tape.jacobian(y, [variable.value for variable in model.trainable_variables])
    flat = np.concatenate([np.reshape(j, (len(x), -1)) for j in jacobians], axis=1).astype(np.float64)
    return flat @ flat.T
