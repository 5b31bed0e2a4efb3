"""Kernels and twins that replicas share out: the same numbers as on one device. Workers are in ``test_workers.py``."""

import numpy as np
import pytest
import tensorflow as tf

import tf_earlydyn as te
from tests import kernel_models
from tests.worker import TOLERANCE
from tf_earlydyn import ntk
from tf_earlydyn.distribution import shared_out
from tf_earlydyn.ntk import projection


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of four examples, so that there are tiles for every replica."""
    monkeypatch.setattr(ntk.blocks, "LARGEST", 4)
    monkeypatch.setattr(projection, "_EXAMPLES", 16)


@pytest.fixture
def devices(monkeypatch):
    """Those that terms are made on."""
    found = set()
    original = ntk.TangentKernel.terms

    def terms(self, *arguments):
        made = original(self, *arguments)
        found.update(tensor.device[-5:] for tensor in tf.nest.flatten(made))
        return made

    monkeypatch.setattr(ntk.TangentKernel, "terms", terms)
    return found


def assert_same(one, other):
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        tolerance = TOLERANCE[str(np.asarray(a).dtype)]
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(a).max())


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("mlp of three outputs", "float32"),
        ("cnn of two outputs", "float64"),
        pytest.param("mlp of three outputs", "float64", marks=pytest.mark.slow),
        pytest.param("cnn of two outputs", "float32", marks=pytest.mark.slow),
        pytest.param("a layer it has never seen", "float32", marks=pytest.mark.slow),
    ],
)
def test_two_replicas_give_the_kernels_of_one(name, dtype, mirrored, devices):
    """11 and 6 examples in blocks of four: 6 tiles of a symmetric kernel and 6 of the other, for two replicas."""
    model = kernel_models.make(name, dtype)
    x1, x2 = (kernel_models.inputs(model, n) for n in (11, 6))
    kernel = ntk.TangentKernel(model, x1)
    kernels = [kernel, ntk.FeatureKernel(x1.reshape(11, -1).astype(dtype), kernel.outputs)]
    vectors = np.random.default_rng(0).standard_normal((11 * kernel.outputs, 2)).astype(dtype)

    def all_of(strategy):
        return [
            te.empirical_ntk(model, x1, strategy=strategy),
            te.empirical_ntk(model, x1, x2, by_layer=True, strategy=strategy),
            ntk.product(kernel, vectors, strategy=strategy),
            list(ntk.compare(*kernels, strategy=strategy)),
        ]

    alone = all_of(None)
    assert devices == {"CPU:0"}
    assert_same(alone, all_of(mirrored))
    assert devices == {"CPU:0", "CPU:1"}


@pytest.mark.parametrize(("route", "dtype"), [("kernels", "float64"), ("passes", "float32")])
def test_two_replicas_give_the_twin_of_one(dtype, route, mirrored):
    model = kernel_models.make("mlp of three outputs", dtype)
    x = kernel_models.inputs(model, 77)
    alone, shared = (te.affine_twin(model, x, route=route, strategy=strategy) for strategy in (None, mirrored))
    assert_same(alone._parts, shared._parts)


def test_the_strategy_of_a_scope_is_taken(mirrored, devices):
    model = kernel_models.make("mlp")
    with mirrored.scope():
        te.empirical_ntk(model, kernel_models.inputs(model, 11))
    assert devices == {"CPU:0", "CPU:1"}


def test_a_kernel_of_fewer_tiles_than_replicas(mirrored):
    model = kernel_models.make("mlp")
    x = kernel_models.inputs(model, 3)
    assert_same(te.empirical_ntk(model, x), te.empirical_ntk(model, x, strategy=mirrored))


def test_a_file_of_two_replicas(mirrored, tmp_path):
    model = kernel_models.make("mlp")
    x = kernel_models.inputs(model, 11)
    kernel = te.empirical_ntk(model, x, file=tmp_path / "kernel.npy", strategy=mirrored)
    assert_same(te.empirical_ntk(model, x), np.asarray(kernel))


def test_what_a_replica_raises_ends_all(mirrored):
    def inverted(parts):
        return (1 / part for part in parts)

    with pytest.raises(ZeroDivisionError):
        list(shared_out([4, 3, 2, 1, 0, 1, 2], inverted, mirrored))
    assert list(shared_out([4, 1, 2], inverted, mirrored)) == [(4, 1 / 4), (1, 1), (2, 1 / 2)]
