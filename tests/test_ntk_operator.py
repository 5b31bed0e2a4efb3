"""The tangent kernel as an operator: its laws, and the dense kernel's products and eigenvalues."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_earlydyn as te
from tests import kernel_models
from tests.cases import PEAK_MEMORY, needs_proc
from tests.test_kernel_statistics import dense
from tf_earlydyn import ntk
from tf_earlydyn.errors import InputError

NAMES = (
    "mlp",
    "mlp of three outputs",
    "antisymmetric",
    "pooling",
    "groups",
    "batch normalisation",
    "shared convolution",
    "subclassed",
    "masked recurrent",
    "attention",
    "a graph within",
    "another precision within",
)


@pytest.fixture(params=NAMES)
def case(request):
    model = kernel_models.make(request.param)
    x = kernel_models.inputs(model, 7)
    return model, x, dense(model, x)


def vectors(size, count=2):
    return np.random.default_rng(5).standard_normal((count, size))


def test_operator_laws(case):
    """Theta v is the dense kernel's, v'(Theta w) = (Theta v)'w, and v'Theta v >= 0; whatever the blocks."""
    model, x, theta = case
    operator = te.ntk_operator(model, x)
    v, w = vectors(len(theta))
    assert operator.shape == theta.shape
    assert operator.dtype == np.float64
    np.testing.assert_allclose(operator @ v, theta @ v, rtol=1e-9, atol=1e-9 * np.abs(theta).max())
    assert v @ (operator @ w) == pytest.approx((operator @ v) @ w, rel=1e-9)
    assert v @ (operator @ v) > 0
    np.testing.assert_allclose(operator.H @ v, operator @ v, rtol=1e-12)
    np.testing.assert_allclose(operator @ np.stack([v, w], 1), theta @ np.stack([v, w], 1), rtol=1e-8)


@pytest.mark.parametrize("examples", [1, 2, 3, 6])
def test_blocks_of_any_size_give_the_same_product(examples):
    model = kernel_models.make("mlp of three outputs")
    x = kernel_models.inputs(model, 7)
    with pytest.raises(InputError, match="memory_limit must be at least") as refused:
        te.ntk_operator(model, x, memory_limit=1)
    least = int(str(refused.value).split("at least ")[1].split()[0])
    operator = te.ntk_operator(model, x, memory_limit=examples * least)
    (v,) = vectors(21, 1)
    np.testing.assert_allclose(operator @ v, dense(model, x) @ v, rtol=1e-9, atol=1e-12)


def test_an_antisymmetric_network_has_its_kernel_at_step_0():
    """There the difference of the halves is guarded by a custom gradient, which forward passes must follow."""
    f = te.antisymmetric(te.mlp((7,), 8, 2))
    x = np.random.default_rng(0).standard_normal((5, 7)).astype("float32")
    (v,) = vectors(5, 1)
    assert np.abs(f(x)).max() == 0
    np.testing.assert_allclose(te.ntk_operator(f, x) @ v, dense(f, x) @ v, rtol=1e-4, atol=1e-6)


def test_an_op_without_a_second_derivative_is_told_of_in_the_log(caplog):
    model = kernel_models.make("an op without a second derivative")
    x = kernel_models.inputs(model, 3)
    (v,) = vectors(3, 1)
    # TensorFlow's bilinear interpolation computes in float32 whatever it is given.
    np.testing.assert_allclose(te.ntk_operator(model, x) @ v, dense(model, x) @ v, rtol=1e-6)
    assert caplog.messages == [
        f"products with {model.name} take a pass an example, which is slow: an op has no forward mode"
    ]


class Recomputed(keras.Model):
    """A model whose gradient TensorFlow cannot differentiate again."""

    def __init__(self):
        super().__init__()
        self.hidden, self.last = keras.layers.Dense(5, "tanh"), keras.layers.Dense(1)

    def call(self, x):
        return self.last(tf.recompute_grad(lambda inputs: self.hidden(inputs))(x))


def test_a_gradient_without_a_gradient():
    model = Recomputed()
    x = np.random.default_rng(0).standard_normal((4, 7)).astype("float32")
    model(x)
    (v,) = vectors(4, 1)
    np.testing.assert_allclose(te.ntk_operator(model, x) @ v, dense(model, x) @ v, rtol=1e-4, atol=1e-6)


def test_embeddings():
    layers = [keras.layers.Embedding(9, 3), keras.layers.Flatten(), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((5,), dtype="int32"), *layers])
    x = np.random.default_rng(0).integers(0, 9, (6, 5)).astype("int32")
    (v,) = vectors(6, 1)
    np.testing.assert_allclose(te.ntk_operator(model, x) @ v, dense(model, x) @ v, rtol=1e-4, atol=1e-6)


def test_chosen_layers_alone():
    model = kernel_models.make("mlp")
    x = kernel_models.inputs(model, 5)
    (v,) = vectors(5, 1)
    expected = te.empirical_ntk(model, x, variables=["hidden_2"]) @ v
    np.testing.assert_allclose(te.ntk_operator(model, x, variables=["hidden_2"]) @ v, expected, rtol=1e-9)


def test_spectrum(case):
    """Of Theta and of Theta - Theta_lin, against the dense eigenvalues; the stated errors are bounds."""
    model, x, theta = case
    outputs = len(theta) // len(x)
    features = np.random.default_rng(6).standard_normal((len(x), 3)) * np.sqrt(np.abs(theta).max())
    exact = np.linalg.eigvalsh(theta)[::-1]
    operator = te.ntk_operator(model, x)
    found = ntk.leading_eigenvalues(operator, 3, tolerance=1e-8)
    np.testing.assert_allclose(found.values, exact[:3], rtol=1e-6, atol=1e-9 * exact[0])
    assert np.all(np.abs(found.values - exact[:3]) <= found.errors + 1e-9 * exact[0])
    difference = theta - np.kron(features @ features.T, np.eye(outputs))
    norm = ntk.spectral_norm(operator - ntk.feature_operator(features, outputs))
    assert norm == pytest.approx(np.abs(np.linalg.eigvalsh(difference)).max(), rel=1e-4)


@pytest.mark.parametrize("eigenvalues", [[-3.0, 1.0, 2.5], [3.0, -1.0, 0.0], [2.0, -2.0, 1.0], [1e-9] * 3])
def test_spectral_norm_is_the_largest_absolute_eigenvalue(eigenvalues):
    vectors, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((40, 40)))
    matrix = vectors @ np.diag(np.resize(eigenvalues, 40)) @ vectors.T
    assert ntk.spectral_norm(matrix, tolerance=1e-6) == pytest.approx(np.abs(eigenvalues).max(), rel=1e-5)


def test_norms_of_nothing_and_of_one():
    assert ntk.spectral_norm(np.zeros((5, 5))) == 0
    assert ntk.spectral_norm(np.array([[-3.0]])) == 3


def test_the_same_seed_gives_the_same_eigenvalue():
    model = kernel_models.make("mlp")
    operator = te.ntk_operator(model, kernel_models.inputs(model, 30))
    first, second = (ntk.leading_eigenvalues(operator, 2, tolerance=0.1) for _ in range(2))
    np.testing.assert_array_equal(first.values, second.values)


def test_bad_input_is_one_sentence():
    model = kernel_models.make("mlp", "float32")
    operator = te.ntk_operator(model, np.ones((4, 7), "float32"))
    for k in (4, 0, 1.5):
        with pytest.raises(InputError, match="k must be from 1 to 3"):
            ntk.leading_eigenvalues(operator, k)
    with pytest.raises(InputError, match="tolerance must be positive"):
        ntk.spectral_norm(operator, tolerance=np.nan)
    with pytest.raises(InputError, match=r"must be a LinearOperator or an array. Received: list"):
        ntk.spectral_norm([[1.0]])
    with pytest.raises(InputError, match="must be square"):
        ntk.leading_eigenvalues(np.ones((3, 4)))
    with pytest.raises(InputError, match="must give finite numbers"):
        ntk.spectral_norm(np.full((3, 3), np.nan))
    with pytest.raises(InputError, match="memory_limit must be a positive number"):
        te.ntk_operator(model, np.ones((4, 7)), memory_limit="1GB")
    with pytest.raises(InputError, match=r"x must have the shape \[n, 7\]"):
        te.ntk_operator(model, np.ones((4, 6)))
    with pytest.raises(InputError, match="must be built"):
        te.ntk_operator(keras.Sequential([keras.layers.Dense(1)]), np.ones((4, 6)))
    with pytest.raises(InputError, match=r"features must have the shape \[n, p\]"):
        ntk.feature_operator(np.ones(3))
    with pytest.raises(InputError, match=r"outputs must be a positive number. Received: outputs=-1"):
        ntk.feature_operator(np.ones((3, 2)), outputs=-1)


LARGE = """
import numpy as np, tf_earlydyn as te
from tf_earlydyn import ntk
model = te.mlp((192,), 256, 4)
x = np.random.default_rng(0).standard_normal((20_000, 192)).astype("float32")
features = np.sqrt(te.theory.mlp_tangent_kernel("erf", 4)[1] / 192).astype("float32") * x
found = ntk.compare(ntk.TangentKernel(model, x), ntk.FeatureKernel(features), show_progress=False)
norm = ntk.spectral_norm(te.ntk_operator(model, x) - ntk.feature_operator(features), tolerance=1e-2)
assert norm <= found.distance <= np.sqrt(20_000) * norm
print(peak_memory())
"""


@pytest.mark.slow
@needs_proc
def test_twenty_thousand_examples_in_less_than_2_gb():
    """Frobenius distance and spectral norm to the linear kernel; the n x n array alone would take 1.6 GB."""
    done = subprocess.run([sys.executable, "-c", PEAK_MEMORY + LARGE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2e9
