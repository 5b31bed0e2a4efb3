"""Two worker processes on loopback, as a user starts them."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from tests.test_kills import KILLS, await_checkpoint, newest
from tests.test_scripts import ROOT, SMOKE, run, run_well
from tf_earlydyn.distribution import rendezvous
from tf_earlydyn.distribution.workers import cluster
from tf_earlydyn.errors import InputError, WorkerError

pytestmark = pytest.mark.timeout(180)
QUICK = (SMOKE, "--n_train=501", "--probe=0", "--n_test=50", "--tracked=1", "--companion=psi", "--steps=200")
LONG = (*QUICK, "--steps=2500", "--checkpoint_seconds=0.1", "--dtype=float64")
ENDS = ((1, signal.SIGKILL), (1, signal.SIGTERM), (0, signal.SIGKILL), (0, signal.SIGTERM))  # KILLS=8 takes them all
SECONDS = 60  # in which the others of a worker that has ended must end


def free_addresses(number=2):
    """On loopback, below the ports that the system gives to others meanwhile."""
    addresses = []
    while len(addresses) < number:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with socket.socket() as taken:
            if taken.connect_ex(("127.0.0.1", port)) and f"127.0.0.1:{port}" not in addresses:
                addresses.append(f"127.0.0.1:{port}")
    return addresses


def tf_config(addresses, index):
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


def start(directory, *flags):
    """The chief and a follower."""
    addresses = free_addresses()
    command = [sys.executable, str(ROOT / "scripts" / "train.py"), *flags, "--strategy=multiworker"]
    return [
        subprocess.Popen(
            [*command, f"--run_dir={directory}"],
            env={**os.environ, "TF_CONFIG": tf_config(addresses, index)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]


def ended(workers, seconds=120):
    """What workers have written when they have ended, each (status, output, last line of the log)."""
    found = []
    try:
        for worker in workers:
            output, log = worker.communicate(timeout=seconds)
            assert "Traceback" not in log
            lines = log.strip().splitlines() or [""]
            found.append((worker.returncode, output, lines[-1].rpartition("\r")[2].strip()))
    finally:
        for worker in workers:
            worker.kill()
    return found


def run_together(directory, *flags):
    chief, follower = ended(start(directory, *flags))
    assert (chief[0], follower[0]) == (0, 0), (chief, follower)
    assert follower[1:] == ("", "")
    return chief


def assert_the_same_metrics(directory, other, tolerance):
    tables = [pd.read_csv(path / "metrics.csv") for path in (directory, other)]
    assert list(tables[0]) == list(tables[1])
    np.testing.assert_allclose(*tables, rtol=tolerance, atol=tolerance * 1e-3)


def test_two_workers_leave_what_one_process_leaves(tmp_path):
    chief = run_together(tmp_path / "two", *QUICK)
    assert chief[1] == f"Figures: {tmp_path / 'two' / 'figures'}\nReport: {tmp_path / 'two' / 'report.html'}\n"
    run_well(*QUICK, f"--run_dir={tmp_path / 'one'}")
    assert_the_same_metrics(tmp_path / "two", tmp_path / "one", 1e-5)
    files = [{file.relative_to(tmp_path / name) for file in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert files[0] == files[1]


@pytest.mark.slow
def test_seeds_in_float64_leave_what_one_process_leaves(tmp_path):
    flags = (*QUICK, "--seeds=2", "--dtype=float64")
    run_together(tmp_path / "two", *flags)
    run_well(*flags, f"--run_dir={tmp_path / 'one'}")
    assert_the_same_metrics(tmp_path / "two", tmp_path / "one", 1e-12)
    (chief, follower) = ended(start(tmp_path / "two", *flags, "--resume"))
    assert (chief[0], follower[0]) == (0, 0)  # and nothing is done
    (chief, follower) = ended(start(tmp_path / "two", *flags))
    assert (chief[0], follower[0]) == (2, 2)
    assert chief[2].startswith("run_dir must be a new directory.")
    assert follower[2].startswith("another worker has ended")


@pytest.mark.slow
def test_a_worker_that_ends_ends_the_other_and_the_job_goes_on(tmp_path):
    directory = tmp_path / "run"
    for who, number in ENDS[: KILLS // 2]:
        workers = start(directory, *LONG, "--resume")
        await_checkpoint(workers[0], directory, after=newest(directory))
        workers[who].send_signal(number)
        begun = time.monotonic()
        one, other = (ended([workers[each]], SECONDS)[0] for each in (who, 1 - who))
        print(f"{number.name} to worker {who}: {other} after {time.monotonic() - begun:.1f} s")
        assert one[0] == (-number if number == signal.SIGKILL else 128 + number)
        if number == signal.SIGTERM:
            assert int(re.match("Stopped by SIGTERM at step ([0-9]+)", one[2])[1]) == newest(directory)
        assert other[0] == 2
        assert other[2].startswith("another worker has ended, and nothing goes on without it: start all of them again")
    run_together(directory, *LONG, "--resume")
    run_together(tmp_path / "whole", *LONG)
    assert (directory / "metrics.csv").read_bytes() == (tmp_path / "whole" / "metrics.csv").read_bytes()


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


def test_a_malformed_tf_config_is_one_sentence(tmp_path):
    done = run(SMOKE, "--strategy=multiworker", f"--run_dir={tmp_path / 'run'}", TF_CONFIG="{}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("strategy=multiworker needs TF_CONFIG=")
    assert len(done.stderr.splitlines()) == 1
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
