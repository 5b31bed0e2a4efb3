"""The scripts as a user runs them: what they write, what they refuse, and that a run can be repeated."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from tests import made_runs
from tests.cases import CIFAR10, needs_cifar10
from tests.warm import run_warm
from tf_earlydyn.config import DataConfig, RunConfig, flagfile
from tf_earlydyn.data import load
from tf_earlydyn.rundir import RunDirectory

ROOT = Path(__file__).parents[1]
EXPERIMENTS = ROOT / "scripts" / "experiments"
SMOKE = f"--flagfile={EXPERIMENTS / 'smoke.flags'}"
COLUMNS = (
    "step,network_train_loss,network_test_loss,linear_train_loss,linear_test_loss,twin_train_loss,twin_test_loss,"
    "train_gap,test_gap,twin_train_gap,twin_test_gap,network_test_accuracy,linear_test_accuracy,twin_test_accuracy,"
    "network_residual_in,network_residual_out,linear_residual_in,linear_residual_out,twin_residual_in,twin_residual_out,"
    "kernel_to_linear,kernel_to_twin,kernel_movement,kernel_alignment,twin_kernel_alignment"
)

FIGURES = ("losses", "gaps", "logits", "residual", "kernels")


def run(*arguments, script="train.py", cwd=None, fresh=False, **environment):
    """A script's end; ``fresh`` as a user runs it, or with its libraries imported beforehand, which takes less time."""
    if not (fresh or environment):
        return run_warm(*arguments, script=script, cwd=cwd)
    command = [sys.executable, str(ROOT / "scripts" / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={**os.environ, **environment})


def run_well(*arguments, **options):
    done = run(*arguments, **options)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    directory = tmp_path_factory.mktemp("smoke") / "run"
    done = run_well(SMOKE, f"--run_dir={directory}", fresh=True)
    return directory, done


@pytest.mark.smoke
def test_a_run_leaves_its_files(smoke, tmp_path):
    directory, done = smoke
    assert done.stdout == f"Figures: {directory / 'figures'}\nReport: {directory / 'report.html'}\n"
    expected = {"config.json", "flags.txt", "metrics.csv", "logits.csv", "summary.json", "provenance.json"}
    expected |= {"network.keras", "linear.keras", "twin.keras", "figures", "events", "report.html"}
    assert {file.name for file in directory.iterdir()} == expected
    figures = {f"{name}.{kind}" for name in FIGURES for kind in ("png", "pdf")}
    assert {file.name for file in (directory / "figures").iterdir()} == figures
    for figure in (directory / "figures").iterdir():
        assert figure.read_bytes().startswith({".png": b"\x89PNG", ".pdf": b"%PDF"}[figure.suffix])
    assert made_runs.told(RunDirectory(directory)) == made_runs.told(made_runs.training(tmp_path / "made"))


def test_the_progress_bar_shows_losses_and_time_left(smoke):
    assert "network=" in smoke[1].stderr
    assert "step/s" in smoke[1].stderr


def test_metrics_start_at_zero_and_part_at_once(smoke):
    directory, _ = smoke
    assert (directory / "metrics.csv").read_text().splitlines()[0] == COLUMNS
    metrics = pd.read_csv(directory / "metrics.csv")
    first = metrics.iloc[0]
    assert first[["network_train_loss", "network_test_loss", "linear_train_loss"]].tolist() == [0.5, 0.5, 0.5]
    assert first[["train_gap", "test_gap"]].tolist() == [0, 0]
    assert (metrics[["train_gap", "test_gap"]].iloc[1:] > 0).all(axis=None)
    assert metrics["step"].iloc[-1] == 100
    for model in ("network", "linear"):
        parts = metrics[f"{model}_residual_in"] + metrics[f"{model}_residual_out"]
        np.testing.assert_allclose(parts, metrics[f"{model}_test_loss"], rtol=1e-12)
    np.testing.assert_allclose(metrics["linear_residual_out"], first["linear_residual_out"], rtol=1e-6)


def test_summary_is_about_the_recorded_rows(smoke):
    directory, _ = smoke
    summary = json.loads((directory / "summary.json").read_text())
    metrics = pd.read_csv(directory / "metrics.csv").set_index("step")
    half = metrics.loc[summary["half_step"]]
    assert summary["half_test_gap"] == pytest.approx(half["test_gap"], rel=1e-12)
    middle = (0.5 + summary["linear_optimum"]) / 2
    before = metrics.loc[summary["half_step"] - 1]
    assert half["linear_train_loss"] <= middle < before["linear_train_loss"]
    assert summary["last"] == pytest.approx({"step": 100, **metrics.loc[100].to_dict()}, rel=1e-12)
    x = load(DataConfig(n_train=500, n_test=200, d=20), 0)
    beta = np.linalg.lstsq(x.x_train.astype(np.float64), x.y_train.astype(np.float64), rcond=None)[0]
    assert summary["linear_optimum"] == pytest.approx(np.mean((x.x_train @ beta - x.y_train) ** 2) / 2, rel=1e-6)


@pytest.mark.smoke
def test_saved_models_give_the_last_row(smoke):
    directory, _ = smoke
    examples = load(DataConfig(n_train=500, n_test=200, d=20), 0)
    last = pd.read_csv(directory / "metrics.csv").iloc[-1]
    logits = pd.read_csv(directory / "logits.csv")
    tracked = logits[logits["step"] == 100]
    for name in ("network", "linear", "twin"):
        model = keras.saving.load_model(directory / f"{name}.keras")
        f = np.asarray(model(examples.x_test))
        assert np.mean((f - examples.y_test) ** 2) / 2 == pytest.approx(last[f"{name}_test_loss"], rel=1e-5)
        np.testing.assert_allclose(f[tracked["example"], 0], tracked[name], rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(examples.y_test[tracked["example"], 0], tracked["target"])


def test_the_record_says_where_and_in_which_precision(smoke):
    record = json.loads((smoke[0] / "config.json").read_text())
    asked = {"strategy": "auto", "replicas": None, "precision": "highest", "dtype": "float32"}
    assert record["execution"] == asked
    assert record["devices"] == {"strategy": "cpu", "device": "CPU", "replicas": 1, "workers": 1}


def test_mean_of_the_linear_model_is_what_the_gap_is_compared_with(smoke, tmp_path):
    """A run that ends at the half-way step saves the linear model whose mean square the summary divides by."""
    summary = json.loads((smoke[0] / "summary.json").read_text())
    run_well(SMOKE, f"--steps={summary['half_step']}", f"--run_dir={tmp_path / 'run'}")
    linear = keras.saving.load_model(tmp_path / "run" / "linear.keras")
    f = np.asarray(linear(load(DataConfig(n_train=500, n_test=200, d=20), 0).x_test))
    assert summary["half_test_gap_relative"] == pytest.approx(summary["half_test_gap"] / np.mean(f**2), rel=1e-4)


def test_flags_of_a_run_repeat_it(smoke, tmp_path):
    directory, _ = smoke
    run_well(f"--flagfile={directory / 'flags.txt'}", f"--run_dir={tmp_path / 'again'}", cwd=tmp_path)
    for name in ("metrics.csv", "logits.csv", "flags.txt"):
        assert (tmp_path / "again" / name).read_bytes() == (directory / name).read_bytes()
    pages = [(path / "report.html").read_text().splitlines() for path in (tmp_path / "again", directory)]
    differing = [lines for lines in zip(*pages, strict=True) if lines[0] != lines[1]]
    assert all('<th scope="row">Time</th>' in line for lines in differing for line in lines)


@pytest.fixture(scope="module")
def events(smoke):
    """Steps and values by tag."""
    from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    read = EventAccumulator(str(smoke[0] / "events"), {TENSORS: 0})
    read.Reload()
    return {
        tag: [(point.step, make_ndarray(point.tensor_proto)) for point in read.Tensors(tag)]
        for tag in read.Tags()["tensors"]
    }


def test_events_hold_the_metrics(smoke, events):
    metrics = pd.read_csv(smoke[0] / "metrics.csv")
    for tag, column in (("loss/test_network", "network_test_loss"), ("gap/test_linear", "test_gap")):
        steps, values = zip(*events[tag], strict=True)
        assert list(steps) == metrics["step"].tolist()
        np.testing.assert_allclose(values, metrics[column].astype(np.float32))


def test_events_hold_the_figures(smoke, events):
    assert {tag for tag in events if tag.startswith("figures/")} == {f"figures/{name}" for name in FIGURES}
    for name in FIGURES:
        file = smoke[0] / "figures" / f"{name}.png"
        height, width, _ = imread(file).shape
        ((step, image),) = events[f"figures/{name}"]
        assert (step, image.tolist()) == (100, [str(width).encode(), str(height).encode(), file.read_bytes()])


def test_report_draws_the_figures_again(smoke):
    directory, _ = smoke
    figures = sorted((directory / "figures").iterdir())
    pixels = {figure: figure.read_bytes() for figure in figures if figure.suffix == ".png"}
    written = (directory / "report.html").read_bytes()
    for file in (*figures, directory / "report.html"):
        file.unlink()
    done = run_well(directory, script="report.py")
    *drawn, page = map(Path, done.stdout.split())
    assert sorted(drawn) == figures
    assert page == directory / "report.html"
    for figure, content in pixels.items():
        assert figure.read_bytes() == content
    assert page.read_bytes() == written


UNTRACKED = ["--tracked=0", "--probe=0"]


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(["--activation=relu", "--train=second", "--covariance=power_law"], marks=pytest.mark.slow),
        ["--activation=leaky_relu", "--negative_slope=0.3", "--labels=value", "--entries=uniform", *UNTRACKED],
    ],
)
def test_other_settings_run(flags, tmp_path):
    run_well(SMOKE, "--steps=20", *flags, f"--run_dir={tmp_path / 'run'}")
    metrics = pd.read_csv(tmp_path / "run" / "metrics.csv")
    assert metrics["network_train_loss"].iloc[-1] < metrics["network_train_loss"].iloc[0]
    assert (tmp_path / "run" / "figures" / "logits.png").exists() == ("--tracked=0" not in flags)
    assert (tmp_path / "run" / "figures" / "kernels.png").exists() == ("--probe=0" not in flags)


