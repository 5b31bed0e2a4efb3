"""Empirical tangent kernels against the dense float64 oracle J J', and their laws."""

import gc
import logging
import subprocess
import sys
import weakref

import keras
import numpy as np
import pytest

import tf_earlydyn as te
from tests import kernel_models, oracles
from tests.cases import PEAK_MEMORY, needs_proc
from tf_earlydyn.errors import InputError
from tf_earlydyn.models import antisymmetric
from tf_earlydyn.ntk import blocks, empirical, empirical_ntk

METHODS = ("auto", "structured", "jacobian")


def assert_kernel(kernel, expected, rtol):
    """Relative to an entry, or to the largest one: entries of nearly orthogonal gradients are as good as rounding."""
    assert kernel.shape == expected.shape
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(kernel, expected, rtol=rtol, atol=rtol * scale)


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.ERROR, "tf_earlydyn")  # which tells of slow variables, in a test of its own


LONG = {"masked recurrent"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in kernel_models.MODELS]
)
def test_every_method_gives_the_dense_kernel(name):
    """In float64 and, with the float64 model's weights, in float32."""
    exact = kernel_models.make(name)
    x1, x2 = kernel_models.inputs(exact, 5), kernel_models.inputs(exact, 3, seed=2)
    of_all = oracles.jacobian_kernel(exact, np.concatenate([x1, x2]))
    symmetric, rectangular = of_all[:5, :5], of_all[:5, 5:]
    single = kernel_models.make(name, "float32")
    if name in kernel_models.NEEDS_JACOBIANS:
        with pytest.raises(InputError, match="take method=auto"):
            empirical_ntk(exact, x1, method="structured")
        fast = "auto"
    else:
        fast = "structured"
    for method in (fast, "jacobian"):
        assert_kernel(empirical_ntk(exact, x1, method=method), symmetric, 1e-9)
        assert_kernel(empirical_ntk(exact, x1, x2, method=method), rectangular, 1e-9)
    for method in ("auto", "jacobian"):
        kernel = empirical_ntk(single, x1, method=method)
        assert kernel.dtype == "float32"
        assert_kernel(kernel, symmetric, 1e-4)


X = np.random.default_rng(0).standard_normal((9, 7)).astype("float32")


@pytest.fixture(scope="module")
def model():
    return kernel_models.make("mlp", "float32")


@pytest.mark.smoke
@pytest.mark.parametrize("name", ["mlp of three outputs", "cnn of two outputs", "outputs of an image", "nested"])
def test_the_trace_is_the_mean_over_outputs(name):
    model = kernel_models.make(name)
    x = kernel_models.inputs(model, 4)
    kernel = oracles.jacobian_kernel(model, x)
    for method in METHODS:
        traced = empirical_ntk(model, x, outputs="trace", method=method)
        assert_kernel(traced, np.einsum("ijcc->ij", kernel) / kernel.shape[2], 1e-9)


@pytest.mark.parametrize("name", ["mlp of three outputs", "shared convolution", "attention", "frozen layer"])
def test_kernels_of_layers_add_up(name):
    model = kernel_models.make(name)
    x = kernel_models.inputs(model, 4)
    kernels = empirical_ntk(model, x, by_layer=True)
    assert set(kernels) == {variable.path.split("/")[-2] for variable in model.trainable_variables}
    assert_kernel(sum(kernels.values()), empirical_ntk(model, x), 1e-12)
    for layer, kernel in kernels.items():
        own = [variable for variable in model.trainable_variables if variable.path.split("/")[-2] == layer]
        assert_kernel(kernel, oracles.jacobian_kernel(model, x, variables=own), 1e-9)
        assert_kernel(empirical_ntk(model, x, variables=[layer]), kernel, 1e-12)


