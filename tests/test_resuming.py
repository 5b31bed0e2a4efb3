"""What happens to a run, in this process: whatever ends it, it goes on as if nothing had happened.

The same with processes that are killed is in ``test_kills.py``.
"""

import contextlib
import dataclasses
import os
import re
import shutil
import signal

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.cases import draw_nothing, only_to_be_read, tiny_disk
from tests.test_checkpoints import DAMAGE, FILES
from tf_earlydyn import columns, report, rundir, signals, training
from tf_earlydyn.config import DataConfig, ExecutionConfig, ModelConfig, RunConfig, TrainingConfig, flagfile
from tf_earlydyn.distribution import strategies
from tf_earlydyn.errors import InputError, Stopped, WriteError
from tf_earlydyn.locks import locked
from tf_earlydyn.provenance import provenance
from tf_earlydyn.rundir import RunDirectory, read_json
from tf_earlydyn.studies import agreement, kernel_probe, origin, seeds, survival
from tf_earlydyn.studies.claiming import claimed
from tf_earlydyn.studies.ending import Ending
from tf_earlydyn.studies.tensorboard import TensorBoardWriter

CONFIG = RunConfig(
    data=DataConfig(n_train=60, n_test=20, d=4),
    model=ModelConfig(width=8),
    training=TrainingConfig(steps=40),
    checkpoint_seconds=1000.0,
    companion="psi",
    probe=8,
    tracked=2,
)
BOTH = dataclasses.replace(CONFIG, companion="both")  # the default, of which the twin takes a second to derive
BETWEEN = 30  # not a recorded step


class Killed(BaseException):
    """In place of what ends a process at once."""


def killed(*_):
    raise Killed


def kernel(network, x, **_):
    """In place of the tangent kernel, which takes seconds to compile: it moves with the network, too."""
    f = np.asarray(network(x))
    return f @ f.T + np.eye(len(x))


@pytest.fixture(autouse=True, scope="module")
def _quick():
    """One step a call, so that some end between recorded steps; and nothing that takes most of a small run's time.

    All parts are of the state that the checkout has now, whatever is done to it meanwhile.
    """
    here = provenance()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rundir, "provenance", lambda: here)
        patch.setattr(origin, "provenance", lambda: here)
        patch.setattr(training.loop, "STEPS_PER_CALL", 1)
        patch.setattr(kernel_probe, "empirical_ntk", kernel)
        patch.setattr(report, "draw_figures", draw_nothing)
        yield


def run(path, config=CONFIG, resume=False, runner=agreement.run):
    config = dataclasses.replace(config, run_dir=str(path))
    return runner(config, show_progress=False, resume=resume)


def after(part, step, how):
    """Patches a callback, or a pause, of a run to call ``how`` when it has been called at a step."""
    call = part.__call__

    def calls(self, at):
        call(self, at)
        if at == step:
            how()

    return part, "__call__", calls


def cut(path, *saves, config=CONFIG, row=None, **options):
    """A run that is saved at some steps alone, and killed at the last of them, or after writing the row of a step."""
    part, step = (TensorBoardWriter, row) if row else (survival.Survival, saves[-1])
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(survival.Survival, "due", lambda self, step: step in saves)
        patch.setattr(*after(part, step, killed))
        run(path, config, **options)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run(tmp_path_factory.mktemp("whole") / "run").path


def assert_the_same(path, whole):
    """Tables byte for byte, models weight for weight, and nothing that is left over."""
    one, other = RunDirectory(path), RunDirectory(whole)
    for file in ("metrics", "logits", "flags"):
        assert getattr(one, file).read_bytes() == getattr(other, file).read_bytes()
    summaries = [read_json(directory.summary) for directory in (one, other)]
    assert all(summary.pop("training_seconds") > 0 for summary in summaries)
    assert summaries[0] == summaries[1]
    for model in whole.glob("*.keras"):
        models = [keras.saving.load_model(directory / model.name) for directory in (path, whole)]
        for weights in zip(*(model.get_weights() for model in models), strict=True):
            np.testing.assert_array_equal(*weights)
    assert {file.name for file in path.iterdir()} == {file.name for file in whole.iterdir()}


