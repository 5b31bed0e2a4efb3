"""The page of a report: what it says, and that it is well-formed, whole and of this run alone."""

import base64
import dataclasses
import shlex
from html.parser import HTMLParser

import pytest
from absl import flags as absl_flags

from tests import made_runs
from tf_earlydyn import flags, report
from tf_earlydyn.config import DataConfig, ExecutionConfig, KernelStudyConfig, ModelConfig, RunConfig, TrainingConfig
from tf_earlydyn.errors import InputError, WriteError
from tf_earlydyn.report.findings import findings
from tf_earlydyn.report.study_findings import prediction_findings, scaling_findings
from tf_earlydyn.report.words import command, short_names

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
VOID = {"meta", "img"}


def read(directory):
    return report.Record.read(directory)


def with_figures(directory, *names):
    """In place of the figures that take a second to draw."""
    directory.figures.mkdir()
    for name in names:
        (directory.figures / f"{name}.png").write_bytes(PIXEL)
    return directory


class Page(HTMLParser):
    """A page's elements, each with its attributes, and its text; every element that is opened must be closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def test_a_page_says_what_was_run_and_what_was_found(tmp_path):
    directory = with_figures(made_runs.training(tmp_path / "run"), "losses", "gaps", "kernels", "other")
    page = Page(report.page([read(directory)]))
    text = "".join(page.text)
    assert "two layers, 256 erf units, both layers trained, zero at step 0" in text
    assert "500 training and 200 test examples of Gaussian inputs, d = 20" in text
    assert "python scripts/train.py --n_train=500 --n_test=200 --d=20" in text
    assert "2.5 s of training" in text
    told = findings(read(directory))
    assert [image["alt"] for image in page.of("img")] == [told[name] for name in ("losses", "gaps", "kernels")]
    assert all(image["src"] == f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}" for image in page.of("img"))
    assert {(image["width"], image["height"]) for image in page.of("img")} == {("1", "1")}
    assert page.of("html") == [{"lang": "en"}]
    assert not page.of("script") and not page.of("link")


def test_what_figures_of_a_run_show_is_told_from_its_numbers(tmp_path):
    told = findings(read(made_runs.training(tmp_path / "run")))
    assert told["losses"] == (  # 0.15 is 40% below 0.25, and 0.33 is 2.9% below 0.34
        "The network's test loss stays within 5% of the linear model ψ's until step 10, and of the affine twin's to "
        "the last step, 100. Its training loss goes from 0.5000 to 0.1000, below the linear optimum, 0.1900."
    )
    assert told["gaps"] == (
        "The mean squared test gap of the network to the linear model ψ is 0.004500 at step 8 (half-way) and 0.03500 "
        "at the last step (100); that to the affine twin is 0.0004500 at step 8 (half-way) and 0.03600 at the last "
        "step (100)."
    )
    assert told["residual"] == (
        "The network's test loss has changed by −50% in V_lin and by 5% outside it by step 8 (half-way), and by −90% "
        "in V_lin and by −40% outside it by the last step (100)."
    )
    assert told["logits"] == (  # 0.01 k (example + 1) apart, where k is the place of the step
        "Outputs on 2 test examples: the largest distance to the linear model ψ is 0.1600 at step 8 (half-way) and "
        "0.3200 at the last step (100); the largest distance to the affine twin is 0.1600 at step 8 (half-way) and "
        "0.3200 at the last step (100)."
    )
    assert told["kernels"] == (
        "The network's tangent kernel has moved by 0.01000 of its norm by step 8 (half-way), and by 0.7000 of its norm "
        "by the last step (100); its relative distance to the kernel of the linear model ψ is 0.4000 at step 0 and "
        "0.6000 at the last; its relative distance to the kernel of the affine twin is 0.2000 at step 0 and 0.5500 at "
        "the last."
    )


def test_what_other_figures_show_is_told_too(tmp_path):
    several = findings(read(made_runs.of_seeds(tmp_path / "seeds")))
    assert set(several) == {"losses", "gaps", "residual", "kernels"}
    assert several["losses"].startswith("Medians of 3 seeds. The network's test loss stays within 5% of the linear")
    assert "from 1 to 0.2000, above the linear optimum, 0.1900" in several["losses"]
    lacking = findings(read(made_runs.training(tmp_path / "one", names=["twin"], half_step=None, probe=False)))
    assert set(lacking) == {"losses", "gaps", "residual", "logits"}
    assert (
        lacking["gaps"]
        == "The mean squared test gap of the network to the affine twin is 0.03600 at the last step (100)."
    )
    assert prediction_findings(read(made_runs.prediction(tmp_path / "prediction"))) == {
        "prediction": "From step 0 to step 100 the affine twin brings the train loss from 0.5000 to 0.3000 and the "
        "test loss from 0.5000 to 0.4000; the linear phase ends at a training loss of 0.1800."
    }
    assert scaling_findings(read(made_runs.scaling(tmp_path / "scaling"))) == {
        "error": "The kernel error against d: first layer trained, it falls, exponent −0.5000, 95% "
        "interval −0.7500 to −0.2500; second layer trained, it neither surely falls nor grows, exponent −0.5000, 95% "
        "interval −0.7500 to 0.1250."
    }


def test_a_run_of_every_kind_stands_beside_the_others(tmp_path):
    directories = [
        with_figures(made_runs.training(tmp_path / "a" / "run"), "losses"),
        with_figures(made_runs.of_seeds(tmp_path / "seeds"), "losses"),
        with_figures(made_runs.prediction(tmp_path / "b" / "run"), "prediction"),
        with_figures(made_runs.scaling(tmp_path / "scaling"), "error"),
    ]
    records = [read(directory) for directory in directories]
    assert short_names(records) == [str(directory.path) for directory in directories]  # two are called run
    assert short_names(records[1:]) == ["seeds", "run", "scaling"]
    page = Page(report.page(records))
    assert len(page.of("img")) == 4
    text = "".join(page.text)
    assert "4 runs side by side" in text
    one, two = {"span": "1"}, {"span": "2"}
    assert page.of("colgroup") == [one, two, two, two, two]
    assert [cell["colspan"] for cell in page.of("th") if cell["scope"] == "colgroup"] == ["2"] * 4
    assert "Seeds0 to 2: medians, ranges in brackets" in text
    for script in ("train.py", "predict.py", "kernels.py --study=kernel --dims=16,64 --layers=first,second --seeds=2"):
        assert f"python scripts/{script}" in text


def test_names_are_text_and_no_markup(tmp_path):
    """Of a file of data, of a network, and of two directories: not as HTML, nor as formulas."""
    name, network = "<script>alert('1')<b>&\"$f_lin.npz", "<b>f_max^2.keras"
    data = DataConfig(data="npz", data_file=f"/x/{name}", n_train=500, n_test=200)
    runs = [
        with_figures(made_runs.training(tmp_path / "<i>V_lin", RunConfig(data=data)), "gaps"),
        made_runs.training(
            tmp_path / "b",
            RunConfig(data=data, model=ModelConfig(network_file=f"/x/{network}")),
            names=["twin"],
        ),
    ]
    page = Page(report.page(list(map(read, runs))))
    assert not page.of("script") and not page.of("i") and not page.of("b")
    assert f"500 training and 200 test examples of {name}" in page.text
    assert f"the Keras model {network}" in page.text
    assert "<i>V_lin" in page.text and "<i>V" not in page.text
    alone = Page(report.page([read(runs[1])]))
    assert f"A network beside its linear models: the Keras model {network}" in alone.text


def test_each_kind_of_run_has_notes_of_its_own_and_says_where_it_ran(tmp_path):
    of_training = "".join(Page(report.page([read(made_runs.training(tmp_path / "run"))])).text)
    foretold = "".join(Page(report.page([read(made_runs.prediction(tmp_path / "prediction"))])).text)
    scaling = "".join(Page(report.page([read(made_runs.scaling(tmp_path / "scaling"))])).text)
    assert "The half-way step is" in of_training
    assert "half-way" not in foretold and "half-way" not in scaling
    assert "no bound is refuted by that" in scaling
    assert "no bound is refuted by that" not in of_training and "no bound is refuted by that" not in foretold
    for text, time in ((of_training, "2.5 s of training"), (foretold, "0.8 s"), (scaling, "1.2 s")):
        assert "DevicesCPU, strategy cpu, float32" in text
        assert f"Time{time}" in text
        assert "f − f₀" not in text


@pytest.mark.parametrize("model", [ModelConfig(start="drawn"), ModelConfig(network_file="/x/f.keras")])
@pytest.mark.parametrize("make", [made_runs.training, made_runs.prediction])
def test_a_network_that_is_not_zero_at_step_0_is_said_to_be_compared_by_its_change(make, model, tmp_path):
    run = make(tmp_path / "run", dataclasses.replace(made_runs.CONFIG, model=model, companion="twin"))
    text = "".join(Page(report.page([read(run)])).text)
    assert "Comparedf − f₀ with flin, f₀ being the network's outputs at step 0" in text
    assert "need not be 0 at step 0: set beside flin, f stands for f − f₀" in text


def test_the_command_of_several_workers_is_said_to_take_their_places(tmp_path):
    config = dataclasses.replace(made_runs.CONFIG, execution=ExecutionConfig(strategy="multiworker"))
    text = "".join(Page(report.page([read(made_runs.training(tmp_path / "run", config))])).text)
    assert "The command that repeats it in each of its processes, with a TF_CONFIG of its own:" in text


@pytest.mark.parametrize(
    ("config", "shortest"),
    [
        (RunConfig(), ""),
        (RunConfig(data=DataConfig(n_train=500), model=ModelConfig(width=64)), "--n_train=500 --width=64"),
        (RunConfig(model=ModelConfig(model="mlp", depth=1)), "--model=mlp --depth=1"),
        (RunConfig(model=ModelConfig(model="mlp")), "--model=mlp"),
        (
            RunConfig(data=DataConfig(data="npz", data_file="/a b.npz", preprocess="none", n_train=20_000)),
            "--data=npz --n_train=20000 --preprocess=none '--data_file=/a b.npz'",
        ),
        (RunConfig(model=ModelConfig(network_file="/f.keras")), "--network_file=/f.keras"),
        (
            RunConfig(data=DataConfig(d=2, covariance="spectrum", spectrum=(1.5, 0.5)), companion="psi", run_dir="x"),
            "--d=2 --covariance=spectrum --spectrum=1.5,0.5 --companion=psi",
        ),
        (RunConfig(training=TrainingConfig(train="first"), seed=3, seeds=2), "--train=first --seed=3 --seeds=2"),
    ],
)
def test_the_command_repeats_the_run(config, shortest, tmp_path):
    """Its flags, parsed, are the run's configuration, and there are no more than it takes."""
    record = report.Record(None, dataclasses.asdict(config), {})
    found = command(record, "train.py", RunConfig)
    assert found == f"python scripts/train.py {shortest}".strip()
    flag_values = absl_flags.FlagValues()
    flags.define_run_flags(flag_values)
    flag_values(shlex.split(found)[1:])
    assert flags.run_config(flag_values) == dataclasses.replace(config, run_dir=None)


