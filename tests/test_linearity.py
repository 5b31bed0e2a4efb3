"""How linear the start is: by definition, for networks that are and are not, and on images."""

import keras
import numpy as np
import pytest

import tf_earlydyn as te
from tests import kernel_models
from tests.cases import needs_cifar10
from tf_earlydyn.errors import InputError
from tf_earlydyn.seeds import Stream, generator
from tf_earlydyn.twin import linearity

RNG = np.random.default_rng(3)
X = RNG.standard_normal((400, 7))
HELD_OUT = RNG.standard_normal((60, 7))
Y = RNG.standard_normal((60, 2)) + 5


@pytest.mark.parametrize("d", [2, 4, 5, 7])
def test_an_affine_network_has_all_of_both(d, float64):
    """Whether or not its kernel has more than five modes."""
    model = keras.Sequential([keras.Input((d,), dtype="float64"), keras.layers.Dense(1)])
    found = linearity(model, te.affine_twin(model, X[:, :d]), HELD_OUT[:, :d], HELD_OUT[:, 0])
    assert found == pytest.approx((1, 1), abs=1e-6)


@pytest.mark.parametrize("name", ["mlp", "mlp of three outputs"])
def test_shares_are_those_of_kernels_written_out(name):
    """Over (example, output) pairs of two halves, with NumPy's full decomposition."""
    model = kernel_models.make(name)
    twin = te.affine_twin(model, X)
    y = np.asarray(model(HELD_OUT)).reshape(60, -1) + 5
    drawn = generator(1, Stream.HELD_OUT).permutation(60)
    sides = HELD_OUT[drawn[:25]], HELD_OUT[drawn[25:50]]
    kernels = []
    for kernel in (te.empirical_ntk(model, *sides), twin.kernel(*sides)):
        four = kernel.reshape(25, 25, twin.outputs, twin.outputs)
        kernels.append(four.transpose(0, 2, 1, 3).reshape(25 * twin.outputs, -1))
    theta, affine = kernels
    first, second = ((part - part.mean(axis=0)).ravel() for part in (y[drawn[:25]], y[drawn[25:50]]))
    found = linearity(model, twin, HELD_OUT, y, examples=50, seed=1)
    assert found.labels == pytest.approx(first @ affine @ second / (first @ theta @ second), rel=1e-6)
    u, s, v = np.linalg.svd(theta)
    without = lambda matrix: u[:, 5:].T @ matrix @ v[5:].T  # noqa: E731
    expected = 1 - np.sum(without(affine - theta) ** 2) / np.sum(s[5:] ** 2)
    assert found.kernel == pytest.approx(expected, rel=1e-6)


def test_a_constant_does_not_flatter():
    """Nor a bias, which adds 1 to the kernel: its plain share is nearly 1."""
    model = keras.Sequential([keras.Input((7,)), te.two_layer((7,), 400, "relu"), keras.layers.Dense(1)])
    model.layers[-1].set_weights([np.ones((1, 1)), np.zeros(1)])
    held_out = RNG.standard_normal((2_000, 7)).astype(np.float32)
    twin = te.affine_twin(model, RNG.standard_normal((4_000, 7)).astype(np.float32))
    y = np.sign(held_out[:, 0] * held_out[:, 1])
    theta = te.empirical_ntk(model, held_out[:500], held_out[500:1000])
    plain = 1 - np.sum((twin.kernel(held_out[:500], held_out[500:1000]) - theta) ** 2) / np.sum(theta**2)
    found = linearity(model, twin, held_out, y)
    assert plain > 0.9
    assert found.labels < 0.6


def test_targets_that_do_not_vary_are_refused(float64):
    model = kernel_models.make("mlp")
    with pytest.raises(InputError, match="y must vary, and have a positive energy"):
        linearity(model, te.affine_twin(model, X), HELD_OUT, np.ones(60))


def test_bad_input_is_one_sentence(float64):
    model = kernel_models.make("mlp")
    twin = te.affine_twin(model, X)
    with pytest.raises(InputError, match=r"x must hold at least 12 held-out examples. Received: 11"):
        linearity(model, twin, HELD_OUT[:11], Y[:11, :1])
    with pytest.raises(InputError, match=r"at least 12 held-out examples. Received: 60, of which examples=0"):
        linearity(model, twin, HELD_OUT, Y[:, :1], examples=0)
    with pytest.raises(InputError, match=r"x must have the shape \[n, 7\]"):
        linearity(model, twin, HELD_OUT[:, :3], Y[:, :1])
    with pytest.raises(InputError, match=r"y must have the shape \[60\] or \[60, 1\]"):
        linearity(model, twin, HELD_OUT, Y)


def convolutions(activation, *head):
    """Four Keras layers of 48 channels."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(48, 3, padding="same", activation=activation) for _ in range(4)]
    return keras.Sequential([keras.Input((8, 8, 3)), *layers, *head, keras.layers.Dense(1)])


@pytest.mark.slow
@needs_cifar10
def test_images_tell_a_linear_start_from_another():
    """Cats and horses: a tanh CNN with a flattened head, and a ReLU CNN with global average pooling."""
    data = te.data.load(te.DataConfig(data="cifar10", n_train=8_000, n_test=100), seed=0)
    found = []
    for model in (
        convolutions("tanh", keras.layers.Flatten()),
        convolutions("relu", keras.layers.GlobalAveragePooling2D()),
    ):
        twin = te.affine_twin(model, data.x_train[:4_000])
        held_out = data.x_train[4_000:]
        found.append(linearity(model, twin, held_out, data.y_train[4_000:] - np.asarray(model(held_out))))
    assert min(found[0]) > 0.9
    assert max(found[1]) < 0.6
