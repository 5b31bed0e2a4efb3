import numpy as np
import pytest

from tf_earlydyn import activations
from tf_earlydyn.errors import InputError

X = np.linspace(-4, 4, 401) + 1e-3  # off the kink of the piecewise linear ones
STEP = 1e-5


@pytest.mark.parametrize("name", activations.NAMES)
def test_derivatives_are_those_of_the_value(name):
    phi = activations.get(name)
    central = (phi.value(X + STEP) - phi.value(X - STEP)) / (2 * STEP)
    np.testing.assert_allclose(phi.derivative(X), central, atol=1e-9)
    if phi.second_derivative is not None:
        central = (phi.derivative(X + STEP) - phi.derivative(X - STEP)) / (2 * STEP)
        np.testing.assert_allclose(phi.second_derivative(X), central, atol=1e-9)


@pytest.mark.parametrize("name", activations.NAMES)
def test_tensor_operation_is_the_numpy_function(name):
    phi = activations.get(name, negative_slope=0.3)
    np.testing.assert_allclose(np.asarray(phi(X.astype(np.float32))), phi.value(X.astype(np.float32)), atol=2e-6)


@pytest.mark.parametrize("name", activations.NAMES)
def test_symmetry_is_as_declared(name):
    phi = activations.get(name)
    assert np.allclose(phi.derivative(-X), phi.derivative(X), atol=1e-12) == phi.even_derivative


def test_unknown_name_is_refused():
    with pytest.raises(InputError, match=r"activation must be one of erf.*Received: activation='swish'"):
        activations.get("swish")
