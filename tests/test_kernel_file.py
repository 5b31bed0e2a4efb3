"""A kernel in a memory-mapped file: whole, or taken up after a kill, or refused."""

import json

import keras
import numpy as np
import pytest

from tests import kernel_models, oracles
from tf_earlydyn import ntk
from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk import empirical, storage


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Six tiles for 11 examples, each noted at once."""
    monkeypatch.setattr(ntk.blocks, "LARGEST", 4)
    monkeypatch.setattr(storage, "_SECONDS_BETWEEN_NOTES", -1.0)


@pytest.fixture(params=["mlp", "mlp of three outputs"])
def case(request):
    model = kernel_models.make(request.param)
    return model, kernel_models.inputs(model, 11)


def killed_after(tiles, monkeypatch):
    original, done = empirical.strips, []

    def strips(*arguments):
        if len(done) == tiles:
            raise KeyboardInterrupt
        done.append(1)
        return original(*arguments)

    monkeypatch.setattr(empirical, "strips", strips)


def test_a_file_holds_the_kernel(case, tmp_path):
    model, x = case
    kernel = ntk.empirical_ntk(model, x, file=tmp_path / "kernel.npy")
    assert isinstance(kernel, np.memmap)
    np.testing.assert_allclose(kernel, oracles.jacobian_kernel(model, x), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(np.load(tmp_path / "kernel.npy"), ntk.empirical_ntk(model, x))
    assert [path.name for path in tmp_path.iterdir()] == ["kernel.npy"]


@pytest.mark.parametrize("tiles", [0, 1, 4])
def test_it_is_taken_up_after_a_kill(case, tiles, tmp_path, monkeypatch):
    model, x = case
    file = tmp_path / "kernel.npy"
    with monkeypatch.context() as killing:
        killed_after(tiles, killing)
        with pytest.raises(KeyboardInterrupt):
            ntk.empirical_ntk(model, x, file=file)
    assert not file.exists()
    counted = []
    original = empirical.strips
    monkeypatch.setattr(empirical, "strips", lambda *arguments: counted.append(1) or original(*arguments))
    kernel = ntk.empirical_ntk(model, x, file=file)
    assert len(counted) == 6 - tiles
    np.testing.assert_array_equal(kernel, ntk.empirical_ntk(model, x))
    assert [path.name for path in tmp_path.iterdir()] == ["kernel.npy"]


def test_another_kernel_is_not_taken_up(case, tmp_path, monkeypatch):
    model, x = case
    file = tmp_path / "kernel.npy"
    with monkeypatch.context() as killing:
        killed_after(2, killing)
        with pytest.raises(KeyboardInterrupt):
            ntk.empirical_ntk(model, x, file=file)
    before = (tmp_path / ".kernel.npy.partial").read_bytes()
    for changed in ({"x": 2 * x}, {"x": x[:10]}, {"x": x, "variables": ["readout"]}, {"x": x, "method": "jacobian"}):
        with pytest.raises(InputError, match="the beginning of another kernel"):
            ntk.empirical_ntk(model, changed.pop("x"), file=file, **changed)
    with pytest.raises(InputError, match="the beginning of another kernel"):
        ntk.empirical_ntk(model, x, x, file=file)  # every tile, not those above the diagonal alone
    note = tmp_path / ".kernel.npy.json"
    true = note.read_text()
    for false in ("[]", true.replace('"tiles": 2', '"tiles": 99')):
        note.write_text(false)
        with pytest.raises(InputError, match="the beginning of another kernel"):
            ntk.empirical_ntk(model, x, file=file)
    note.write_text(true)
    model.set_weights([2 * weight for weight in model.get_weights()])
    with pytest.raises(InputError, match="the beginning of another kernel"):
        ntk.empirical_ntk(model, x, file=file)
    assert (tmp_path / ".kernel.npy.partial").read_bytes() == before


def test_a_network_of_equal_weights_and_other_activation_is_another(tmp_path, monkeypatch):
    x = kernel_models.inputs(kernel_models.make("mlp"), 11)
    models = []
    for activation in ("tanh", "relu"):
        keras.backend.clear_session()  # so that both have the same names
        model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(5, activation), keras.layers.Dense(1)])
        model.set_weights([np.full(weight.shape, 0.1) for weight in model.get_weights()])
        models.append(model)
    with monkeypatch.context() as killing:
        killed_after(2, killing)
        with pytest.raises(KeyboardInterrupt):
            ntk.empirical_ntk(models[0], x, file=tmp_path / "kernel.npy")
    with pytest.raises(InputError, match="the beginning of another kernel"):
        ntk.empirical_ntk(models[1], x, file=tmp_path / "kernel.npy")


def test_a_file_that_was_cut_short_is_not_taken_up(case, tmp_path, monkeypatch):
    model, x = case
    with monkeypatch.context() as killing:
        killed_after(2, killing)
        with pytest.raises(KeyboardInterrupt):
            ntk.empirical_ntk(model, x, file=tmp_path / "kernel.npy")
    partial = tmp_path / ".kernel.npy.partial"
    partial.write_bytes(partial.read_bytes()[:200])
    with pytest.raises(InputError, match="delete it"):
        ntk.empirical_ntk(model, x, file=tmp_path / "kernel.npy")
    (tmp_path / ".kernel.npy.json").write_text(json.dumps({"identity": 3}))
    with pytest.raises(InputError, match="delete it"):
        ntk.empirical_ntk(model, x, file=tmp_path / "kernel.npy")


def test_files_that_cannot_be_made_are_refused(case, tmp_path):
    model, x = case
    (tmp_path / "there.npy").touch()
    for file in ("there.npy", "kernel.txt", "none/kernel.npy"):
        with pytest.raises(InputError, match="file "):
            ntk.empirical_ntk(model, x, file=tmp_path / file)
    with pytest.raises(InputError, match="by_layer=True gives several"):
        ntk.empirical_ntk(model, x, file=tmp_path / "kernel.npy", by_layer=True)
    assert [path.name for path in tmp_path.iterdir()] == ["there.npy"]