def test_the_command_of_a_study_repeats_it():
    config = KernelStudyConfig(dims=(3, 5), layers=("both", "first"))
    record = report.Record(None, dataclasses.asdict(config), {})
    assert (
        command(record, "kernels.py", KernelStudyConfig) == "python scripts/kernels.py --dims=3,5 --layers=both,first"
    )


def test_a_page_is_written_where_it_is_asked_for_and_whole(tmp_path, monkeypatch):
    records = [read(made_runs.training(tmp_path / "run"))]
    assert report.write(records) == tmp_path / "run" / "report.html"
    assert report.write(records, tmp_path / "a.html") == tmp_path / "a.html"
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == report.page(records)
    with pytest.raises(WriteError, match=r"none/a\.html cannot be written"):
        report.write(records, tmp_path / "none" / "a.html")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: run.provenance.unlink(), r"provenance\.json cannot be read"),
        (lambda run: run.config.write_text("{}"), "cannot be made from what its files hold"),
        (lambda run: (run.figures / "losses.png").write_text("no"), r"losses\.png must be a PNG file"),
        (lambda run: run.metrics.write_text("step\n0\n"), "cannot be made from what its files hold"),
    ],
)
def test_damage_is_named_and_nothing_is_written(damage, message, tmp_path):
    directory = with_figures(made_runs.training(tmp_path / "run"), "losses")
    damage(directory)
    with pytest.raises(InputError, match=message):
        report.write([read(directory)])
    assert not directory.report.exists()


def test_a_seed_whose_directory_is_missing_is_named(tmp_path):
    directory = made_runs.of_seeds(tmp_path / "run")
    directory.path.joinpath("seed_1", "summary.json").unlink()
    with pytest.raises(InputError, match=r"seed_1 does not hold a finished run: it has no summary\.json"):
        report.page([read(directory)])
