"""The linear model's kernel psi psi' is the expansion of the network's infinite-width kernel."""

import numpy as np
import pytest

from tests.oracles import psi_features
from tf_earlydyn import companion, theory
from tf_earlydyn.config import ModelConfig, RunConfig, TrainingConfig
from tf_earlydyn.data import Dataset

RNG = np.random.default_rng(0)


def dataset(shape, spectrum=None):
    x = RNG.standard_normal((40, *shape)).astype(np.float32)
    y = np.ones((40, 1), np.float32)
    return Dataset(x, y, x[:5], y[:5], spectrum=spectrum)


def kernel(config, data):
    psi = np.asarray(companion.linear_features(config, data)(data.x_test), np.float64)
    return psi @ psi.T


@pytest.mark.parametrize(("train", "kind"), [("first", "psi_1"), ("second", "psi_2"), ("both", "psi")])
def test_two_layer_takes_the_psi_of_what_is_trained(train, kind):
    spectrum = np.array([2.0, 1.0, 0.5, 0.5])
    data = dataset((4,), spectrum)
    config = RunConfig(model=ModelConfig(activation="gelu"), training=TrainingConfig(train=train))
    psi = psi_features(kind, theory.moments("gelu", spectrum), data.x_test.astype(np.float64))
    np.testing.assert_allclose(kernel(config, data), psi @ psi.T, rtol=1e-4, atol=1e-5)


def test_two_layer_estimates_the_covariance_of_real_data():
    data = dataset((2, 2, 1))
    measured = companion.two_layer_moments(ModelConfig(activation="relu"), data)
    assert measured == theory.moments_from_inputs("relu", data.x_train)
    assert measured.nu != theory.moments("relu").nu


def test_negative_slope_reaches_the_theory():
    config = ModelConfig(activation="leaky_relu", negative_slope=0.4)
    assert companion.two_layer_moments(config, dataset((3,), np.ones(3))).zeta == pytest.approx(0.7)  # (1 + a) / 2


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_mlp_kernel_is_its_expansion(activation):
    """Phi(0) + Phi'(0) x.x' / d."""
    data = dataset((2, 3))
    x = data.x_test.reshape(5, 6).astype(np.float64)
    value, slope = theory.mlp_tangent_kernel(activation, 3)
    config = RunConfig(model=ModelConfig(model="mlp", depth=3, activation=activation))
    np.testing.assert_allclose(kernel(config, data), value + slope * x @ x.T / 6, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "erf"])
def test_cnn_kernel_is_its_expansion(activation):
    """Phi + sum_p slope_p x_p.x'_p / channels."""
    data = dataset((3, 4, 2))
    x = data.x_test.astype(np.float64)
    value, slopes = theory.cnn_tangent_kernel(activation, 2, 3, 4)
    expected = value + np.einsum("hw,ihwc,jhwc->ij", slopes, x, x) / 2
    config = RunConfig(model=ModelConfig(model="cnn", depth=2, activation=activation))
    np.testing.assert_allclose(kernel(config, data), expected, rtol=1e-4, atol=1e-5)


def test_inputs_far_from_the_theorys_scale_are_warned_of():
    data = dataset((4,))
    large = Dataset(10 * data.x_train, data.y_train, 10 * data.x_test, data.y_test)
    scale = np.mean(large.x_train.astype(np.float64) ** 2)
    with pytest.warns(UserWarning, match=rf"/ d is {scale:.3g}, .*take preprocess=normalise"):
        companion.linear_features(RunConfig(), large)
