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


def two_layer_descent(w, v, phi, dphi, x, y, rates, steps, at=None) -> list[np.ndarray]:
    """Outputs at steps 0 to ``steps`` of (1/sqrt(m)) sum_r v_r phi(w_r . x / sqrt(d)), gradients by hand.

    ``w`` is ``[d, m]``, ``v`` ``[m]``; ``rates`` are eta_1 and eta_2 (Hu et al. 2020, Section 3). Outputs are those on
    ``at`` ``[k, d]``, by default the training inputs, ``[k]``.
    """
    (n, d), m = x.shape, len(v)
    outputs = []
    for _ in range(steps + 1):
        u = x @ w / np.sqrt(d)
        outputs.append(phi((x if at is None else at) @ w / np.sqrt(d)) @ v / np.sqrt(m))
        residual = (phi(u) @ v / np.sqrt(m) - y) / n
        w_gradient = x.T @ (residual[:, None] * v * dphi(u)) / np.sqrt(m * d)
        v_gradient = phi(u).T @ residual / np.sqrt(m)
        w, v = w - rates[0] * w_gradient, v - rates[1] * v_gradient
    return outputs


def two_layer_kernels(w, v, phi, dphi, x) -> tuple[np.ndarray, np.ndarray]:
    """The tangent kernels ``[n, n]`` of (1/sqrt(m)) sum_r v_r phi(w_r . x / sqrt(d)) in its first and second layer.

    ``w`` is ``[d, m]``, ``v`` ``[m]`` (Hu et al. 2020, Section 3).
    """
    (n, d), m = x.shape, len(v)
    u = x @ w / np.sqrt(d)
    first, second = np.zeros((n, n)), np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            first[i, j] = x[i] @ x[j] / d * np.sum(v**2 * dphi(u[i]) * dphi(u[j])) / m
            second[i, j] = phi(u[i]) @ phi(u[j]) / m
    return first, second


def jacobian(model, x: np.ndarray, variables=None) -> np.ndarray:
    """The dense Jacobian ``[n, C, p]`` in float64, of each output of each example alone, by reverse mode."""
    import tensorflow as tf

    values = [variable.value for variable in (model.trainable_variables if variables is None else variables)]
    rows = []
    for example in x:
        with tf.GradientTape(persistent=True) as tape:
            y = tf.unstack(tf.reshape(model(tf.constant(example[None]), training=False), [-1]))
        for output in y:
            gradients = tape.gradient(output, values, unconnected_gradients="zero")
            rows.append(np.concatenate([np.ravel(tf.convert_to_tensor(g)) for g in gradients]))
    return np.reshape(rows, (len(x), len(y), -1)).astype(np.float64)


def jacobian_kernel(model, x1: np.ndarray, x2: np.ndarray | None = None, variables=None) -> np.ndarray:
    """The tangent kernel J J', ``[n1, n2, C, C]``, or ``[n1, n2]`` for one output."""
    first = jacobian(model, x1, variables)
    second = first if x2 is None else jacobian(model, x2, variables)
    kernel = np.einsum("icp,jdp->ijcd", first, second)
    return kernel[:, :, 0, 0] if first.shape[1] == 1 else kernel
