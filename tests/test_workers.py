"""Two worker processes on loopback, as a user starts them."""

import dataclasses
import json
import re
import signal
import socket
import time

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests import cluster as processes
from tests.cluster import UNREACHABLE, ended, free_addresses, last_line, tf_config
from tests.test_kills import KILLS, await_checkpoint, newest, resumed_at
from tests.test_scripts import SMOKE, assert_refused, run, run_well
from tests.warm import SCRIPTS
from tests.worker import FORETOLD, of_images
from tf_earlydyn import training
from tf_earlydyn.config import DataConfig, ExecutionConfig, ModelConfig, RunConfig, TrainingConfig
from tf_earlydyn.distribution import make_strategy, rendezvous, workers
from tf_earlydyn.distribution.workers import cluster
from tf_earlydyn.errors import InputError, WorkerError
from tf_earlydyn.studies import prediction, seeds
from tf_earlydyn.studies.identity import identity
from tf_earlydyn.training import replicas

pytestmark = pytest.mark.timeout(180)
SMALL = (SMOKE, "--n_train=501", "--n_test=50", "--tracked=1", "--steps=200")
QUICK = (*SMALL, "--probe=0", "--companion=psi")
LONG = (*QUICK, "--steps=2500", "--checkpoint_seconds=0.1", "--dtype=float64")
ENDS = ((1, signal.SIGTERM), (0, signal.SIGKILL), (1, signal.SIGKILL), (0, signal.SIGTERM))  # KILLS=8 takes them all
SECONDS = 60  # in which the others of a worker that has ended must end


def start(directory, *flags):
    """The chief and a follower, which need not reach the run directory."""
    command = [SCRIPTS / "train.py", *flags, "--strategy=multiworker"]
    return processes.start([*command, f"--run_dir={directory}"], [*command, f"--run_dir={UNREACHABLE}"])


def run_together(directory, *flags):
    """What the chief has written, and its log."""
    chief, follower = ended(start(directory, *flags))
    assert (chief[0], follower[0]) == (0, 0), (chief, follower)
    assert follower[1:] == ("", "")
    return chief[1:]


def assert_the_same_table(file, other, tolerance):
    tables = [pd.read_csv(path) for path in (file, other)]
    assert list(tables[0]) == list(tables[1])
    np.testing.assert_allclose(*tables, rtol=tolerance, atol=tolerance * 1e-3)