def points(path):
    from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator

    events = EventAccumulator(str(path / "events"), {TENSORS: 0})
    events.Reload()
    return {tag: [point.step for point in events.Tensors(tag)] for tag in events.Tags()["tensors"]}


def resumed_at(capfd):
    return [int(line.split()[-1][:-1]) for line in capfd.readouterr().err.splitlines() if line.startswith("Resuming ")]


def test_a_run_goes_on_whatever_happens_to_it(tmp_path, capfd):
    """It is killed between recorded steps, its newest checkpoint is lost, it is killed after a row that is in no
    checkpoint, and stopped by a signal that comes as the last one is saved, on a machine that shows other cores; and
    equals the one to which nothing happened. Its checkpoints are there until it has finished.
    """
    whole, path = run(tmp_path / "whole", BOTH).path, tmp_path / "run"
    assert BETWEEN not in pd.read_csv(whole / "metrics.csv")["step"].tolist()
    cut(path, 5, 12, BETWEEN, config=BOTH)
    DAMAGE["zeroed"](path / "checkpoints" / FILES["data"].format(BETWEEN))
    with pytest.warns(UserWarning, match=f"ckpt-{BETWEEN} .*; ckpt-12 is taken"):
        cut(path, 14, config=BOTH, row=16, resume=True)
    assert pd.read_csv(path / "metrics.csv")["step"].iloc[-1] == 16
    here, end, finished = origin.provenance(), survival.Survival.end, []
    word = f"Stopped by SIGINT at work on {path}: go on with --resume."
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped, match=f"^{re.escape(word)}$"):
        patch.setattr(origin, "provenance", lambda: {**here, "cores": 999})
        patch.setattr(*after(survival.Survival, 40, lambda: os.kill(os.getpid(), signal.SIGINT)))
        with pytest.warns(UserWarning, match=r"than the one before it, .*: cores \(was \d+, now 999\)\.$"):
            run(path, BOTH, resume=True)
    with pytest.MonkeyPatch.context() as patch, pytest.warns(UserWarning, match=r": cores \(was 999, now"):
        patch.setattr(survival.Survival, "end", lambda made: (finished.append(RunDirectory(path).finished), end(made)))
        run(path, BOTH, resume=True)
    assert finished == [True]
    assert resumed_at(capfd) == [12, 14, 40]
    assert_the_same(path, whole)
    assert points(path) == points(whole)
    assert read_json(path / "provenance.json")["resumed_with"] == [{"cores": 999}, {"cores": here["cores"]}]
    assert "Resumed with" in (path / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 10, 13, 25, 40])
def test_wherever_it_is_killed_a_resumed_run_equals_the_uninterrupted_one(step, whole, tmp_path, capfd):
    cut(tmp_path / "run", step)
    run(tmp_path / "run", resume=True)
    assert resumed_at(capfd) == [step]
    assert_the_same(tmp_path / "run", whole)
    assert points(tmp_path / "run") == points(whole)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["write_model", "summarise", "write_json"])
