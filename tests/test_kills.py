"""Processes that are killed or asked to end, as a user sees them."""

import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.test_scripts import ROOT, SMOKE, run_well

# KILLS=20 STEPS=600000, with --timeout=0, kills runs of minutes, and takes half an hour.
KILLS, STEPS = int(os.environ.get("KILLS", "4")), int(os.environ.get("STEPS", "30_000"))
QUICK = ("--probe=0", "--n_test=50", "--tracked=1", "--companion=psi")
CONFIG = (SMOKE, *QUICK, f"--steps={STEPS}", "--checkpoint_seconds=0.2")


def start(directory, *flags, **options):
    command = [sys.executable, str(ROOT / "scripts" / "train.py"), *CONFIG, *flags, f"--run_dir={directory}"]
    return subprocess.Popen(command, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options})


def newest(directory):
    """The step of the newest checkpoint, 0 for none."""
    steps = [int(file.stem.removeprefix("ckpt-")) for file in (directory / "checkpoints").glob("ckpt-*.index")]
    return max(steps, default=0)


def await_checkpoint(process, directory, after=0):
    while newest(directory) <= after:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)


def resumed_at(log):
    return int(re.search(r"^Resuming .* at step (\d+)\.$", log, re.MULTILINE)[1])


def heeding_interrupts():
    """Of a shell's background, in which the tests may run, a process would have them ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ask_to_end(directory, number, *flags):
    """Sends a signal after the first new checkpoint; where the process says that it stopped, and its log."""
    before = newest(directory)
    with start(directory, *flags, preexec_fn=heeding_interrupts) as process:
        await_checkpoint(process, directory, after=before)
        process.send_signal(number)
        output, log = process.communicate()
    assert process.returncode == 128 + number
    assert output == ""
    assert "Traceback" not in log
    last = log.strip().splitlines()[-1].rpartition("\r")[2]
    stopped = re.fullmatch(rf".*Stopped by {number.name} at step (\d+) of (.*): go on with --resume\.", last)
    assert stopped[2] == str(directory)
    assert not (directory / ".lock").exists()
    return int(stopped[1]), log


def test_a_process_that_is_asked_to_end_says_where_it_stopped(tmp_path):
    step, _ = ask_to_end(tmp_path / "run", signal.SIGTERM)
    assert step == newest(tmp_path / "run")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole") / "run"
    run_well(*CONFIG, f"--run_dir={directory}", fresh=True)
    return directory


def killed_and_resumed(directory, step, moment):
    """Kills a run some seconds after its first checkpoint from a step on, and resumes it; where it went on."""
    with start(directory, stderr=subprocess.DEVNULL) as process:  # of minutes, its progress would fill a pipe
        await_checkpoint(process, directory, after=step)
        time.sleep(moment)
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL  # and had not ended before
    return resumed_at(run_well(*CONFIG, f"--run_dir={directory}", "--resume", fresh=True).stderr)


def assert_the_same(directory, reference):
    for name in ("metrics.csv", "logits.csv"):
        assert (directory / name).read_bytes() == (reference / name).read_bytes()
    assert {file.name for file in directory.iterdir()} == {file.name for file in reference.iterdir()}


@pytest.mark.slow
def test_killed_at_random_moments_it_goes_on_as_if_it_had_not_been(whole, tmp_path):
    """Each of several runs, of which two share the machine at any time."""
    rng = np.random.default_rng(0)
    after, moments = rng.integers(0, 0.8 * STEPS, KILLS), rng.uniform(0, 0.5, KILLS)
    directories = [tmp_path / str(number) for number in range(KILLS)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        steps = list(pool.map(killed_and_resumed, directories, after, moments))
    print(f"resumed at steps {steps}")
    for directory in directories:
        assert_the_same(directory, whole)
    assert min(steps) > 0
    assert len(set(steps)) > 1


@pytest.mark.slow
def test_asked_to_end_and_asked_again_it_goes_on_as_if_it_had_not_been(whole, tmp_path):
    first, _ = ask_to_end(tmp_path / "run", signal.SIGTERM)
    second, log = ask_to_end(tmp_path / "run", signal.SIGINT, "--resume")
    assert resumed_at(log) == first < second
    done = run_well(*CONFIG, f"--run_dir={tmp_path / 'run'}", "--resume", fresh=True)
    assert resumed_at(done.stderr) == second
    assert_the_same(tmp_path / "run", whole)
