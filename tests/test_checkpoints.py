"""Checkpoints: what is read is what was written, byte for byte, or is not taken."""

import contextlib
import errno
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.cases import needs_proc, tiny_disk
from tf_earlydyn import checkpoints, rundir, training
from tf_earlydyn.checkpoints import KEPT, Checkpoints
from tf_earlydyn.errors import InputError, WriteError
from tf_earlydyn.studies.survival import variables_of


def values(step):
    return np.random.default_rng(step).standard_normal((30, 20)).astype(np.float32)


def opened(folder, start=0):
    """Checkpoints of one matrix, and the matrix."""
    variable = tf.Variable(values(start))
    return Checkpoints(folder, {"some/model": [variable]}), variable


def saved(folder, *steps):
    made, variable = opened(folder)
    for step in steps:
        variable.assign(values(step))
        made.save(step, {"step": step, "third": 1 / 3})
    return folder


def test_what_is_restored_is_what_was_saved_last(tmp_path):
    made, variable = opened(saved(tmp_path / "a", 5, 7))
    assert made.restore() == {"step": 7, "third": 1 / 3}
    np.testing.assert_array_equal(variable, values(7))


def test_the_last_ones_are_kept_and_nothing_else(tmp_path):
    saved(tmp_path / "a", *range(KEPT + 4))
    names = {f"ckpt-{step}{part}" for step in range(4, KEPT + 4) for part in (".index", ".data-00000-of-00001")}
    assert {file.name for file in (tmp_path / "a").iterdir()} == names


def test_where_there_is_none_nothing_is_restored(tmp_path):
    made, variable = opened(tmp_path / "a")
    assert made.restore() is None
    np.testing.assert_array_equal(variable, values(0))
    assert not (tmp_path / "a").exists()


def flipped(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGE = {
    "truncated": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "empty": lambda file: file.write_bytes(b""),
    "zeroed": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "missing": lambda file: file.unlink(),
    "a bit flipped": flipped,
}
FILES = {"data": "ckpt-{}.data-00000-of-00001", "index": "ckpt-{}.index"}


@pytest.mark.parametrize("name", FILES.values(), ids=FILES)
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_of_a_damaged_one_the_one_before_is_taken(damage, name, tmp_path):
    saved(tmp_path / "a", 3, 12, 110)
    damage(tmp_path / "a" / name.format(110))
    made, variable = opened(tmp_path / "a")
    with pytest.warns(UserWarning, match=r"damaged checkpoints in .*: ckpt-110 \(.+\); ckpt-12 is taken") as said:
        assert made.restore()["step"] == 12
    assert len(said) == 1
    np.testing.assert_array_equal(variable, values(12))
    made.save(50, {"step": 50})
    assert made.steps() == [3, 12, 50]  # the damaged one would be found again, and take the place of a good one


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_if_all_are_damaged_nothing_is_touched(damage, tmp_path):
    saved(tmp_path / "a", 3, 12)
    for step in (3, 12):
        damage(tmp_path / "a" / FILES["data"].format(step))
    made, variable = opened(tmp_path / "a", start=99)
    with pytest.warns(UserWarning, match=r"ckpt-12 \(.+\), ckpt-3 \(.+\); none is left"):
        assert made.restore() is None
    np.testing.assert_array_equal(variable, values(99))


def test_what_a_killed_save_leaves_does_no_harm(tmp_path):
    folder = saved(tmp_path / "a", 3)
    (folder / ".partial" / "ckpt-9_temp").mkdir(parents=True)
    (folder / ".partial" / "ckpt-9.index").write_bytes(b"half")
    (folder / "ckpt-9.data-00000-of-00001").write_bytes(b"data whose index was still to come")
    with pytest.warns(UserWarning, match="ckpt-3 is taken"):
        assert opened(folder)[0].restore()["step"] == 3
    saved(folder, 4)
    assert {file.name for file in folder.iterdir()} == {name.format(step) for name in FILES.values() for step in (3, 4)}


@needs_proc
def test_a_loss_of_power_leaves_what_has_been_saved_and_what_lies_beside_it(tmp_path, monkeypatch):
    """Files settle before they get their names, names before a checkpoint is dropped; and all names before all are."""
    folder, fsync, settled = saved(tmp_path / "run" / "a", *range(KEPT)), os.fsync, []

    def settles(descriptor):
        fsync(descriptor)
        of = Path(f"/proc/self/fd/{descriptor}").readlink()
        names = {file.stem for file in of.iterdir()} if of.is_dir() else {of.parent.name}
        settled.append((of.name, names))

    monkeypatch.setattr(rundir.os, "fsync", settles)
    saved(folder, 9)
    kept = {f"ckpt-{step}" for step in (*range(KEPT), 9)}
    parts = [(FILES[part].format(9), {".partial"}) for part in ("data", "index")]
    assert settled == [*parts, ("a", kept), ("run", {"a"})]
    opened(folder)[0].remove()
    assert settled[4:] == [("run", {"a"})]
    assert not folder.exists()


@pytest.mark.parametrize("at", [1, 2])
def test_a_save_that_fails_leaves_the_one_before(at, tmp_path, monkeypatch):
    """As its first or its second file is brought to the disk."""
    folder, calls = saved(tmp_path / "a", 3), []

    def full(file):
        calls.append(file)
        if len(calls) == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoints, "settle_on_disk", full)
    made, _ = opened(folder)
    with pytest.raises(WriteError, match=r"ckpt-9 cannot be written \(No space left on device\)"):
        made.save(9, {"step": 9})
    with pytest.warns(UserWarning, match="ckpt-9") if at == 2 else contextlib.nullcontext():
        assert opened(folder)[0].restore()["step"] == 3


