import numpy as np
import pytest

from tests.oracles import psi_features
from tf_earlydyn import activations, theory
from tf_earlydyn.errors import InputError

X = np.random.default_rng(0).standard_normal((6, 5))
PSI = {"psi_1": theory.psi_1, "psi_2": theory.psi_2, "psi": theory.psi}


@pytest.mark.parametrize("name", activations.NAMES)
@pytest.mark.parametrize("kind", PSI)
def test_psi_is_its_formula(kind, name):
    """Equal kernels Psi Psi': features that are 0 for every input are left out, which changes no kernel."""
    moments = theory.moments(name)
    features = PSI[kind](moments)
    measured = np.asarray(features(X.astype(np.float32)), np.float64)
    expected = psi_features(kind, moments, X)
    np.testing.assert_allclose(measured @ measured.T, expected @ expected.T, atol=3e-6)
    assert measured.shape[1] == np.count_nonzero(np.abs(expected).sum(axis=0) > 1e-14)
    assert features.compute_output_shape(X.shape) == measured.shape


def test_kernel_of_psi_is_the_sum_of_the_layers_kernels():
    """Training both layers: psi . psi' = psi_1 . psi_1' + psi_2 . psi_2'."""
    moments = theory.moments("gelu", np.array([2.0, 1.0, 1.0, 0.5, 0.5]))
    first, second, both = (
        np.asarray(PSI[kind](moments)(X.astype(np.float32)), np.float64) for kind in ("psi_1", "psi_2", "psi")
    )
    np.testing.assert_allclose(both @ both.T, first @ first.T + second @ second.T, atol=2e-6)


@pytest.mark.parametrize(("name", "constant"), [("erf", False), ("relu", True), ("sigmoid", True)])
def test_constants_are_known(name, constant):
    assert theory.psi(theory.moments(name)).has_constant == constant


def test_coefficients_by_location_weigh_the_inputs():
    images = np.random.default_rng(1).standard_normal((2, 2, 2, 3)).astype(np.float32)
    weights = np.array([[1.0, 2.0], [3.0, 4.0]])[..., None]
    measured = np.asarray(theory.LinearFeatures(weights)(images))
    np.testing.assert_allclose(measured, (weights * images / np.sqrt(12)).reshape(2, 12), rtol=1e-6)


def test_norm_needs_three_coefficients():
    with pytest.raises(InputError, match="norm must hold three"):
        theory.LinearFeatures(1.0, norm=(1.0, 2.0))