def test_two_workers_leave_what_one_process_leaves(tmp_path):
    """An MLP with both linear models, of which the twin is derived together, and the kernels of the chief alone."""
    flags = (*SMALL, "--model=mlp", "--depth=2", "--width=32", "--companion=both", "--probe=16")
    output, _ = run_together(tmp_path / "two", *flags)
    assert output == f"Figures: {tmp_path / 'two' / 'figures'}\nReport: {tmp_path / 'two' / 'report.html'}\n"
    run_well(*flags, f"--run_dir={tmp_path / 'one'}")
    assert_the_same_table(tmp_path / "two" / "metrics.csv", tmp_path / "one" / "metrics.csv", 1e-5)
    files = [{file.relative_to(tmp_path / name) for file in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert files[0] == files[1]


@pytest.fixture
def images(tmp_path):
    """An .npz of 121 images of three classes, and 50 to test."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((171, 4, 4, 1)), np.eye(3)[rng.integers(0, 3, 171)]
    np.savez(tmp_path / "images.npz", x_train=x[:121], y_train=y[:121], x_test=x[121:], y_test=y[121:])
    return tmp_path / "images.npz"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("without_figures")
def test_two_workers_compute_what_one_computes_and_refuse_to_work_on_two_runs(images, tmp_path):
    """In float64: kernels, twins, a prediction, and a CNN's run of two seeds, which is then resumed and begun again.

    Where a file lies, and how often a run is saved, makes it no other one; what is in the file does.
    """
    (tmp_path / "two").mkdir()
    for place in "01":
        (tmp_path / place).write_text(place)  # which is no .npz: that would be said, were any data read
    folders = tmp_path / "two", UNREACHABLE
    commands = (["-m", "tests.worker", folders[place], images, tmp_path / str(place)] for place in range(2))
    chief, follower = ended(processes.start(*commands), seconds=600)
    assert (chief[0], follower[0]) == (0, 0), (chief, follower)

    one, two = tmp_path / "one", tmp_path / "two"
    assert {file.name for file in two.iterdir()} == {"foretold", "run"}
    seeds.run(of_images(images, one / "run"), show_progress=False)
    assert_the_same_table(one / "run" / "metrics.csv", two / "run" / "metrics.csv", 1e-12)
    prediction.run(dataclasses.replace(FORETOLD, run_dir=str(one / "foretold")), show_progress=False)
    assert_the_same_table(one / "foretold" / "prediction.csv", two / "foretold" / "prediction.csv", 1e-12)

    *of_chief, no_file, exists = chief[1].splitlines()
    *of_follower, no_file_either, lost = follower[1].splitlines()
    assert (
        of_chief == ["another worker was given other flags or files than the first: start all with the same ones."] * 3
    )
    given = f"data_file={tmp_path / '1'}, learning_rate=2.0, seed=1"
    assert of_follower == [
        "all workers must be given the same flags, and files of the same content. "
        f"Received: {others}, unlike the first worker."
        for others in (given, f"{given}, seeds=2", given)
    ]
    assert "file is for kernels that one process computes" in no_file == no_file_either
    assert exists.startswith("run_dir must be a new directory.")
    assert lost.startswith("another worker has ended")


def test_what_makes_a_run_another_one(tmp_path):
    for name in ("a", "same", "b"):
        (tmp_path / name).write_text(name.replace("same", "a"))

    def of(name, **changes):
        files = DataConfig(data="npz", data_file=str(tmp_path / name), data_dir=name)
        return identity(RunConfig(data=files, model=ModelConfig(network_file=str(tmp_path / name)), **changes))

    def differing(one, other):
        return {name for name in one if one[name] != other[name]}

    assert of("a").keys() == identity(RunConfig()).keys()  # so that workers can compare them one by one
    assert differing(of("a"), of("same", run_dir="here", checkpoint_seconds=7.0)) == set()
    assert differing(of("a"), of("b")) == {"data_file", "network_file"}
    assert differing(of("a"), of("a", seed=1, execution=ExecutionConfig(dtype="float64"))) == {"seed", "dtype"}
    assert differing(of("a"), of("a", training=TrainingConfig(learning_rate=0.5))) == {"learning_rate"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_worker_that_ends_ends_the_other_and_the_job_goes_on(tmp_path):
    directory, ends = tmp_path / "run", ENDS[: KILLS // 2]
    assert ends
    for who, number in ends:
        before = newest(directory)
        both = start(directory, *LONG, "--resume")
        await_checkpoint(both[0], directory, after=before)
        both[who].send_signal(number)
        begun = time.monotonic()
        found = ended(both, SECONDS)
        (status, _, log), other = found[who], found[1 - who]
        print(f"{number.name} to worker {who}: {last_line(other[2])} after {time.monotonic() - begun:.1f} s")
        assert status == (-number if number == signal.SIGKILL else 128 + number)
        assert other[0] == 2
        if number == signal.SIGKILL:
            said = "another worker has ended, and nothing goes on without it: when all have ended, start all again"
            assert last_line(other[2]).startswith(said)
        else:
            assert int(re.match("Stopped by SIGTERM at step ([0-9]+)", last_line(log))[1]) == newest(directory)
            said = f"another worker was asked to end, and this one stopped at step {newest(directory)}"
            assert last_line(other[2]).startswith(said)
        assert before == 0 or resumed_at(found[0][2]) == before
    step = newest(directory)
    _, log = run_together(directory, *LONG, "--resume")
    assert resumed_at(log) == step > 0
    run_together(tmp_path / "whole", *LONG)
    assert (directory / "metrics.csv").read_bytes() == (tmp_path / "whole" / "metrics.csv").read_bytes()


def lost(*_, **__):
    """In place of what asks the other workers, of which one has ended."""
    raise tf.errors.UnavailableError(None, None, "Connection reset by peer")


def test_a_worker_that_is_lost_while_they_connect_is_named(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config(free_addresses(1), 0))
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", lost)
    with pytest.raises(WorkerError, match="another worker has ended"):
        make_strategy(ExecutionConfig(strategy="multiworker"))


def test_a_worker_that_is_lost_while_weights_are_sent_is_named(monkeypatch, mirrored):
    monkeypatch.setattr(workers, "has_workers", lambda _: True)
    monkeypatch.setattr(replicas, "_copy", lost)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(WorkerError, match="another worker has ended"):
        replicas.Weights(training.Learner("network", model, training.GradientDescent(0.1)), mirrored)


WORKERS = ["127.0.0.1:21111", "127.0.0.1:21112"]
FIRST = {"type": "worker", "index": 0}
MALFORMED = {
    "nothing": None,
    "no JSON": "{",
    "no object": "[]",
    "no task": json.dumps({"cluster": {"worker": WORKERS}}),
    "no cluster": json.dumps({"task": FIRST}),
    "a place that is none": tf_config(WORKERS, 2),
    "a place below 0": tf_config(WORKERS, -1),
    "a place in words": tf_config(WORKERS, "0"),
    "a chief": json.dumps(
        {"cluster": {"chief": WORKERS[:1], "worker": WORKERS[1:]}, "task": FIRST | {"type": "chief"}}
    ),
    "a parameter server": json.dumps({"cluster": {"ps": WORKERS[:1], "worker": WORKERS[1:]}, "task": FIRST}),
    "no list": tf_config("127.0.0.1:21111", 0),
    "no port": tf_config(["127.0.0.1", WORKERS[0]], 0),
    "a port that is none": tf_config(["127.0.0.1:99999", WORKERS[0]], 0),
    "one address twice": tf_config(WORKERS[:1] * 2, 0),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_what_tf_config_must_say(text):
    with pytest.raises(InputError, match=r"strategy=multiworker needs TF_CONFIG=.* Received: TF_CONFIG="):
        cluster(text)


def test_no_tf_config_is_one_sentence(tmp_path):
    done = run(SMOKE, "--strategy=multiworker", f"--run_dir={tmp_path / 'run'}")
    assert_refused(done, "strategy=multiworker needs TF_CONFIG=")
    assert not (tmp_path / "run").exists()


def test_a_worker_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(rendezvous, "SECONDS", 0.5)
    addresses = free_addresses()
    with pytest.raises(WorkerError, match=f"the worker at {addresses[0]} has not begun in 0.5 seconds"):
        rendezvous.await_workers(addresses, 1)


def test_an_address_that_is_taken_is_refused():
    with socket.create_server(("", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(InputError, match=f"listens at its own address .* Received: {taken}"):
            rendezvous.await_workers([taken], 0)
