"""What a real TensorBoard server shows of runs, asked for over its HTTP API."""

import dataclasses
import html
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imsave

from tests.test_resuming import CONFIG, kernel, points, run
from tf_earlydyn import report
from tf_earlydyn.rundir import RunDirectory
from tf_earlydyn.studies import kernel_probe, seeds
from tf_earlydyn.studies.tensorboard import TensorBoardWriter

SEEDS = ["several/seed_0", "several/seed_1"]
RUNS = ["several", *SEEDS]
PATIENCE = 120  # seconds
MODELS = ("network", "linear", "twin")
COLUMNS = {  # of metrics.csv
    **{f"loss/{split}_{model}": f"{model}_{split}_loss" for model in MODELS for split in ("train", "test")},
    "gap/train_linear": "train_gap",
    "gap/test_linear": "test_gap",
    "gap/train_twin": "twin_train_gap",
    "gap/test_twin": "twin_test_gap",
    **{f"accuracy/test_{model}": f"{model}_test_accuracy" for model in MODELS},
    **{f"residual/{part}_{model}": f"{model}_residual_{part}" for model in MODELS for part in ("in", "out")},
    "kernel/movement": "kernel_movement",
    "kernel/distance_linear": "kernel_to_linear",
    "kernel/distance_twin": "kernel_to_twin",
    "kernel/alignment_linear": "kernel_alignment",
    "kernel/alignment_twin": "twin_kernel_alignment",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with a run of two seeds."""
    folder = tmp_path_factory.mktemp("tensorboard") / "runs"
    config = dataclasses.replace(CONFIG, companion="both", seeds=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel_probe, "empirical_ntk", kernel)
        patch.setattr(report.figures, "save_figure", save_figure)
        run(folder / "several", config, runner=seeds.run)
    return folder


def save_figure(stem, *_):
    """In place of drawings, which take seconds: an image for each, unlike all others."""
    files = [stem.with_suffix(suffix) for suffix in (".png", ".pdf")]
    for file in files:
        pixels = np.random.default_rng(list(str(file).encode())).uniform(size=(20, 30, 3))
        imsave(file, pixels)
    return files


@pytest.fixture(scope="module")
def ask(runs):
    """Gives the server's answers, when it has read all of the events."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir=runs", "--port=0", "--host=127.0.0.1"]
    log = runs.parent / "log.txt"
    environment = {**os.environ, "TMPDIR": str(runs.parent)}
    with log.open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, cwd=runs.parent, env=environment)
    try:
        address = until(lambda: server.poll() is None and re.search(r"http://127\.0\.0\.1:\d+/", log.read_text()), log)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def answer(path, **query):
            with opener.open(f"{address[0]}data/{path}?{urllib.parse.urlencode(query)}", timeout=PATIENCE) as reply:
                return reply.read()

        until(lambda: images(answer) == {of(name): drawn(runs / name) for name in RUNS}, log)  # they come last
        yield answer
    finally:
        server.terminate()
        server.wait(PATIENCE)


def until(found, log):
    """What ``found`` gives as soon as it is true."""
    end = time.monotonic() + PATIENCE
    while not (answer := found()):
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)
    return answer


def of(name):
    """A run, as TensorBoard calls it."""
    return f"{name}/events"


def drawn(run):
    return {f"figures/{file.stem}" for file in (run / "figures").glob("*.png")}


def images(ask):
    return {name: set(tags) for name, tags in json.loads(ask("plugin/images/tags")).items()}


def test_runs_are_named_by_their_directories(ask):
    assert sorted(json.loads(ask("runs"))) == [of(name) for name in RUNS]


@pytest.mark.parametrize("name", SEEDS)
def test_scalars_are_the_metrics_each_step_once(name, ask, runs):
    metrics = pd.read_csv(runs / name / "metrics.csv")
    shown = json.loads(ask("plugin/scalars/tags"))[of(name)]
    assert set(shown) == set(COLUMNS)
    assert {"step", *COLUMNS.values()} == set(metrics)
    for tag, column in COLUMNS.items():
        points = json.loads(ask("plugin/scalars/scalars", run=of(name), tag=tag))
        assert [step for _, step, _ in points] == metrics["step"].tolist()
        assert [value for *_, value in points] == metrics[column].astype(np.float32).tolist()


def test_a_chart_shows_a_network_and_its_linear_models(ask):
    layout = json.loads(ask("plugin/custom_scalars/layout"))
    charts = {
        chart["title"]: chart["multiline"]["tag"] for category in layout["category"] for chart in category["chart"]
    }
    assert [category["title"] for category in layout["category"]] == ["loss", "gap", "accuracy", "residual", "kernel"]
    linear = ("linear", "twin")
    assert charts == {
        "loss/train": [f"loss/train_{model}" for model in MODELS],
        "loss/test": [f"loss/test_{model}" for model in MODELS],
        "gap/train": [f"gap/train_{model}" for model in linear],
        "gap/test": [f"gap/test_{model}" for model in linear],
        "accuracy/test": [f"accuracy/test_{model}" for model in MODELS],
        "residual/in": [f"residual/in_{model}" for model in MODELS],
        "residual/out": [f"residual/out_{model}" for model in MODELS],
        "kernel/movement": ["kernel/movement"],
        "kernel/distance": [f"kernel/distance_{model}" for model in linear],
        "kernel/alignment": [f"kernel/alignment_{model}" for model in linear],
    }


@pytest.mark.parametrize("name", RUNS)
def test_images_are_the_figures_byte_for_byte(name, ask, runs):
    figures = sorted((runs / name / "figures").glob("*.png"))
    assert {"losses", "gaps", "residual", "kernels"} <= {figure.stem for figure in figures}
    for figure in figures:
        (image,) = json.loads(ask("plugin/images/images", run=of(name), tag=f"figures/{figure.stem}", sample=0))
        assert image["step"] == CONFIG.training.steps
        query = dict(urllib.parse.parse_qsl(image["query"]))
        assert ask("plugin/images/individualImage", **query) == figure.read_bytes()


@pytest.mark.parametrize("name", RUNS)
def test_the_text_is_the_configuration(name, ask, runs):
    (text,) = json.loads(ask("plugin/text/text", run=of(name), tag="config"))
    code = re.fullmatch(r"<pre><code.*?>(.*)</code></pre>", text["text"].strip(), flags=re.DOTALL)[1]
    assert json.loads(html.unescape(code)) == json.loads((runs / name / "config.json").read_text())


class Recorded:
    """A recorder of one row."""

    rows = ({"step": 0, "network_train_loss": 0.5},)


def test_a_row_can_be_seen_while_the_run_goes_on(tmp_path):
    writer = TensorBoardWriter(RunDirectory(tmp_path), {}, Recorded())
    assert points(tmp_path)["loss/train_network"] == [0]
    writer(0)  # again: it is not closed
    assert points(tmp_path)["loss/train_network"] == [0, 0]
