import dataclasses

import numpy as np
import pytest

from tf_earlydyn import activations
from tf_earlydyn.theory import duals

NAMES = activations.NAMES


@pytest.mark.parametrize(("q", "c"), [(1.0, 0.0), (0.6, 0.25), (0.9, -0.4)])
@pytest.mark.parametrize("name", NAMES)
def test_duals_agree_with_monte_carlo(name, q, c):
    phi = activations.get(name)
    g = np.random.default_rng(0).standard_normal((2, 400_000))
    u = np.sqrt(q) * g[0]
    v = c / q * u + np.sqrt(q - c**2 / q) * g[1]
    measured = duals.dual(phi, np.array([q]), np.array([c]))
    samples = {"value": phi.value(u) * phi.value(v), "derivative": phi.derivative(u) * phi.derivative(v)}
    if phi.second_derivative is not None:
        samples["second_derivative"] = phi.second_derivative(u) * phi.second_derivative(v)
    for part, products in samples.items():
        error = products.std() / np.sqrt(g.shape[1])
        assert abs(getattr(measured, part)[0] - products.mean()) <= 4.5 * error + 1e-12, part
    square = phi.value(u) ** 2
    assert abs(duals.mean_square(phi, np.array([q]))[0] - square.mean()) <= 4.5 * square.std() / np.sqrt(g.shape[1])


@pytest.mark.parametrize("name", NAMES)
def test_each_dual_is_the_derivative_of_the_one_before(name):
    """Price's theorem, by central differences: an oracle for the point masses of ReLU as well."""
    phi, q, c, step = activations.get(name), np.array([0.8]), np.array([0.3]), 1e-5
    here, above, below = (duals.dual(phi, q, c + shift) for shift in (0, step, -step))
    np.testing.assert_allclose(here.derivative, (above.value - below.value) / (2 * step), atol=1e-9)
    np.testing.assert_allclose(here.second_derivative, (above.derivative - below.derivative) / (2 * step), atol=1e-9)


@pytest.mark.parametrize("name", ["erf", "linear"])
def test_closed_form_duals_are_what_quadrature_gives(name):
    phi = activations.get(name)
    closed = duals.dual(phi, np.array([0.7]), np.array([0.2]))
    value, derivative, _ = duals._quadrature_dual(_smooth(phi), 0.7, 0.2)
    assert closed.value[0] == pytest.approx(value, abs=1e-10)
    assert closed.derivative[0] == pytest.approx(derivative, abs=1e-10)


def _smooth(phi):
    return phi if phi.second_derivative else dataclasses.replace(phi, second_derivative=np.zeros_like)