def test_variables_are_chosen_by_name_path_or_themselves(model):
    bias = kernel_models.make("dense with biases").trainable_variables[1]
    dense = kernel_models.make("dense with biases")
    x = kernel_models.inputs(dense, 4)
    expected = oracles.jacobian_kernel(dense, x, variables=[dense.trainable_variables[1]])
    for wanted in (dense.trainable_variables[1], dense.trainable_variables[1].path):
        assert_kernel(empirical_ntk(dense, x, variables=[wanted]), expected, 1e-9)
    with pytest.raises(InputError, match="variables must name layers"):
        empirical_ntk(dense, x, variables=[bias])  # of another model


def test_both_halves_of_an_antisymmetric_network_count_by_name(float64):
    """The kernel of f is that of g (Hu et al. 2020, Section 3), layer by layer."""
    g = kernel_models.make("two_layer relu")
    f = antisymmetric(g)
    x = kernel_models.inputs(g, 5)
    kernels, of_f = empirical_ntk(g, x, by_layer=True), empirical_ntk(f, x, by_layer=True)
    assert set(of_f) == {"hidden", "readout"}
    for layer in of_f:
        assert_kernel(of_f[layer], kernels[layer], 1e-12)


@pytest.mark.parametrize("limit", [1_000, 3_000, 5_000, 20_000, 2**30])
@pytest.mark.parametrize("name", ["mlp", "mlp of three outputs"])
def test_blocks_of_any_size_give_the_same_kernel(name, limit):
    model = kernel_models.make(name)
    x1, x2 = kernel_models.inputs(model, 11), kernel_models.inputs(model, 6, seed=2)
    least = needed(model, x1)
    for other in (None, x2):
        kernel = empirical_ntk(model, x1, other, memory_limit=least + limit)
        assert_kernel(kernel, oracles.jacobian_kernel(model, x1, other), 1e-9)


def needed(model, x):
    with pytest.raises(InputError, match="memory_limit must be at least") as refused:
        empirical_ntk(model, x, memory_limit=10)
    return int(refused.value.args[0].split("at least ")[1].split()[0])


def test_a_limit_that_holds_one_pair_is_enough(model):
    kernel = empirical_ntk(model, X, memory_limit=needed(model, X))
    np.testing.assert_allclose(kernel, empirical_ntk(model, X), rtol=1e-5)


def test_a_symmetric_kernel_is_computed_once(model, monkeypatch):
    """With blocks of three, six tiles of nine; and no tile again when the terms are kept."""
    tiles = []
    original = empirical.strips
    monkeypatch.setattr(empirical, "strips", lambda *arguments: tiles.append(1) or original(*arguments))
    monkeypatch.setattr(blocks, "LARGEST", 3)
    symmetric = empirical_ntk(model, X)
    assert len(tiles) == 6
    np.testing.assert_allclose(symmetric, empirical_ntk(model, X, X), rtol=1e-5, atol=1e-6)
    assert len(tiles) == 15
    np.testing.assert_array_equal(symmetric, symmetric.T)


class Counting(keras.layers.Layer):
    """Counts its calls in Python, which a compiled model makes when it is traced alone."""

    calls = 0

    def call(self, x):
        Counting.calls += 1
        return x


class Switched(keras.layers.Layer):
    """Doubles its inputs where it is told to."""

    def __init__(self):
        super().__init__()
        self.doubled = False

    def call(self, x):
        return 2.0 * x if self.doubled else x


def test_a_second_call_does_not_trace_again(caplog):
    """Nor does TensorFlow warn of retracing when many sizes and models are asked for."""
    model = keras.Sequential([keras.Input((7,)), Counting(), keras.layers.Dense(1)])
    empirical_ntk(model, X)
    before = Counting.calls
    empirical_ntk(model, X)
    empirical_ntk(model, 2 * X)
    assert Counting.calls == before
    for n in range(1, 9):
        empirical_ntk(model, X[:n])
    assert Counting.calls > before
    assert not caplog.messages


def test_the_kernel_is_of_the_weights_of_the_moment():
    model = kernel_models.make("mlp")
    x = kernel_models.inputs(model, 4)
    empirical_ntk(model, x)
    model.set_weights([0.5 * weight for weight in model.get_weights()])
    assert_kernel(empirical_ntk(model, x), oracles.jacobian_kernel(model, x), 1e-9)