def test_what_comes_after_training_is_made_up_for(name, whole, tmp_path):
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(agreement, name, killed)
        run(tmp_path / "run")
    run(tmp_path / "run", resume=True)
    assert_the_same(tmp_path / "run", whole)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(1.5, [5, 11, 17, 23, 29, 30]), (0.5, list(range(2, 31, 2))), (0.0, list(range(1, 31)))]
)
def test_it_is_saved_at_recorded_steps_and_between_them_by_time(seconds, expected, tmp_path, monkeypatch):
    """With a clock by which a call takes 0.25 s: at recorded steps a second after the last time, at others 1.5 s; both
    after less, if less is asked for; and after every call for 0.
    """
    clock, saved, recorder = [0.0], [], Recorded()
    monkeypatch.setattr(survival.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(survival.Checkpoints, "save", lambda self, step, state: saved.append(step))
    config = dataclasses.replace(CONFIG, checkpoint_seconds=seconds)
    pause = survival.Survival(RunDirectory(tmp_path), config, [0, 1, 2, 5, 6, 30], [], recorder, unasked())
    for step in range(1, 31):
        clock[0] += 0.25
        if pause.due(step):
            pause(step)
    assert saved == expected
    assert recorder.asked == len(saved)


def unasked():
    """That no signal asks for an end."""
    return Ending(signals.Notice(), tf.distribute.get_strategy())


class Recorded:
    """A recorder of nothing."""

    asked = 0

    def state(self):
        self.asked += 1
        return {}


def test_time_is_counted_over_all_parts(tmp_path):
    made = survival.Survival(RunDirectory(tmp_path), CONFIG, [0, 1], [], Recorded(), unasked())
    made.before = 1000.0
    assert 1000 < made.seconds < 1001
    made(1)
    again = survival.Survival(RunDirectory(tmp_path), CONFIG, [0, 1], [], Taking(), unasked())
    assert again.resume() == 1
    assert 1000 < again.seconds < 1002


class Taking(Recorded):
    """One that takes up nothing."""

    def restore(self, state):
        assert state == {}


def nothing(path):
    """There is no directory."""


def begun(path):
    """What a process leaves that is killed while it writes its first files."""
    path.mkdir()
    (path / ".lock").touch()
    (path / ".flags.partial.txt").write_text("--ste")


def without_checkpoints(path):
    """As one is before the first of them."""
    path.mkdir()
    RunDirectory(path).flags.write_text(flagfile(CONFIG))


def damaged(path):
    """All of them are."""
    without_checkpoints(path)
    RunDirectory(path).checkpoints.mkdir()
    (RunDirectory(path).checkpoints / "ckpt-3.index").touch()


@pytest.mark.parametrize("left", [nothing, os.mkdir, begun, without_checkpoints, damaged])
@pytest.mark.filterwarnings("ignore:damaged checkpoints")
def test_where_there_is_nothing_to_go_on_from_it_starts_at_0_and_says_so(left, tmp_path, capfd, monkeypatch):
    left(tmp_path / "run")
    called = []
    monkeypatch.setattr(training, "train", lambda *_, start, **__: called.append(start) or killed())
    with pytest.raises(Killed):
        run(tmp_path / "run", resume=True)
    assert called == [None]
    assert f"No checkpoint in {tmp_path / 'run'}: starting at step 0.\n" in capfd.readouterr().err
    assert {"flags.txt", "config.json", "provenance.json"} <= {file.name for file in (tmp_path / "run").iterdir()}


def state_of(path):
    return {
        file: (file.stat().st_mtime_ns, file.read_bytes() if file.is_file() else None)
        for file in (path, *path.rglob("*"))
    }


def test_of_a_finished_run_nothing_is_changed(whole):
    before = state_of(whole)
    assert run(whole, resume=True).figures == whole / "figures"
    assert state_of(whole) == before


def changed(**parts):
    return dataclasses.replace(CONFIG, **parts)


CHANGED = {
    "width": (changed(model=ModelConfig(width=16)), r"width \(was 8, now 16\)\.$"),
    "two": (
        changed(seed=4, training=TrainingConfig(steps=41)),
        r"steps \(was 40, now 41\), seed \(was 0, now 4\)\.$",
    ),
    "new": (changed(sample=60), r"sample \(was not given, now 60\)\.$"),
}


@pytest.mark.parametrize(("config", "message"), CHANGED.values(), ids=CHANGED)
@pytest.mark.parametrize("finished", [True, False])
def test_other_flags_are_refused_and_named(config, message, finished, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "run")
    if not finished:
        (tmp_path / "run" / "summary.json").unlink()
    before = {file: content for file, (_, content) in state_of(tmp_path / "run").items()}
    with pytest.raises(InputError, match=message):
        run(tmp_path / "run", config, resume=True)
    assert {file: content for file, (_, content) in state_of(tmp_path / "run").items()} == before


def unfinished(whole, path):
    """A run that lacks its summary alone."""
    shutil.copytree(whole, path)
    (path / "summary.json").unlink()
    return path


def test_how_often_it_is_saved_and_where_it_lies_may_change(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(agreement, "prepare", killed)
    config = dataclasses.replace(CONFIG, checkpoint_seconds=7)
    with pytest.raises(Killed):  # and not refused
        run(unfinished(whole, tmp_path / "elsewhere"), config, resume=True)


def test_another_file_of_the_same_name_is_refused(tmp_path):
    data, network = tmp_path / "a.npz", tmp_path / "a.keras"

    def save_data(seed):
        x = np.random.default_rng(seed).standard_normal((60, 4))
        np.savez(data, x_train=x[:40], y_train=x[:40, 0], x_test=x[40:], y_test=x[40:, 0])

    def save_network(seed):
        keras.utils.set_random_seed(seed)
        readout = keras.layers.Dense(1, kernel_initializer="zeros")
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "tanh"), readout]).save(network)

    save_data(0)
    save_network(0)
    config = changed(
        data=DataConfig(data="npz", data_file=str(data)), model=ModelConfig(network_file=str(network)), companion="twin"
    )
    cut(tmp_path / "run", 2, config=config)
    for save, others in ((save_data, "another data_file"), (save_network, "another data_file, another network_file")):
        save(1)
        with pytest.raises(InputError, match=rf"the files that it was begun with\. Received: {others}\.$"):
            run(tmp_path / "run", config, resume=True)