def test_a_disk_that_is_full_is_named_as_such(tmp_path):
    """TensorFlow calls it a lack of resources, as it does a lack of memory."""
    with tiny_disk(tmp_path / "disk") as disk:
        folder = saved(disk / "a", 3)
        (disk / "other").write_bytes(bytes(900 * 1024))
        made = Checkpoints(folder, {"model": [tf.Variable(tf.ones((300, 300)))]})
        with pytest.raises(WriteError, match=r"ckpt-9 cannot be written \(No space left on device\)"):
            made.save(9, {"step": 9})
        assert opened(folder)[0].restore()["step"] == 3


def test_other_variables_are_never_restored(tmp_path):
    """Neither too few nor too many, nor of another shape."""
    saved(tmp_path / "a", 3)
    for shapes in ([(30, 20), (1,)], [], [(20, 30)]):
        variables = [tf.Variable(tf.zeros(shape)) for shape in shapes]
        with pytest.raises(InputError, match=r"the models that it was begun with. Received: .*ckpt-3, which holds"):
            Checkpoints(tmp_path / "a", {"some/model": variables}).restore()


def test_what_a_check_of_the_state_refuses_is_not_restored(tmp_path):
    def refuse(state):
        raise InputError("not wanted")

    made, variable = opened(saved(tmp_path / "a", 3))
    with pytest.raises(InputError, match="not wanted"):
        made.restore(refuse)
    np.testing.assert_array_equal(variable, values(0))


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    def forbidden(folder):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    made, _ = opened(saved(tmp_path / "a", 3))
    monkeypatch.setattr(type(tmp_path), "iterdir", forbidden)
    with pytest.raises(InputError, match=r"a cannot be read \(Permission denied\): let it be read."):
        made.restore()


def learner():
    """One with every kind of variable: weights, running means, a generator's state, and an optimiser's moments."""
    layers = [keras.layers.Dense(8), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5, seed=1)]
    model = keras.Sequential([keras.Input((5,)), *layers, keras.layers.Dense(1)])
    for number, variable in enumerate(model.trainable_variables):
        variable.assign(np.random.default_rng(number).standard_normal(variable.shape) / 2)
    return training.Learner("model", model, keras.optimizers.Adam(0.01))


@pytest.mark.smoke
def test_with_every_variable_restored_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    x, y = np.random.default_rng(0).standard_normal((2, 40, 5)).astype(np.float32)
    y = y[:, :1]
    whole, first, second = learner(), learner(), learner()
    training.train([whole], x, y, [0, 9], show_progress=False)
    training.train([first], x, y, [0, 4], show_progress=False)
    Checkpoints(tmp_path / "a", variables_of([first])).save(4, {})
    second.build(x.shape, y.shape)
    assert Checkpoints(tmp_path / "a", variables_of([second])).restore() == {}
    training.train([second], x, y, [0, 9], show_progress=False, start=4)
    for one, other in zip(whole.model.variables, second.model.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(second.model.non_trainable_variables) == 3
    assert int(second.optimiser.iterations.numpy()) == 9
