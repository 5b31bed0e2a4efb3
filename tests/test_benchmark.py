"""The benchmark as a user runs it, at small sizes and without other software; and what it makes of bad entrants."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cases import needs_proc
from tests.warm import run_warm
from tf_earlydyn.errors import InputError

SCRIPTS = Path(__file__).parents[1] / "scripts"

# A worker like the real ones, without their libraries: the kernel is X X', or is not.
WORKER = """
import os, signal, time
import numpy as np
from benchmarks.workers.serve import serve

def broken(): raise ValueError("no such layer")
def killed(): os.kill(os.getpid(), signal.SIGKILL)
def noisy(x): print("a library's greeting"); return x @ x.T
def hungry(x): np.ones(2**24); return x @ x.T

serve({
    "right": lambda x, weights: lambda: x @ x.T,
    "noisy": lambda x, weights: lambda: noisy(x),
    "hungry": lambda x, weights: lambda: hungry(x),
    "wrong": lambda x, weights: lambda: x @ x.T + 1e-3 * np.diag(x @ x.T).max(),
    "not a number": lambda x, weights: lambda: x @ x.T + np.nan,
    "broken": lambda x, weights: broken,
    "greedy": lambda x, weights: lambda: np.empty((2**45, 2)),
    "killed": lambda x, weights: killed,
    "slow": lambda x, weights: lambda: time.sleep(60),
}, ["numpy"])
"""


def run(*arguments, cwd=None):
    command = [sys.executable, str(SCRIPTS / "benchmark.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    import benchmarks.cases
    import benchmarks.curves
    import benchmarks.environments
    import benchmarks.results
    import benchmarks.rounds
    import benchmarks.steps
    import benchmarks.workers.parts
    import benchmarks.workers.weights

    return benchmarks


@pytest.fixture
def play(benchmarks):
    """Plays two rounds among workers of the named methods, with seconds for an answer."""

    def play(*methods, limit=60):
        entrants = [benchmarks.results.Entrant("worker", name, (sys.executable, "-c", WORKER)) for name in methods]
        benchmarks.rounds.play(benchmarks.cases.Case((3,), n=4, width=2), entrants, rounds=2, limit=limit)
        return entrants

    return play


def test_two_entrants_agree_and_are_timed_in_every_round(tmp_path):
    flags = ["--size=small", "--cases=mlp", "--peers=tape.jacobian", "--rounds=3", "--out=times.json"]
    done = run("kernels", *flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("mlp: 4 dense layers x 8, inputs 192, n = 6, one output\n")
    assert "tape.jacobian, J J'" in done.stdout
    written = json.loads((tmp_path / "times.json").read_text())
    assert {"cores", "platform", "versions"} < set(written)
    ours, theirs = written["cases"]["mlp"]["entrants"]
    assert (ours["peer"], theirs["peer"]) == ("tf_earlydyn", "tape.jacobian")
    assert len(ours["seconds"]) == len(theirs["seconds"]) == 3
    assert theirs["first"] > theirs["median"]  # it compiles
    assert theirs["difference"] < 1e-6  # two orders of summation in float32
    assert theirs["ratio"] == pytest.approx(theirs["median"] / ours["median"])
    assert theirs["ratio_min"] <= theirs["ratio"] <= theirs["ratio_max"]


@pytest.mark.slow
def test_a_predicted_curve_is_compared_with_the_true_one(tmp_path):
    flags = ["--size=small", "--cases=n2000", "--peers=training", "--rounds=1", "--out=times.json"]
    done = run("predict", *flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("n2000: two-layer erf network of 256 units, n = 500, 50 steps at a rate of 1\n")
    ours, true = json.loads((tmp_path / "times.json").read_text())["cases"]["n2000"]["entrants"]
    assert (ours["peer"], true["peer"]) == ("tf_earlydyn", "training")
    for split in ("train_losses", "test_losses"):
        assert [int(step) for step in ours[split]] == [int(step) for step in true[split]]
        for entrant in (ours, true):
            assert entrant[split]["0"] == pytest.approx(0.5, abs=1e-6)  # outputs are 0, labels are +-1
    first, *_, last = ours["train_losses"].values()
    differences = [
        abs(true["test_losses"][step] / ours["test_losses"][step] - 1)
        for step, loss in ours["train_losses"].items()
        if loss > (first + last) / 2
    ]
    assert 1 < len(differences) < len(ours["train_losses"])
    assert true["difference"] == pytest.approx(max(differences))
    assert 1e-5 < true["difference"] < 0.01
    *_, heads, our_row, true_row = done.stdout.strip().splitlines()
    assert heads.split()[-2:] == ["from", "training"]
    assert f"{ours['test_losses']['1']:.4f}" in our_row and f"{true['test_losses']['1']:.4f}" in true_row


@pytest.mark.slow
def test_the_closed_form_is_where_the_steps_lead(tmp_path):
    done = run("predict", "--size=small", "--cases=n20000", "--rounds=1", "--out=times.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ours, *stepped = json.loads((tmp_path / "times.json").read_text())["cases"]["n20000"]["entrants"]
    assert ours["method"] == "trajectory"
    assert [entrant["method"] for entrant in stepped] == ["training.train", "tf.function", "fit"]
    for entrant in stepped:
        assert entrant["difference"] < 1e-6
        assert entrant["ratio"] > 1


def test_steps_lead_to_the_same_loss_and_are_timed_each(tmp_path):
    done = run("train", "--size=small", "--cases=cnn", "--peers=keras", "--rounds=1", "--out=times.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first_line, heads, our_row, their_row, losses = done.stdout.strip().splitlines()
    assert first_line == "cnn: 4 convolutions of 3x3 x 8, inputs 8x8x3, n = 6, one output, 4 steps at a rate of 1"
    ours, theirs = json.loads((tmp_path / "times.json").read_text())["cases"]["cnn"]["entrants"]
    assert (ours["peer"], theirs["peer"]) == ("tf_earlydyn", "keras")
    assert "a step" in heads
    for entrant, row in ((ours, our_row), (theirs, their_row)):
        assert f"{entrant['median'] / 4 * 1000:.3g} ms" in row
    assert theirs["difference"] < 1e-5  # float32
    assert ours["last_loss"] < ours["first_loss"] / 2
    assert losses.split()[-1] == f"{ours['last_loss']:.5f}."


def peers_are_there():
    return all((SCRIPTS.parent / ".venv" / "peers" / name).is_dir() for name in ("jax", "torch"))


@pytest.mark.slow
@pytest.mark.skipif(not peers_are_there(), reason="scripts/benchmark.py train has made no environments for its peers")
def test_every_peer_takes_the_same_steps(tmp_path):
    done = run("train", "--size=small", "--rounds=1", "--out=times.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    cases = json.loads((tmp_path / "times.json").read_text())["cases"]
    assert [(name, len(case["entrants"])) for name, case in cases.items()] == [
        *((name, 8) for name in ("figure1", "mlp", "cnn")),
        ("n2000000", 1),
    ]
    for entrant in (entrant for case in cases.values() for entrant in case["entrants"]):
        assert entrant["failure"] is None
        assert entrant["difference"] < 1e-5  # float32


def test_what_steps_lead_to_is_judged_by_its_loss(benchmarks):
    steps, rng = benchmarks.steps.DeepSteps((5,), n=6, width=4, depth=2), np.random.default_rng(0)
    drawn = steps.draw()
    start = benchmarks.workers.weights.flat([drawn[name] for name in benchmarks.workers.weights.names(drawn)])
    end = start + rng.standard_normal(start.shape, np.float32)
    same, none = steps.examine(end, end), steps.examine(start, end)
    assert (same["difference"], none["difference"]) == (0, 1)
    assert none["last_loss"] == none["first_loss"] == same["first_loss"] != same["last_loss"]
    assert not steps.examine(end + np.nan, end)["difference"] <= steps.agreement.tolerance


def test_a_loop_runs_in_parts_and_raises_where_it_is_awaited(benchmarks):
    done = []

    def loop(pause):
        for number in range(2):
            done.append(number)
            pause()
        raise ValueError("at the end")

    parts = benchmarks.workers.parts.InParts(loop)
    for expected in ([0], [0, 1]):
        parts.go_on()
        assert done == expected
    with pytest.raises(ValueError, match="at the end"):
        parts.go_on()


def test_only_the_early_curve_must_agree(benchmarks):
    curve = benchmarks.curves.Curve(100)
    expected = np.array([np.linspace(0.5, 0.1, len(curve.recorded()))] * 2)
    late, early = expected.copy(), expected.copy()
    late[1, -1] *= 2
    early[1, 1] *= 1.25
    assert curve.examine(late, expected)["difference"] == 0
    assert curve.examine(early, expected)["difference"] == pytest.approx(0.25)
    early[1, 1] = np.nan
    assert not curve.examine(early, expected)["difference"] <= curve.agreement.tolerance


@needs_proc
def test_memory_is_that_beyond_the_imports(play):
    modest, hungry = play("right", "hungry")
    assert 0 <= modest.memory < 2**24
    assert 2**27 <= hungry.memory < 2**27 + 2**24  # 2^24 numbers of 8 bytes


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("broken", "ValueError: no such layer"),
        ("greedy", "out of memory"),
        ("killed", "out of memory"),
        ("no such method", "KeyError: 'no such method'"),
    ],
)
def test_an_entrant_that_fails_is_left_out_and_its_reason_given(method, reason, play, benchmarks):
    first, failed, last = play("right", method, "noisy")
    assert (failed.failure, failed.seconds) == (reason, [])
    assert len(first.seconds) == len(last.seconds) == 2
    assert last.difference == 0
    assert reason in benchmarks.results.table([first, failed, last])
    with pytest.raises(InputError, match=r"must compute the kernel, and does not: "):
        play(method, "right")


def test_an_entrant_that_takes_too_long_is_left_out(play):
    first, slow = play("right", "slow", limit=4)
    assert slow.failure == "over 4 s"
    assert len(first.seconds) == 2


@pytest.mark.parametrize("method", ["wrong", "not a number"])
def test_a_kernel_that_differs_ends_the_benchmark(method, play):
    with pytest.raises(InputError, match=r"must agree to 0\.0001 of the largest diagonal entry"):
        play("right", method)


def test_an_environment_is_made_whole_or_not_at_all(benchmarks, tmp_path, monkeypatch):
    environments = benchmarks.environments
    monkeypatch.setattr(environments, "_ENVIRONMENTS", tmp_path)
    monkeypatch.setattr(environments.venv, "create", lambda directory, **_: (directory / "bin").mkdir(parents=True))
    installed = []

    def pip(command, **_):
        installed.append(command[-1])
        Path(command[0]).parent.mkdir(parents=True, exist_ok=True)
        Path(command[0]).touch()

    def failing_pip(command, **_):
        raise subprocess.CalledProcessError(1, command, stderr="WARNING: slow\nERROR: no network.\n")

    monkeypatch.setattr(environments.subprocess, "run", failing_pip)
    with pytest.raises(InputError, match=r"torch cannot be made: ERROR: no network\.$"):
        environments.python("torch")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(environments.subprocess, "run", pip)
    assert environments.python("torch").exists()
    assert environments.python("torch").parents[1] == tmp_path / "torch"
    assert installed == ["pip", SCRIPTS / "benchmarks" / "requirements" / "torch.txt"]  # once


REFUSED = {
    "no subcommand": ([], "benchmark.py takes one of: kernels, predict, train. Received: none."),
    "unknown subcommand": (["race"], "benchmark.py takes one of: kernels, predict, train. Received: race."),
    "unknown peer": (["kernels", "--peers=torch,jax"], "peers must be different names among neural-tangents, torch, "),
    "unknown case": (["kernels", "--cases=mlp,rnn"], "cases must be different names among mlp, cnn, "),
    "no case": (["kernels", "--cases="], "cases must be different names among mlp, cnn, "),
    "a case twice": (["kernels", "--cases=mlp,mlp"], "cases must be different names among mlp, cnn, "),
    "a case of another": (["predict", "--cases=mlp"], "cases must be different names among n2000, n4000, n20000."),
    "a peer of another": (["predict", "--peers=torch"], "peers must be different names among training, "),
    "no rounds": (["kernels", "--rounds=0"], "flag --rounds=0: 0 is not a positive integer"),
    "no place": (["kernels", "--out=none/times.json"], "out must be a file in a directory that can be written to."),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_one_sentence(arguments, message, tmp_path):
    done = run_warm(*arguments, script="benchmark.py", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_flag():
    done = run("--help")
    assert done.returncode == 0
    for name in ("cases", "peers", "rounds", "limit", "size", "out"):
        assert f"--{name}\n" in done.stdout
