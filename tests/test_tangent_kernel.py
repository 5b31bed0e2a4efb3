import numpy as np
import pytest

from tests.oracles import jacobian_kernel
from tf_earlydyn import activations, models, theory
from tf_earlydyn.errors import InputError
from tf_earlydyn.theory import duals

NAMES = activations.NAMES


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_slope_is_the_derivative_of_the_kernel(name, depth):
    step = 1e-5
    (above, _), (below, _) = (theory.mlp_tangent_kernel(name, depth, 0.2 + shift) for shift in (step, -step))
    assert theory.mlp_tangent_kernel(name, depth, 0.2)[1] == pytest.approx((above - below) / (2 * step), abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_very_deep_kernels_are_finite(name):
    """There the correlation c / q of two inputs tends to 1, where the duals' formulas lose their footing."""
    value, slope = theory.mlp_tangent_kernel(name, 60)
    assert np.isfinite(value)
    assert np.isfinite(slope)


@pytest.mark.parametrize(
    ("name", "depth", "value", "slope"),
    [("erf", 4, 0.0, 0.916767), ("relu", 2, 0.171427, 0.239528), ("relu", 4, 0.089399, 0.054467)],
)
def test_known_values(name, depth, value, slope):
    """Six digits each, computed independently when the recursion was first derived for this project."""
    assert theory.mlp_tangent_kernel(name, depth) == pytest.approx((value, slope), abs=6e-7)


@pytest.mark.parametrize("name", ["erf", "tanh"])
def test_slope_of_an_odd_activation_is_a_product(name):
    """Phi(0) = 0 and Phi'(0) = (L + 1) prod_l zeta_l^2, zeta_l = E[phi'(sqrt(q_l) g)]."""
    phi = activations.get(name)
    g, weights = np.polynomial.hermite_e.hermegauss(150)
    weights = weights / weights.sum()
    q, product = 1.0, 1.0
    for _ in range(3):
        product *= (weights @ phi.derivative(np.sqrt(q) * g)) ** 2
        q = weights @ phi.value(np.sqrt(q) * g) ** 2
    assert theory.mlp_tangent_kernel(name, 3) == (0.0, pytest.approx(4 * product, rel=1e-9))


def _normalised(shape, seed=0):
    x = np.random.default_rng(seed).standard_normal(shape)
    norms = np.linalg.norm(x.reshape(len(x), -1), axis=1)
    scale = np.sqrt(np.prod(shape[1:])) / norms
    return (x * scale.reshape(-1, *[1] * (len(shape) - 1))).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_mlp_recursion_is_the_limit_of_wide_networks(name):
    """Two hidden layers, mean kernel of 12 networks of width 512 against the limit, pair by pair."""
    x = _normalised((6, 30))
    kernels = np.array([jacobian_kernel(models.mlp((30,), 512, 2, name, seed=seed), x) for seed in range(12)])
    rho = x.astype(np.float64) @ x.T.astype(np.float64) / 30
    pairs = np.triu_indices(6, k=1)
    limit = np.array([theory.mlp_tangent_kernel(name, 2, value)[0] for value in rho[pairs]])
    sampled = kernels[:, pairs[0], pairs[1]]
    _assert_mean(sampled, limit, allowance=2 / 512)  # the finite-width bias of the mean is O(1 / width)


@pytest.mark.parametrize("name", ["erf", "relu"])
def test_cnn_expansion_is_the_limit_of_wide_networks(name):
    """Kernel at x.x' = rho e_p for each location p: its odd part in rho is the slope at p, its even part Phi.

    The pairs are x and +-rho x at p plus an orthogonal image, so that the kernel's terms in rho^2 drop out of the odd
    part and those in rho^3 are left.
    """
    rho, side, channels, count = 0.25, 3, 8, 24
    locations = [(0, 0), (0, 1), (1, 1)]  # a corner, an edge and the centre: the others are their mirror images
    x, orthogonal = _orthogonal_images(side, channels)
    images = [x]
    for sign in (1, -1):
        for location in locations:
            image = orthogonal.copy()
            image[location] = sign * rho * x[location] + np.sqrt(1 - rho**2) * orthogonal[location]
            images.append(image)
    images = np.array(images, np.float32)
    rows = np.array(
        [
            jacobian_kernel(models.cnn(images.shape[1:], 256, 2, name, seed=seed), images)[0, 1:].reshape(2, -1)
            for seed in range(count)
        ]
    )
    value, slopes = theory.cnn_tangent_kernel(name, 2, side, side)
    odd, even = (rows[:, 0] - rows[:, 1]) / (2 * rho), (rows[:, 0] + rows[:, 1]) / 2
    _assert_mean(odd, [slopes[location] for location in locations], allowance=rho**2 * slopes.max())
    _assert_mean(even, value, allowance=rho**2 * slopes.max() + 2 / 256)


def _orthogonal_images(side, channels):
    """Two images of norm sqrt(channels), orthogonal to each other, at every location."""
    a, b = np.random.default_rng(0).standard_normal((2, side, side, channels))
    b -= a * np.sum(a * b, axis=-1, keepdims=True) / np.sum(a * a, axis=-1, keepdims=True)
    return [image * np.sqrt(channels) / np.linalg.norm(image, axis=-1, keepdims=True) for image in (a, b)]


def _assert_mean(samples, expected, allowance):
    """The mean over networks is the limit, to 4.5 standard errors and a bias of at most ``allowance``."""
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    assert np.all(error < 0.1 * np.abs(samples.mean(axis=0)).max() + 1e-2)  # or the comparison says nothing
    assert np.all(np.abs(samples.mean(axis=0) - expected) < 4.5 * error + allowance)


@pytest.mark.parametrize("name", ["erf", "relu", "gelu"])
def test_cnn_on_one_pixel_is_an_mlp_of_ninths(name):
    """At a single location a zero-padded 3x3 patch averages one input and eight zeros: q = 1/9, then E[phi^2] / 9."""
    value, slopes = theory.cnn_tangent_kernel(name, 1, 1, 1)
    phi = activations.get(name)
    layer = duals.dual(phi, np.array([1 / 9]), np.array([0.0]))
    assert value == pytest.approx(layer.value[0])
    assert slopes[0, 0] == pytest.approx(2 * layer.derivative[0] / 9)


def test_cnn_slopes_count_paths():
    """With one linear layer Phi = sum over paths: a location seen by k patches of the P has slope 2 k / (9 P)."""
    value, slopes = theory.cnn_tangent_kernel("linear", 1, 3, 3)
    assert value == 0
    np.testing.assert_allclose(slopes, 2 * np.array([[4, 6, 4], [6, 9, 6], [4, 6, 4]]) / 81)


@pytest.mark.parametrize(("depth", "rho", "message"), [(0, 0.0, "depth must be"), (2, 1.0, "rho must lie")])
def test_what_cannot_be_is_refused(depth, rho, message):
    with pytest.raises(InputError, match=message):
        theory.mlp_tangent_kernel("erf", depth, rho)
