import numpy as np
import pytest

from tests.oracles import gaussian_expectation
from tf_earlydyn import activations, theory
from tf_earlydyn.errors import InputError
from tf_earlydyn.theory import gaussian_moments

NAMES = activations.NAMES


@pytest.mark.parametrize("name", NAMES)
def test_moments_are_the_integrals_that_define_them(name):
    """Adaptive quadrature of the definitions (Hu et al. 2020, Section 3), to the promised 1e-10."""
    phi = activations.get(name)
    measured = theory.moments(name)
    expected = {
        "zeta": phi.derivative,
        "nu": lambda g: g * phi.derivative(g),  # the identity has Tr(Sigma^2) / d = 1
        "theta0": phi.value,
        "theta1": lambda g: g * phi.derivative(g),
        "theta2": lambda g: (g**3 / 2 - g) * phi.derivative(g),
    }
    for moment, integrand in expected.items():
        assert getattr(measured, moment) == pytest.approx(gaussian_expectation(integrand), abs=1e-10), moment


@pytest.mark.parametrize("name", ["erf", "relu", "leaky_relu", "gelu", "linear"])
def test_closed_forms_are_what_quadrature_gives(name):
    phi = activations.get(name)
    closed = gaussian_moments._closed_form(phi)
    # Gauss-Hermite quadrature of a kink converges like 1/nodes only; of the others, to rounding.
    tolerance = 1e-10 if phi.negative_slope in (None, 1.0) else 5e-3
    np.testing.assert_allclose(closed, gaussian_moments._by_quadrature(phi), atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_moments_agree_with_monte_carlo(name):
    phi = activations.get(name)
    g = np.random.default_rng(1).standard_normal(400_000)
    measured = theory.moments(name)
    for moment, samples in {
        "zeta": phi.derivative(g),
        "theta0": phi.value(g),
        "theta1": g * phi.derivative(g),
        "theta2": (g**3 / 2 - g) * phi.derivative(g),
    }.items():
        error = samples.std() / np.sqrt(len(g))
        assert abs(getattr(measured, moment) - samples.mean()) <= 4.5 * error + 1e-12, moment


def test_values_of_the_paper():
    """The values in Section 3: erf 2/sqrt(3 pi) = 0.651470; ReLU 1/2 and 1/sqrt(2 pi) = 0.398942."""
    erf, relu = theory.moments("erf"), theory.moments("relu")
    assert erf.zeta == pytest.approx(0.651470, abs=5e-7)
    assert (erf.nu, erf.theta0, erf.theta1, erf.theta2) == (0, 0, 0, 0)
    assert relu.zeta == 0.5
    assert (relu.nu, relu.theta0, relu.theta1) == pytest.approx((0.398942,) * 3, abs=5e-7)
    assert relu.theta2 == 0


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_moments_that_vanish_by_symmetry_vanish_exactly(name):
    measured = theory.moments(name)
    assert (measured.nu, measured.theta1, measured.theta2) == (0, 0, 0)


def test_covariance_enters_through_the_trace_of_its_square():
    eigenvalues = np.array([2.0, 0.5, 0.5])
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    by_hand = np.sqrt((4 + 0.25 + 0.25) / 3) / np.sqrt(2 * np.pi)
    assert theory.moments("relu", eigenvalues).nu == pytest.approx(by_hand, rel=1e-12)
    assert theory.moments("relu", rotation @ np.diag(eigenvalues) @ rotation.T).nu == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [(np.ones((3, 2)), "shape"), (2 * np.ones(3), "trace d=3.*Received: trace 6"), (np.ones((1, 3)), "shape")],
)
def test_covariance_that_cannot_be_is_refused(covariance, message):
    with pytest.raises(InputError, match=message):
        theory.moments("relu", covariance)


def test_estimate_of_the_trace_is_unbiased_where_the_plain_one_is_not():
    """Tr(Sigma^2) = 20 for the identity in 20 dimensions; the plain estimate adds d^2 / n = 10 to it."""
    rng = np.random.default_rng(0)
    samples = [rng.standard_normal((40, 20)) for _ in range(400)]
    unbiased = np.array([theory.trace_of_squared_covariance(x) for x in samples])
    plain = np.array([np.sum((x.T @ x / len(x)) ** 2) for x in samples])
    error = unbiased.std() / np.sqrt(len(samples))
    assert abs(unbiased.mean() - 20) < 4 * error
    assert plain.mean() - 20 > 9


def test_estimate_of_the_trace_is_the_mean_over_pairs():
    x = np.random.default_rng(2).standard_normal((7, 3))
    pairs = [(x[i] @ x[j]) ** 2 for i in range(7) for j in range(7) if i != j]
    assert theory.trace_of_squared_covariance(x) == pytest.approx(np.mean(pairs), rel=1e-12)


def test_moments_from_inputs_flatten_images():
    images = np.random.default_rng(3).standard_normal((500, 4, 4, 3))
    expected = np.sqrt(theory.trace_of_squared_covariance(images.reshape(500, 48)) / 48) / np.sqrt(2 * np.pi)
    assert theory.moments_from_inputs("relu", images).nu == pytest.approx(expected, rel=1e-12)