def test_what_is_trainable_may_change():
    model = kernel_models.make("frozen layer")
    x = kernel_models.inputs(model, 4)
    empirical_ntk(model, x)
    model.layers[1].trainable = True
    model.layers[0].trainable = False
    assert_kernel(empirical_ntk(model, x), oracles.jacobian_kernel(model, x), 1e-9)


def test_a_model_may_be_built_anew():
    model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    empirical_ntk(model, X)
    model.layers[0].activation = keras.activations.relu
    assert_kernel(empirical_ntk(model, X), oracles.jacobian_kernel(model, X), 1e-4)
    model.add(keras.layers.Activation("tanh"))
    assert_kernel(empirical_ntk(model, X), oracles.jacobian_kernel(model, X), 1e-4)


def test_attributes_may_change():
    """A slope and a switch, which are constants to a trace."""
    model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(4), keras.layers.LeakyReLU(0.1), Switched()])
    for name, value in (("negative_slope", 0.9), ("doubled", True)):
        empirical_ntk(model, X)
        layer = next(layer for layer in model.layers if hasattr(layer, name))
        setattr(layer, name, value)
        assert_kernel(empirical_ntk(model, X), oracles.jacobian_kernel(model, X), 1e-4)


class Normalising(keras.Model):
    """Normalises its batch in inference mode as well, before a last layer of zeros."""

    def __init__(self):
        super().__init__()
        self.normalise, self.last = keras.layers.BatchNormalization(), keras.layers.Dense(1, kernel_initializer="zeros")

    def call(self, x):
        return self.last(self.normalise(x, training=True))


def test_a_refused_model_is_left_as_it_was():
    model = Normalising()
    model(X)
    before = model.get_weights()
    with pytest.raises(InputError, match="must depend on that example alone"):
        empirical_ntk(model, X)
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_a_first_call_that_shows_nothing_misleads_no_later_one():
    """One example, and a last layer of zeros, through which no gradient comes."""
    for name, x in (("examples in opposite order", X), ("time first", X.reshape(3, 3, 7)[:, :, :5])):
        model = kernel_models.make(name, "float32")
        weights = model.get_weights()
        model.set_weights([*weights[:2], *(0 * weight for weight in weights[2:])])
        empirical_ntk(model, x[:1])
        np.testing.assert_array_equal(model.get_weights()[0], weights[0])
        model.set_weights(weights)
        assert_kernel(empirical_ntk(model, x), oracles.jacobian_kernel(model, x), 1e-4)
    with pytest.raises(InputError, match="must depend on that example alone"):
        empirical_ntk(_mixing(), X[:1])


MEMORY = """
import numpy as np, keras, tf_earlydyn as te
layers = [keras.layers.Conv2D(8, 3, padding="same"), keras.layers.Flatten(), keras.layers.Dense(10)]
model = keras.Sequential([keras.Input((28, 28, 1)), *layers])
x = np.random.default_rng(0).standard_normal((4, 28, 28, 1))
model(x)
before = peak_memory()
te.empirical_ntk(model, x, memory_limit=100_000_000)
print(peak_memory() - before)
"""


