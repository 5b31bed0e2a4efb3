import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles import jacobian_kernel
from tf_earlydyn import activations, models, theory
from tf_earlydyn.config import ModelConfig
from tf_earlydyn.errors import InputError

X = np.random.default_rng(0).standard_normal((5, 4, 4, 2)).astype(np.float32)
NETWORKS = {
    "two_layer": lambda **kw: models.two_layer((4, 4, 2), 6, **kw),
    "mlp": lambda **kw: models.mlp((4, 4, 2), 5, 3, **kw),
    "cnn": lambda **kw: models.cnn((4, 4, 2), 3, 2, **kw),
}
every_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)


def outputs(model, x=X):
    return np.asarray(model(x))


def perturbed(model):
    """The model with every weight moved by another amount, so that the halves of an antisymmetric one differ."""
    rng = np.random.default_rng(1)
    model.set_weights([weight + rng.standard_normal(weight.shape).astype(np.float32) for weight in model.get_weights()])
    return model


def test_dense_is_its_formula():
    layer = models.NTKDense(3, use_bias=True, bias_initializer="ones")
    x = X.reshape(5, 32)
    y = np.asarray(layer(x))
    expected = x @ np.asarray(layer.kernel) / np.sqrt(32) + 1
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)  # float32's rounding of sums of terms of order 1
    assert layer.compute_output_shape(x.shape) == y.shape


@pytest.mark.parametrize("options", [{}, {"strides": 2, "padding": "same"}, {"groups": 2, "use_bias": True}])
def test_convolution_is_keras_convolution_scaled(options):
    ours, theirs = models.NTKConv2D(4, 3, **options), keras.layers.Conv2D(4, 3, **{"use_bias": False, **options})
    ours.build(X.shape)
    theirs.build(X.shape)
    fan_in = 9 * 2 // options.get("groups", 1)
    kernel, *bias = ours.get_weights()
    theirs.set_weights([kernel / np.sqrt(fan_in), *bias])
    np.testing.assert_allclose(outputs(ours), outputs(theirs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", [models.NTKDense(2000), models.NTKConv2D(500, 3)], ids=["dense", "conv"])
def test_weights_are_standard_normal(layer):
    """Moments 1, 2 and 4 to 4.5 standard errors: Var w = 1, Var w^2 = 2, Var w^4 = 105 - 9 = 96."""
    layer.build(X.shape)
    weights = np.asarray(layer.kernel).ravel()
    assert abs(weights.mean()) < 4.5 / np.sqrt(weights.size)
    assert abs(weights.var() - 1) < 4.5 * np.sqrt(2 / weights.size)
    assert abs(np.mean(weights**4) - 3) < 4.5 * np.sqrt(96 / weights.size)


def test_readout_of_two_layer_is_a_fair_sign():
    readout = models.two_layer((3,), 4000, seed=1).get_layer("readout").get_weights()[0]
    assert set(np.unique(readout)) == {-1, 1}
    assert abs(readout.mean()) < 4.5 / np.sqrt(readout.size)


def test_two_layer_is_the_papers_formula():
    """f(x) = (1/sqrt(m)) sum_r v_r phi(w_r . x / sqrt(d)) with w, v doubled and the sign of v turned."""
    config = ModelConfig(width=10, activation="tanh")
    f = models.build(config, (3,), 1, seed=0)
    w, v = f.positive.get_weights()
    f.negative.set_weights([w + 1, v])
    x = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)
    both_w, both_v = np.hstack([w, w + 1]), np.vstack([v, -v])
    expected = np.tanh(x @ both_w / np.sqrt(3)) @ both_v / np.sqrt(10)
    np.testing.assert_allclose(outputs(f, x), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("activation", activations.NAMES)
@every_network
def test_antisymmetric_is_exactly_zero_with_equal_halves(make, activation):
    f = models.antisymmetric(make(activation=activation, outputs=2))
    compiled = tf.function(f, jit_compile=True)
    for first, second in zip(f.positive.get_weights(), f.negative.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert not outputs(f).any()
    assert not outputs(compiled).any()


@every_network
def test_antisymmetric_has_the_kernel_of_the_original(make):
    g = make(activation="gelu")
    kernel = jacobian_kernel(g, X)
    np.testing.assert_allclose(jacobian_kernel(models.antisymmetric(g), X), kernel, rtol=1e-4, atol=1e-5)


def test_antisymmetric_leaves_the_original_alone():
    g = NETWORKS["mlp"]()
    before = outputs(g)
    perturbed(models.antisymmetric(g))
    np.testing.assert_array_equal(outputs(g), before)


def test_antisymmetric_of_an_unbuilt_model_is_zero_once_built():
    f = models.antisymmetric(keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(4), keras.layers.Dense(1)]))
    assert not outputs(f).any()
    assert jacobian_kernel(f, X).any()


@every_network
def test_networks_differ_by_seed_and_not_otherwise(make):
    np.testing.assert_array_equal(outputs(make(seed=1)), outputs(make(seed=1)))
    assert np.abs(outputs(make(seed=1)) - outputs(make(seed=2))).max() > 1e-3


def test_layers_of_equal_shape_start_differently():
    network = models.mlp((5,), 5, 2, outputs=5)
    first, second, third = network.get_weights()
    assert np.abs(first - second).max() > 0.1
    assert np.abs(second - third).max() > 0.1


MODELS = {
    **NETWORKS,
    "leaky": lambda: models.mlp((4, 4, 2), 5, 2, "leaky_relu", negative_slope=0.4),
    "antisymmetric": lambda: models.antisymmetric(NETWORKS["cnn"](activation="softplus")),
    "linear": lambda: _built(models.LinearModel(theory.psi(theory.moments("relu")), 2)),
    "linear_by_location": lambda: _built(models.LinearModel(theory.LinearFeatures(np.ones((4, 4, 1)), 2.0))),
}


def _built(model):
    model.build(X.shape)
    return model


@pytest.mark.smoke
@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_models_save_and_load(make, tmp_path):
    model = perturbed(make())
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(outputs(keras.saving.load_model(tmp_path / "model.keras")), outputs(model))


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_clone_is_the_model_at_step_0(make):
    model = make()
    fresh = outputs(model)
    clone = keras.models.clone_model(perturbed(model))
    np.testing.assert_array_equal(outputs(clone), fresh)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(outputs(clone), outputs(model))


def test_a_clone_without_seeds_is_new_and_still_has_equal_halves():
    f = models.antisymmetric(keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Flatten(), models.NTKDense(1)]))
    clone = keras.models.clone_model(perturbed(f))
    assert not outputs(clone).any()
    assert np.abs(clone.get_weights()[0] - f.get_weights()[0]).max() > 0.1


