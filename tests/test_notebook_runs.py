"""The notebooks run from top to bottom at small sizes, by scripts/notebooks.py as a user runs it."""

import json

import pytest

from tests.cases import needs_cifar10
from tests.test_notebooks import COMMITTED, assert_shown_as_it_should_be, code, parameters, source
from tests.test_scripts import assert_refused, run, run_well

SCRIPT = "notebooks.py"
SMALL = {
    "early_dynamics": {"d": 10, "n_train": 300, "n_test": 100, "width": 32, "steps": 30},
    "cifar10_tpu": {
        "n_train": 400,
        "n_test": 400,  # as many, or TensorFlow takes the second run's shapes for retracing in a loop, and says so
        "pool": 8,
        "depth": 2,
        "mlp_width": 16,
        "cnn_width": 4,
        "mlp_steps": 12,
        "cnn_steps": 12,
    },
    "your_own_model": {"n_train": 300, "n_test": 100, "steps": 30},
    "kernels": {"n": 50, "d": 16, "width": 32, "dims": (8, 16), "seeds": 2},
}


def test_there_are_four_of_which_all_are_executed_here():
    assert set(COMMITTED) == set(SMALL) == {"early_dynamics", "cifar10_tpu", "your_own_model", "kernels"}


# What an IPython begins with: whether all axes of a figure are named, before it is shown.
STARTUP = """
import matplotlib.pyplot as plt

def shown(*arguments, show=plt.show, **options):
    axes = [ax for number in plt.get_fignums() for ax in plt.figure(number).axes]
    shared = [ax.get_shared_y_axes().get_siblings(ax) for ax in axes]
    named = [ax.get_xlabel() and any(one.get_ylabel() for one in group) for ax, group in zip(axes, shared)]
    with open(FILE, "a") as file:
        print("named" if axes and all(named) else "not named", file=file)
    show(*arguments, **options)

plt.show = shown
"""


MARKS = {"cifar10_tpu": [needs_cifar10, pytest.mark.slow]}


@pytest.mark.parametrize("name", [pytest.param(n, marks=MARKS.get(n, ())) for n in SMALL])
def test_a_notebook_runs_from_top_to_bottom(name, tmp_path):
    small = {**SMALL[name], "show_progress": False}
    settings = [f"--set={key}={value!r}" for key, value in small.items()]
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "shown.py").write_text(STARTUP.replace("FILE", repr(str(tmp_path / "shown.txt"))))
    (tmp_path / "shown.txt").touch()
    run_well(name, *settings, f"--out={tmp_path}", script=SCRIPT, IPYTHONDIR=str(tmp_path / "ipython"))
    figures = sum(source(cell).count("plt.show()") for cell in code(COMMITTED[name]))
    assert (tmp_path / "shown.txt").read_text().splitlines() == ["named"] * figures
    executed = json.loads((tmp_path / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert_shown_as_it_should_be(executed)
    for cell, committed in zip(executed["cells"], COMMITTED[name]["cells"], strict=True):
        assert (cell["id"], cell["source"]) == (committed["id"], committed["source"])
    assert executed["metadata"] == COMMITTED[name]["metadata"]


@pytest.mark.slow
def test_figure_1_takes_less_than_three_minutes(tmp_path):
    """At full size, counted in seconds of one core, which do not depend on what else the machine does: half of
    the steps in less than half of the time, in which all else is done as well.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    settings = ("--set=show_progress=False", f"--set=steps={parameters(COMMITTED['early_dynamics'])['steps'] // 2}")
    run_well("early_dynamics", *settings, f"--out={tmp_path}", script=SCRIPT, fresh=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert 10 < after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime < 180 / 2


REFUSED = {
    "unknown notebook": (["figure9"], "notebooks are cifar10_tpu, early_dynamics, kernels, your_own_model."),
    "unknown parameter": (["kernels", "--set=widht=3"], "Received: widht."),
    "no value": (["kernels", "--set=width=wide"], "Received: width=wide."),
    "no folder": (["kernels", "--out=nowhere"], "out must be a folder. Received: out=nowhere."),
    "values that are not the notebook's own": (["kernels", "--set=width=64"], "out must be given where parameters are"),
}


@pytest.mark.parametrize(("arguments", "said"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused(arguments, said):
    assert_refused(run(*arguments, script=SCRIPT), said)


def test_all_notebooks_are_looked_at_before_one_is_executed(tmp_path):
    done = run("early_dynamics", "cifar10_tpu", "--set=d=10", f"--out={tmp_path}", script=SCRIPT)
    assert_refused(done, "parameters of cifar10_tpu are ")
    assert not list(tmp_path.iterdir())


def test_a_process_that_dies_is_one_sentence(tmp_path):
    """It does as soon as it imports Keras, which the script itself does not."""
    (tmp_path / "keras.py").write_text("import os\n\nos._exit(1)\n")
    (tmp_path / "out").mkdir()
    done = run("your_own_model", f"--out={tmp_path / 'out'}", script=SCRIPT, PYTHONPATH=str(tmp_path))
    assert_refused(done, "the process that executes your_own_model.ipynb must live to its end. Received: ")
    assert not list((tmp_path / "out").iterdir())


def test_a_notebook_that_fails_says_where_and_is_not_written(tmp_path):
    done = run("early_dynamics", "--set=width=3", f"--out={tmp_path}", script=SCRIPT)
    assert done.returncode == 1
    assert "early_dynamics.ipynb" in done.stderr
    assert "width must be even for two_layer" in done.stderr
    assert not list(tmp_path.iterdir())
