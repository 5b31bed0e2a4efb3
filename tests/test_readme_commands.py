"""The commands of the README, in its order, in an empty checkout of their own.

They are made short by flags after theirs. ``README=whole python -m pytest -s -m slow tests/test_readme_commands.py``
runs them as they stand there, which takes most of an hour.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cases import CIFAR10

ROOT = Path(__file__).parents[1]
WHOLE = os.environ.get("README") == "whole"
SHORT = {
    "train": "--n_train=500 --n_test=200 --d=20 --width=32 --steps=5 --seeds=1 --companion=psi --probe=0 --tracked=0",
    "predict": "--n_train=500 --n_test=200 --d=20 --width=32 --steps=5",
    "kernels": "--dims=5,9 --alpha=0.5 --seeds=2 --n_test=30",
}
ELSEWHERE = ("make test", ". .venv/bin/activate", "--network_file=F.keras")  # what runs this, and in test_readme
LONG = ("benchmark.py",)  # small ones are in test_benchmark


def blocks(text):
    """Those that a reader types: indented ones, less their comments, and commands in a line of the text."""
    outside = re.sub(r"^```.*?^```\n", "", text, flags=re.DOTALL | re.MULTILINE)
    for block in re.findall(r"(?:^    \S.*\n|^     +.*\n)+", outside, re.MULTILINE):
        yield re.sub(r" +#.*", "", re.sub(r"^    ", "", block, flags=re.MULTILINE)).replace("\\\n", "")
    yield "\n".join(dict.fromkeys(re.findall(r"`(python scripts/benchmark\.py \w+)`", outside)))


def commands(text):
    """One a line, but for those that run together."""
    for block in blocks(text):
        yield from [block] if "&" in block else block.strip().splitlines()


def shortened(command):
    if WHOLE:
        return command
    return re.sub(
        r"python scripts/(\w+)\.py[^&\n]*", lambda one: f"{one[0].rstrip()} {SHORT.get(one[1], '')} ", command
    )


@pytest.fixture
def checkout(tmp_path):
    """What git keeps, or would."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"git does not list the files of a checkout: {done.stderr.strip()}")
    for name in filter(None, done.stdout.split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(command, cwd):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(cwd)}
    return subprocess.run(["bash", "-c", command], cwd=cwd, env=environment, capture_output=True, text=True)


def made_runnable(command, checkout):
    """With files for its placeholders; all processes of a block are waited for."""
    if command == "make figure1" and not WHOLE:
        told = run("MAKEFLAGS= make --dry-run --no-print-directory figure1", checkout).stdout
        command = told.strip().splitlines()[-1].replace(".venv/bin/", "")
    runs = sorted(map(str, (checkout / "runs").glob("*")))
    for name, directory in zip((" RUN_DIR", " OTHER_DIR"), runs, strict=False):
        command = command.replace(name, f" {directory}")
    command = shortened(command.replace("FILE", "both.html"))
    return f"{command.rstrip()}\nlast=$?; wait $! && exit $last" if "&" in command else command


@pytest.mark.slow
@pytest.mark.timeout(0 if WHOLE else 600)
def test_every_command_runs(checkout, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(CIFAR10.parent))
    found = list(commands((checkout / "README.md").read_text(encoding="utf-8")))
    assert set(re.findall(r"scripts/(\w+)\.py", " ".join(found))) == {*SHORT, "report", "benchmark"}
    for command in found:
        left_out = ELSEWHERE + LONG * (not WHOLE) + ("figure2",) * (not CIFAR10.is_dir())
        if any(one in command for one in left_out):
            continue
        begun = time.monotonic()
        done = run(made_runnable(command, checkout), checkout)
        print(f"{time.monotonic() - begun:6.0f} s  {command}")
        if "strategy=tpu" in command and "strategy=tpu needs a TPU" in done.stderr:
            continue
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stdout