@needs_proc
def test_memory_does_not_grow_with_the_square_of_the_positions():
    """784 positions and 10 outputs: their products alone would take 1 GB. TensorFlow's own code takes the most here."""
    done = subprocess.run([sys.executable, "-c", PEAK_MEMORY + MEMORY], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 4e8


def test_a_model_is_freed_with_what_was_compiled_for_it():
    model = kernel_models.make("mlp")
    empirical_ntk(model, kernel_models.inputs(model, 4))
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_a_model_can_still_be_saved_and_cloned(tmp_path, float64):
    model = kernel_models.make("cnn of two outputs")
    x = kernel_models.inputs(model, 3)
    kernel = empirical_ntk(model, x)
    model.save(tmp_path / "model.keras")
    assert_kernel(empirical_ntk(keras.saving.load_model(tmp_path / "model.keras"), x), kernel, 1e-12)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    assert_kernel(empirical_ntk(copy, x), kernel, 1e-12)
    assert "call" not in vars(model.layers[0])


def test_unknown_layers_are_named_in_the_log(caplog):
    model = kernel_models.make("a layer it has never seen")
    caplog.set_level(logging.WARNING, "tf_earlydyn")
    empirical_ntk(model, kernel_models.inputs(model, 3))
    (message,) = caplog.messages
    assert "frequency" in message
    assert "kernel" not in message.partition("for ")[2]


def test_integer_inputs():
    model = keras.Sequential(
        [keras.Input((5,), dtype="int32"), keras.layers.Embedding(9, 3), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    x = np.random.default_rng(0).integers(0, 9, (6, 5)).astype("int32")
    assert_kernel(empirical_ntk(model, x), oracles.jacobian_kernel(model, x), 1e-4)


@pytest.mark.parametrize("name", ["erf", "relu"])
def test_wide_networks_come_near_the_infinite_width_recursion(name):
    """Three hidden layers of 1,024, eight draws: the mean is the limit to 4.5 standard errors and O(1 / width)."""
    x = np.random.default_rng(0).standard_normal((5, 40))
    x = (x * np.sqrt(40) / np.linalg.norm(x, axis=1, keepdims=True)).astype("float32")
    model = te.mlp((40,), 1024, 3, name)
    kernels = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        model.set_weights([rng.standard_normal(weight.shape) for weight in model.get_weights()])
        kernels.append(empirical_ntk(model, x))
    pairs = np.triu_indices(5, k=1)
    limit = [te.theory.mlp_tangent_kernel(name, 3, rho)[0] for rho in (x.astype(float) @ x.T / 40)[pairs]]
    samples = np.array(kernels)[(slice(None), *pairs)]
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    assert error.max() < 0.05
    assert np.all(np.abs(samples.mean(axis=0) - limit) < 4.5 * error + 3 / 1024)


class Mixing(keras.Model):
    """A model that centres its batch."""

    def call(self, x):
        return x - keras.ops.mean(x, axis=0)


def _never_built():
    return keras.Sequential([keras.layers.Dense(1)])


def _no_trainable():
    model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(1)])
    model.trainable = False
    return model


def _mixing():
    inputs = keras.Input((7,))
    return keras.Model(inputs, Mixing()(keras.layers.Dense(2)(inputs)))


def _two_inputs():
    a, b = keras.Input((7,)), keras.Input((7,))
    return keras.Model([a, b], keras.layers.Dense(1)(a + b))


def _two_outputs():
    a = keras.Input((7,))
    return keras.Model(a, [keras.layers.Dense(1)(a), keras.layers.Dense(1)(a)])


def _zero_of_mixed():
    inputs = keras.Input((7,))
    hidden = keras.layers.Dense(5, "tanh")(inputs)
    return antisymmetric(keras.Model(inputs, keras.layers.Dense(1)(Mixing()(hidden))))


def _takes_integers():
    return keras.Sequential([keras.Input((7,), dtype="int32"), keras.layers.Embedding(9, 3), keras.layers.Flatten()])


def _puts_out_integers():
    inputs = keras.Input((7,))
    return keras.Model(inputs, keras.ops.argmax(keras.layers.Dense(3)(inputs), axis=1))


class Failing(keras.Model):
    """A model whose call raises two lines."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.dense.build((None, 7))
        self.built = True

    def call(self, x):
        raise RuntimeError("one line\nand another")


def _not_finite():
    model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(1)])
    model.set_weights([weight + np.nan for weight in model.get_weights()])
    return model


def _half():
    return keras.Sequential([keras.Input((7,)), keras.layers.Dense(1, dtype="mixed_float16")])


WRONG = {
    "shape of x1": (None, {"x1": X[:, :3]}, r"x1 must have the shape \[n, 7\], n > 0. Received: \(9, 3\)"),
    "one example": (None, {"x1": X[0]}, r"x1 must have the shape \[n, 7\]"),
    "no examples": (None, {"x1": X[:0]}, r"n > 0. Received: \(0, 7\)"),
    "shape of x2": (None, {"x2": X[:, :3]}, r"x2 must have the shape"),
    "integers": (None, {"x1": X.astype("int32")}, "x1 must hold numbers of dtype float32. Received: int32"),
    "words": (None, {"x1": X.astype(str)}, "x1 must hold numbers"),
    "complex": (None, {"x1": X.astype(complex)}, "x1 must hold numbers"),
    "a list": (None, {"x1": X.tolist()}, "x1 must be a NumPy array or a tensor. Received: list"),
    "NaN": (
        None,
        {"x1": np.where(np.arange(63).reshape(9, 7) == 17, np.nan, X)},
        r"finite numbers. Received: nan at \(2, 3\)",
    ),
    "infinite": (None, {"x2": np.full((2, 7), np.inf)}, "x2 must hold finite numbers"),
    "not a model": (lambda: np.sin, {}, "model must be a Keras model or layer. Received: ufunc"),
    "never built": (_never_built, {}, "must be built: call it on data once"),
    "no trainable variable": (_no_trainable, {}, "must have a trainable variable"),
    "mixed examples": (_mixing, {}, "must depend on that example alone"),
    "mixed examples, outputs 0": (_zero_of_mixed, {}, "must depend on that example alone"),
    "two inputs": (_two_inputs, {}, "must take one input"),
    "two outputs": (_two_outputs, {}, r"must put out one tensor \[n, ...\]"),
    "half precision": (_half, {}, "must compute in float32 or float64. Received: dense.*, in float16"),
    "numbers for integers": (_takes_integers, {}, "x1 must hold numbers of dtype int32. Received: float32"),
    "integer outputs": (_puts_out_integers, {}, "of floating-point numbers"),
    "weights that are not finite": (_not_finite, {}, "outputs must be finite"),
    "a call that fails": (Failing, {}, "can be called on x1 in inference mode. Received: failing.*, which raises"),
    "words for bytes": (None, {"memory_limit": "1GB"}, "memory_limit must be a positive number of bytes"),
    "no bytes": (None, {"memory_limit": None}, "memory_limit must be a positive number of bytes. Received: .*None"),
    "endless bytes": (None, {"memory_limit": np.inf}, "memory_limit must be a positive number of bytes"),
    "a generator": (None, {"variables": (n for n in ["readout"])}, "variables must be a list of layer names"),
    "a file that is none": (None, {"file": 3}, "file must be the path of an .npy file. Received: file=3"),
    "a file without a name": (None, {"file": ""}, "file must be the path of an .npy file. Received: file=''"),
    "masked": (None, {"x1": np.ma.masked_array(X, X > 0)}, "x1 must be a NumPy array"),
    "budget": (None, {"memory_limit": 100}, "memory_limit must be at least .* Received: memory_limit=100"),
    "method": (None, {"method": "fast"}, "method must be one of auto, structured, jacobian. Received: method='fast'"),
    "outputs": (None, {"outputs": "all"}, "outputs must be one of full, trace"),
    "unknown layer": (None, {"variables": ["hidden_9"]}, "which are hidden_1, hidden_2, hidden_3, readout. Received"),
    "no variables": (None, {"variables": []}, "variables must be a list of layer names"),
    "a name alone": (None, {"variables": "readout"}, "variables must be a list of layer names"),
}


@pytest.mark.parametrize(("make", "changes", "message"), WRONG.values(), ids=WRONG)
def test_bad_input_is_one_sentence(make, changes, message, model):
    arguments = {"x1": X, **changes}
    with pytest.raises(InputError, match=message) as refused:
        empirical_ntk(make() if make else model, arguments.pop("x1"), arguments.pop("x2", None), **arguments)
    assert "\n" not in str(refused.value)