def test_a_residual_with_no_outside_is_not_drawn(tmp_path):
    """15 test examples of 20 numbers: V_lin is all of R^15."""
    done = run_well(SMOKE, "--n_test=15", "--steps=3", f"--run_dir={tmp_path / 'run'}")
    assert "Warning: n_test=15 examples span all of V_lin" in done.stderr
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["span_dimension"] == 15
    assert {file.stem for file in (tmp_path / "run" / "figures").iterdir()} == {"losses", "gaps", "logits", "kernels"}


def test_cnn_runs_on_images_from_a_file_with_several_outputs(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    # Each class has a direction of its own: three on one line through the mean would hide the middle one from a network
    # that is odd about the mean, and leave it at two thirds.
    directions = rng.standard_normal((3, 6, 6, 2))
    x = rng.standard_normal((60, 6, 6, 2)) + 2 * directions[labels]
    np.savez(
        tmp_path / "a.npz", x_train=x[:40], y_train=np.eye(3)[labels[:40]], x_test=x[40:], y_test=np.eye(3)[labels[40:]]
    )
    flags = ["--data=npz", f"--data_file={tmp_path / 'a.npz'}", "--model=cnn", "--width=16", "--depth=2", "--steps=50"]
    run_well(*flags, "--activation=tanh", "--tracked=2", f"--run_dir={tmp_path / 'run'}")
    metrics = pd.read_csv(tmp_path / "run" / "metrics.csv")
    assert metrics["network_test_accuracy"].iloc[-1] > 0.8  # 1/3 is chance
    assert json.loads((tmp_path / "run" / "config.json").read_text())["sizes"]["outputs"] == 3
    assert len(pd.read_csv(tmp_path / "run" / "logits.csv").query("step == 0")) == 6


@needs_cifar10
def test_cifar10_runs(tmp_path):
    """The real images, sizes apart: the linear model leaves the part outside the inputs' span where it was."""
    flags = [
        f"--flagfile={EXPERIMENTS / 'figure2_mlp.flags'}",
        f"--data_dir={CIFAR10.parent}",
        "--n_train=1000",
        "--n_test=2000",  # with 400, half of the labels' noise would lie in the 192 dimensions of V_lin
        "--width=64",
        "--steps=30",
    ]
    run_well(*flags, f"--run_dir={tmp_path / 'run'}")
    metrics = pd.read_csv(tmp_path / "run" / "metrics.csv")
    outside = metrics["linear_residual_out"]
    np.testing.assert_allclose(outside, outside.iloc[0], rtol=1e-5)
    assert metrics["network_residual_in"].iloc[-1] < 0.7 * metrics["network_residual_in"].iloc[0]
    moved = (metrics.iloc[-1] - metrics.iloc[0])[["network_residual_in", "network_residual_out"]]
    assert moved["network_residual_in"] < -10 * abs(moved["network_residual_out"])
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["preprocessing"] == [
        "pixels divided by 255",
        "4x4 average pooling",
        "centred by the training mean",
        "each input scaled to norm sqrt(192)",
    ]


def test_help_is_quick_and_names_every_flag():
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        done = run_well("--help", fresh=True)
        seconds.append(time.monotonic() - started)
    names = (
        "data data_dir data_file classes n_train n_test model width depth activation train learning_rate steps seed "
        "seeds companion sample start network_file "
    )
    for name in (names + "tracked probe run_dir preprocess pool flagfile checkpoint_seconds resume").split():
        assert f"--{name}\n" in done.stdout
    assert min(seconds) < 1  # the best of three, since the machine may be doing other things


def test_no_flags_at_all_mean_figure_1():
    def settings(text):
        return dict(line[2:].split("=") for line in text.splitlines() if line.startswith("--"))

    stated = settings((EXPERIMENTS / "figure1.flags").read_text())
    defaults = settings(flagfile(RunConfig()))
    assert {name: defaults[name].removesuffix(".0") for name in stated} == stated
    assert {"n_train", "n_test", "d", "model", "width", "activation", "train", "learning_rate", "steps"} <= set(stated)


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.flags")), ids=lambda path: path.stem)
def test_experiments_parse(path, tmp_path):
    """The run directory, looked at after the flags and before the data, is all there is to complain about."""
    (tmp_path / "file").touch()
    done = run(f"--flagfile={path}", f"--run_dir={tmp_path / 'file' / 'run'}")
    assert_refused(done, "run_dir cannot be made in")


REFUSED = {
    "width 0": (["--width=0"], "width must be a positive number"),
    "odd width": (["--width=5"], "width must be even"),
    "negative rate": (["--learning_rate=-1"], "learning_rate must be a positive"),
    "NaN rate": (["--learning_rate=nan"], "learning_rate must be a positive"),
    "no examples": (["--n_train=0"], "n_train must be a positive"),
    "no test examples": (["--n_test=0"], "n_test must be a positive"),
    "unknown activation": (["--activation=swish"], "flag --activation=swish: value should be one of <erf|relu|"),
    "unknown data": (["--data=mnist"], "flag --data=mnist: value should be one of <gaussian|cifar10|npz>"),
    "unknown class": (["--data=cifar10", "--classes=cat,cow"], "classes are named airplane"),
    "same class twice": (["--data=cifar10", "--classes=cat,3"], "classes must be two different classes"),
    "unknown experiment": (["--flagfile=scripts/experiments/figure9.flags"], "figure9.flags"),
    "pool": (["--data=cifar10", "--pool=5"], "pool must be a divisor of 32"),
    "first layer of an mlp": (["--model=mlp", "--train=first"], "train=first and train=second are for model=two_layer"),
    "missing file": (["--data=npz", "--data_file=none.npz"], "data_file must be an .npz"),
    "no file": (["--data=npz"], "data=npz needs data_file"),
    "unwritable place": (["--run_dir=/proc/1/x/y", "--n_train=10"], "run_dir cannot be made"),
    "too few for a twin": (
        ["--n_train=60", "--companion=twin"],
        "the sample must hold at least 104 examples, in each half more than features. Received: 60 examples",
    ),
    "no seeds": (["--seeds=0"], "seeds must be a positive number of runs"),
    "unknown companion": (["--companion=phi"], "flag --companion=phi: value should be one of <psi|twin|both>"),
    "too many tracked": (["--n_test=3", "--tracked=4"], "tracked must be at most the 3 test examples"),
    "unknown flag": (["--widht=4"], "Unknown command line flag 'widht'. Did you mean: width ?"),
    "binary flagfile": ([f"--flagfile={sys.executable}"], "decode"),
    "endless": (["--steps=99999999999999999999"], "steps must be at most 2147483647"),
    "more than memory holds": (["--n_train=2000000000", "--d=1000000"], "the memory is too small"),
    "long name": (["--run_dir=a/" + "b" * 300, "--n_train=10", "--companion=psi"], "run_dir cannot be made"),
    "not a number": (["--steps=many"], "flag --steps=many"),
    "spectrum that is no numbers": (["--spectrum=a,b"], "spectrum must hold numbers"),
    "nothing to resume": (["--resume"], "resume takes run_dir, the directory of the run to go on with"),
    "a time that is none": (["--checkpoint_seconds=-1"], "checkpoint_seconds must be a finite number"),
    "an argument": (["figure1"], "train.py takes flags alone. Received: figure1"),
    "cnn without images": (["--model=cnn"], "model=cnn takes images"),
    "unknown strategy": (["--strategy=cloud"], "flag --strategy=cloud: value should be one of <auto|cpu|gpu|mirrored|"),
    "no GPU": (["--strategy=gpu"], "strategy=gpu needs a GPU, and TensorFlow finds none: take strategy=cpu."),
    "no TPU": (["--strategy=tpu"], "strategy=tpu needs a TPU, and TensorFlow finds none: take strategy=auto."),
    "float64 on a TPU": (["--strategy=tpu", "--dtype=float64"], "a TPU has no float64: take dtype=float32."),
    "replicas of one device": (["--replicas=2"], "replicas is for strategy=mirrored."),
    "more replicas than examples": (
        ["--strategy=mirrored", "--replicas=3", "--n_train=2"],
        "there must be an example for each replica. Received: 3 replicas, n=2.",
    ),
}


def assert_refused(done, message):
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_one_sentence_and_leaves_nothing(arguments, message, tmp_path):
    assert_refused(run(*arguments, cwd=tmp_path), message)
    assert list(tmp_path.iterdir()) == []


def test_a_long_name_in_a_folder_that_is_there_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    done = run(f"--run_dir=a/{'b' * 300}", "--n_train=10", "--companion=psi", cwd=tmp_path)
    assert_refused(done, "run_dir cannot be made (File name too long)")
    assert list((tmp_path / "a").iterdir()) == []


def test_an_existing_run_directory_is_refused_and_kept(smoke):
    directory, _ = smoke
    before = {file: file.read_bytes() for file in directory.iterdir() if file.is_file()}
    assert_refused(run(SMOKE, f"--run_dir={directory}"), "run_dir must be a new directory")
    assert {file: file.read_bytes() for file in directory.iterdir() if file.is_file()} == before


def test_a_finished_run_is_not_resumed_but_pointed_at(smoke):
    directory, first = smoke
    before = {file: file.stat().st_mtime_ns for file in (directory, *directory.rglob("*"))}
    done = run_well(SMOKE, f"--run_dir={directory}", "--resume")
    assert done.stdout == first.stdout
    assert {file: file.stat().st_mtime_ns for file in (directory, *directory.rglob("*"))} == before


def test_an_empty_data_directory_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    unreachable = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = run("--data=cifar10", f"--data_dir={tmp_path / 'data'}", cwd=tmp_path, **unreachable)
    assert_refused(done, "CIFAR-10 cannot be read from, or downloaded to,")
    assert "tfds.load('cifar10'" in done.stderr
    assert list(tmp_path.rglob("*")) == [tmp_path / "data"]


def test_divergence_names_the_step_and_the_stable_rate(tmp_path):
    """The rate named is 2 / lambda_max of the features' second moment, computed here from the data."""
    done = run(SMOKE, "--learning_rate=1000", "--companion=psi", f"--run_dir={tmp_path / 'run'}")
    x = load(DataConfig(n_train=500, n_test=200, d=20), 0).x_train.astype(np.float64)
    psi = np.sqrt(2 / 20) * 2 / np.sqrt(3 * np.pi) * x
    rate = 2 / np.linalg.eigvalsh(psi.T @ psi / 500)[-1]
    assert done.returncode == 2
    last_word = done.stderr.strip().splitlines()[-1]
    assert "train loss is not finite at step " in last_word
    assert f"the linear model is stable up to learning_rate={rate:.4g}" in last_word
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run" / "summary.json").exists()
    assert np.isfinite(pd.read_csv(tmp_path / "run" / "metrics.csv")).all(axis=None)
    assert_refused(run(tmp_path / "run", script="report.py"), "does not hold a finished run: it has no summary.json")


DAMAGE = {
    "no settings": lambda run: (run / "config.json").write_text("{}"),
    "no summary": lambda run: (run / "summary.json").write_text("null"),
    "no rows": lambda run: (run / "metrics.csv").write_text(COLUMNS + "\n"),
    "no column": lambda run: (run / "metrics.csv").write_text("step\n0\n"),
    "words": lambda run: (run / "logits.csv").write_text("step,example\none,two\n"),
    "no folder": lambda run: (shutil.rmtree(run / "figures"), (run / "figures").touch()),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_report_refuses_a_damaged_run(damage, smoke, tmp_path):
    shutil.copytree(smoke[0], tmp_path / "run")
    damage(tmp_path / "run")
    done = run(tmp_path / "run", script="report.py")
    assert_refused(done, str(tmp_path / "run"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{run}", "{run}/figures/.."], "report.py takes run directories, at least one and each once. Received: "),
        (["{run}", "--out={run}/none/a.html"], "out must name a file in a folder that is there. Received: out="),
    ],
    ids=["twice the same", "no folder"],
)
def test_report_refuses_what_it_cannot_take_before_anything_is_written(arguments, message, smoke):
    directory = smoke[0]
    before = {file: file.stat().st_mtime_ns for file in directory.rglob("*")}
    done = run(*(argument.format(run=directory) for argument in arguments), script="report.py")
    assert_refused(done, message)
    assert {file: file.stat().st_mtime_ns for file in directory.rglob("*")} == before