def test_what_is_no_run_is_refused_and_kept(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds notes\.txt and no flags\.txt"):
        run(tmp_path, resume=True)
    with pytest.raises(InputError, match="run_dir must be a new directory"):
        run(tmp_path / "notes.txt", resume=True)
    with pytest.raises(InputError, match="resume takes run_dir"):
        agreement.run(CONFIG, resume=True)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("runner", [agreement.run, seeds.run])
def test_of_two_live_processes_the_second_is_refused(runner, whole, tmp_path):
    path = unfinished(whole, tmp_path / "run")
    with locked(path):
        before = state_of(path)
        with pytest.raises(InputError, match="another process is at work on this run"):
            run(path, resume=True, runner=runner)
        assert state_of(path) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_at_a_checkpoint(number, tmp_path, monkeypatch):
    """However long it is to the next one by time."""
    handlers = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    monkeypatch.setattr(*after(TensorBoardWriter, 7, lambda: os.kill(os.getpid(), number)))
    with pytest.raises(Stopped) as stopped:
        run(tmp_path / "run")
    name = signal.Signals(number).name
    assert str(stopped.value) == f"Stopped by {name} at step 7 of {tmp_path / 'run'}: go on with --resume."
    assert stopped.value.signal == number
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == handlers
    assert (tmp_path / "run" / "checkpoints" / FILES["index"].format(7)).is_file()
    assert not (tmp_path / "run" / ".lock").exists()


def test_finished_seeds_are_left_alone(whole, tmp_path, capfd):
    """The first of two has finished when the process is killed, before it has written anything of the two."""
    shutil.copytree(whole, tmp_path / "run" / "seed_0")
    before = state_of(tmp_path / "run" / "seed_0")
    config = dataclasses.replace(CONFIG, seeds=2)
    cut(tmp_path / "run", 2, config=config, runner=seeds.run, resume=True)
    with pytest.raises(InputError, match=r"seeds \(was 2, now 3\)"):
        run(tmp_path / "run", dataclasses.replace(CONFIG, seeds=3), runner=seeds.run, resume=True)
    run(tmp_path / "run", config, runner=seeds.run, resume=True)
    assert resumed_at(capfd) == [2]
    assert state_of(tmp_path / "run" / "seed_0") == before
    assert sorted(set(pd.read_csv(tmp_path / "run" / "metrics.csv")["seed"])) == [0, 1]
    assert read_json(tmp_path / "run" / "summary.json")["seeds"] == 2
    assert not list((tmp_path / "run").rglob(".*"))


@pytest.mark.parametrize("resume", [False, True])
def test_of_two_that_begin_at_once_the_second_is_refused(resume, tmp_path):
    config = dataclasses.replace(CONFIG, run_dir=str(tmp_path / "run"))
    with claimed(config, resume) as first, claimed(config, resume) as second:
        first.make()
        with pytest.raises(InputError):
            second.make()


FULL = r"cannot be written \(No space left on device\): make room, .* and go on with --resume\.$"


@pytest.mark.parametrize(
    "free", [0, 20, 60, *(pytest.param(free, marks=pytest.mark.slow) for free in range(4, 120, 40))]
)
def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(free, whole, tmp_path):
    """So many kB are free, less than the run takes: nothing that is half-written looks whole."""
    with tiny_disk(tmp_path / "disk") as disk:
        (disk / "other").write_bytes(bytes((1024 - free) * 1024))
        with pytest.raises(WriteError, match=FULL):
            run(disk / "run")
        assert not RunDirectory(disk / "run").finished
        for file in disk.glob("run/*.json"):
            read_json(file)
        for file in disk.glob("run/*.keras"):
            keras.saving.load_model(file)
        (disk / "other").unlink()
        if free not in (0, 20):  # which would tell nothing new
            run(disk / "run", resume=True)
            assert_the_same(disk / "run", whole)


def test_events_that_cannot_be_written_do_not_pass_in_silence(tmp_path):
    with tiny_disk(tmp_path / "disk") as disk:
        recorder = Recorded()
        recorder.rows = []
        writer = TensorBoardWriter(RunDirectory(disk), {}, recorder)
        (disk / "other").write_bytes(bytes(1016 * 1024))
        with pytest.raises(WriteError, match=r"events cannot be written \(No space left on device\)"):
            for step in range(200):  # some 400 bytes each
                recorder.rows.append({"step": step, **dict.fromkeys(metrics_of_a_row(), 0.5)})
                writer(step)


def metrics_of_a_row():
    return [columns.loss(model, split) for model in ("network", "linear") for split in columns.SPLITS]


LOCKED_UP = r"cannot be written \((Read-only file system|Permission denied)\): .* and go on with --resume\.$"


def test_a_directory_that_may_only_be_read_is_refused_unless_the_run_is_finished(whole, tmp_path):
    unfinished(whole, tmp_path / "run")
    shutil.copytree(whole, tmp_path / "finished")
    before = state_of(tmp_path)
    with only_to_be_read(tmp_path):
        with pytest.raises(WriteError, match=LOCKED_UP):
            run(tmp_path / "run", resume=True)
        assert run(tmp_path / "finished", resume=True).finished
    assert state_of(tmp_path) == before


def test_a_permission_that_is_lost_is_named_and_the_run_goes_on_when_it_is_back(whole, tmp_path, capfd):
    path = tmp_path / "run"
    with contextlib.ExitStack() as lost, pytest.MonkeyPatch.context() as patch:
        patch.setattr(survival.Survival, "due", lambda self, step: step == 5)
        patch.setattr(*after(TensorBoardWriter, 7, lambda: lost.enter_context(only_to_be_read(path))))
        with pytest.raises(WriteError, match=rf"metrics\.csv {LOCKED_UP}"):
            run(path)
    run(path, resume=True)
    assert resumed_at(capfd) == [5]
    assert_the_same(path, whole)


def test_a_run_of_several_replicas_goes_on_too(whole, tmp_path, capfd, monkeypatch, mirrored):
    """To what one device finds, up to rounding."""
    monkeypatch.setattr(strategies, "_made", lambda *_: mirrored)
    config = changed(execution=ExecutionConfig(strategy="mirrored"))
    path = cut(tmp_path / "run", 12, config=config)
    run(path, config, resume=True)
    assert resumed_at(capfd) == [12]
    tables = [pd.read_csv(directory / "metrics.csv") for directory in (path, whole)]
    np.testing.assert_allclose(*tables, rtol=1e-5, atol=1e-8)
    assert read_json(path / "config.json")["devices"]["replicas"] == 2
