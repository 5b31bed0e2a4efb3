"""Statistics that are streamed over tiles, against the same of the dense float64 kernel; and where memory goes."""

import weakref

import numpy as np
import pytest

from tests import kernel_models, oracles
from tf_earlydyn import ntk
from tf_earlydyn.errors import InputError

NAMES = ("mlp", "cnn of two outputs", "a layer it has never seen")


def dense(model, x):
    """J J' as a matrix over (example, output) pairs."""
    jacobian = oracles.jacobian(model, x)
    flat = jacobian.reshape(-1, jacobian.shape[2])
    return flat @ flat.T


@pytest.fixture(params=NAMES)
def case(request):
    """A tangent kernel and a feature kernel on 11 examples, with their dense matrices."""
    model = kernel_models.make(request.param)
    x = kernel_models.inputs(model, 11)
    features = np.random.default_rng(3).standard_normal((11, 4))
    first = ntk.TangentKernel(model, x)
    second = ntk.FeatureKernel(features, first.outputs)
    return first, second, dense(model, x), np.kron(features @ features.T, np.eye(first.outputs))


@pytest.fixture(params=[4, 2048])
def block_size(request, monkeypatch):
    monkeypatch.setattr(ntk.blocks, "LARGEST", request.param)


def test_comparison(case, block_size):
    first, second, a, b = case
    found = ntk.compare(first, second)
    assert found.distance == pytest.approx(np.linalg.norm(a - b), rel=1e-9)
    assert found.relative_distance == pytest.approx(np.linalg.norm(a - b) / np.linalg.norm(b), rel=1e-9)
    assert found.alignment == pytest.approx(np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b), rel=1e-9)


def test_trace(case, block_size):
    first, second, a, b = case
    assert ntk.trace(first) == pytest.approx(np.trace(a), rel=1e-9)
    assert ntk.trace(second) == pytest.approx(np.trace(b), rel=1e-9)


def test_product(case, block_size):
    first, _, a, _ = case
    vectors = np.random.default_rng(4).standard_normal((len(a), 3))
    np.testing.assert_allclose(ntk.product(first, vectors), a @ vectors, rtol=1e-9, atol=1e-9 * np.abs(a).max())


def test_a_kernel_is_itself(case):
    first, *_ = case
    found = ntk.compare(first, first)
    assert found.distance <= 1e-12 * found.first_norm
    assert found.alignment == pytest.approx(1)


def test_the_wider_dtype_counts():
    features = np.random.default_rng(0).standard_normal((5, 3))
    narrow, wide = ntk.FeatureKernel(features.astype("float32")), ntk.FeatureKernel(features)
    for pair in ((narrow, wide), (wide, narrow)):
        assert 0 < ntk.compare(*pair).distance < 1e-5


@pytest.mark.parametrize("limit", [20_000, 2**30])
def test_blocks_that_were_gone_through_are_dropped(limit, monkeypatch):
    """40 rows in blocks of 4 against 2 columns: never more than two blocks of rows at a time."""
    monkeypatch.setattr(ntk.blocks, "LARGEST", 4)
    model = kernel_models.make("mlp")
    sides = ntk.tiles.Sides(*(ntk.TangentKernel(model, kernel_models.inputs(model, n)) for n in (40, 2)))
    rows = []
    chosen = ntk.tiles.planned([sides], limit)
    for pair in ntk.tiles.walk([sides], chosen, ntk.tiles.block_pairs(chosen, symmetric=False)):
        rows.append(weakref.ref(pair.terms[0][0]["all"][0].cotangents))
        del pair
        assert sum(row() is not None for row in rows) <= 2
    assert len(rows) >= 10


def test_distances_add_up_in_float32():
    """2,000 x 2,000 entries: the sum's rounding stays far below an entry's."""
    features = np.random.default_rng(0).standard_normal((2000, 5)).astype("float32")
    zero = ntk.FeatureKernel(np.zeros_like(features))
    exact = np.linalg.norm(features.astype(float).T @ features.astype(float))
    assert ntk.compare(ntk.FeatureKernel(features), zero).distance == pytest.approx(exact, rel=1e-6)


def test_what_cannot_be_compared_is_refused(case):
    first, _, a, _ = case
    with pytest.raises(InputError, match="as many examples and outputs"):
        ntk.compare(first, ntk.FeatureKernel(np.ones((10, 2)), first.outputs))
    with pytest.raises(InputError, match=r"vectors must have the shape \[\d+, k\]"):
        ntk.product(first, np.ones(len(a)))
    for features, message in (
        (np.ones(3), r"features must have the shape \[n, p\]"),
        (np.ones((0, 3)), r"features must have the shape \[n, p\]"),
        (np.ones((2, 3), int), "features must be float32 or float64"),
        (np.full((2, 3), np.nan), "features must hold finite numbers"),
    ):
        with pytest.raises(InputError, match=message):
            ntk.FeatureKernel(features)
    with pytest.raises(InputError, match="a kernel must be a TangentKernel or FeatureKernel"):
        ntk.compare(first, a)
    with pytest.raises(InputError, match="memory_limit must be at least"):
        ntk.compare(first, first, memory_limit=1)