@pytest.mark.smoke
@pytest.mark.parametrize("imports", ["tf_earlydyn, keras", "keras, tf_earlydyn"])
def test_models_load_in_a_new_process_that_imports_the_package(imports, tmp_path):
    MODELS["antisymmetric"]().save(tmp_path / "model.keras")
    MODELS["linear"]().save(tmp_path / "linear.keras")
    code = f"import {imports}; [keras.saving.load_model(f'{tmp_path}/{{name}}.keras') for name in ('model', 'linear')]"
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ, capture_output=True)


def test_float64_models_stay_float64(float64):
    x = X.astype(np.float64)
    f = perturbed(models.antisymmetric(NETWORKS["cnn"]()))
    assert f(x).dtype == "float64"
    assert np.abs(outputs(f, x + 1e-12) - outputs(f, x)).max() > 0  # nothing on the way rounds to float32


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_antisymmetric_needs_a_network_that_is_deterministic(dropout):
    """As the docstring says: a layer that draws at random in training draws differently in the two halves."""
    layers = [keras.Input((4, 4, 2)), keras.layers.Flatten(), keras.layers.Dropout(dropout), keras.layers.Dense(1)]
    f = models.antisymmetric(keras.Sequential(layers))
    assert not outputs(f).any()
    assert np.asarray(f(X, training=True)).any() == (dropout > 0)


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    """A model without the attributes that only Functional and Sequential models have."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(2)

    def call(self, x):
        return self.dense(self.flatten(x))


def test_antisymmetric_takes_subclassed_models():
    g = Subclassed()
    unbuilt = models.antisymmetric(g)
    assert not outputs(unbuilt).any()
    assert len(unbuilt.get_weights()) == 4
    values = outputs(g)
    f = models.antisymmetric(g)
    assert not outputs(f).any()
    np.testing.assert_array_equal(outputs(f.positive), values)
    assert not outputs(models.antisymmetric(perturbed(f))).any()


@pytest.mark.parametrize("outputs_count", [1, 3])
def test_linear_model_is_zero_at_step_0(outputs_count):
    model = models.LinearModel(theory.psi(theory.moments("gelu")), outputs_count)
    assert outputs(model).shape == (5, outputs_count)
    assert not outputs(model).any()


@pytest.mark.parametrize("make", [lambda: models.NTKDense(-3), lambda: models.NTKConv2D(-3, 3)])
def test_sizes_that_cannot_be_are_refused(make):
    with pytest.raises(InputError, match=r"positive integer\. Received: \w+=-3"):
        make()
