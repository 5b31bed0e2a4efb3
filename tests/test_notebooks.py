"""The notebooks as they are in the repository: what they say, install, use and show."""

import ast
import base64
import functools
import importlib.metadata
import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
import types

import pytest

import tf_earlydyn as te
from tests.test_scripts import EXPERIMENTS, ROOT

FOLDER = ROOT / "colab"
COMMITTED = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.ipynb"))}
SETUP, README = ((ROOT / name).read_text(encoding="utf-8") for name in ("setup.py", "README.md"))
ADDRESS = re.search(r'url="(.*)"', SETUP)[1]
COLAB = f"https://colab.research.google.com/github/{ADDRESS.removeprefix('https://github.com/')}"
EACH = pytest.mark.parametrize("name", COMMITTED)


def code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source(cell):
    return "".join(cell["source"])


def cell_of(notebook, identity):
    (cell,) = (cell for cell in notebook["cells"] if cell["id"] == identity)
    return cell


def parameters(notebook):
    """By name, as their cell gives them."""
    (cell,) = (cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", ()))
    return {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(source(cell)).body}


@EACH
def test_a_notebook_opens_with_its_question_and_a_badge(name):
    first = COMMITTED[name]["cells"][0]
    title, badge = source(first).split("\n\n")[:2]
    assert first["cell_type"] == "markdown"
    assert re.fullmatch(r"# .*\?", title)
    assert badge.endswith(f"({COLAB}/blob/main/colab/{name}.ipynb)")
    assert re.search(r"\*\*[^*]*\?\*\*", source(first))


def test_their_readme_opens_each_of_them():
    opened = re.findall(r"\((https://colab[^)]*)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    named = [link for link in opened if link.endswith(".ipynb")]
    assert sorted(named) == [f"{COLAB}/blob/main/colab/{name}.ipynb" for name in COMMITTED]


@pytest.mark.skipif("-owner-" not in ADDRESS or not shutil.which("sed"), reason="it is published, or there is no sed")
def test_publishing_changes_the_address_alone(tmp_path):
    files = ["setup.py", "colab/README.md", *(f"colab/{name}.ipynb" for name in COMMITTED)]
    (tmp_path / "colab").mkdir()
    for file in files:
        shutil.copy(ROOT / file, tmp_path / file)
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    subprocess.run(re.search(r"^    (sed .*)", readme, re.MULTILINE)[1], shell=True, check=True, cwd=tmp_path)
    for file in files:
        before, after = ((folder / file).read_text(encoding="utf-8") for folder in (ROOT, tmp_path))
        assert "-owner-" in before
        assert "-owner-" not in after
        assert after == before.replace("/-owner-/tf_earlydyn", "/NAME/tf_earlydyn")


@EACH
def test_installation_is_the_same_in_all(name):
    install = cell_of(COMMITTED[name], "install")
    assert code(COMMITTED[name])[0] == install
    assert source(install) == source(cell_of(COMMITTED["kernels"], "install"))
    assert source(install).endswith(f"git+{ADDRESS}")


class Recorder:
    """Stands in for IPython, and takes the lines of its magics."""

    def __init__(self):
        self.lines = []

    def run_line_magic(self, name, line, *_):
        self.lines.append(f"{name} {line}")


@pytest.mark.parametrize(
    ("on_colab", "has_tensorflow", "protobuf", "installed"),
    [
        (False, False, "6.31.1", []),
        (True, True, "6.31.1", ["package"]),
        (True, False, "6.31.1", ["tensorflow-tpu", "package"]),
        (True, True, "5.29.5", ["tensorflow-metadata", "package"]),
    ],
    ids=["elsewhere", "on Colab", "on a TPU runtime", "beside TensorFlow 2.19"],
)
def test_what_is_installed_where(on_colab, has_tensorflow, protobuf, installed, monkeypatch):
    """The package without its extras, which name TensorFlow, and TensorFlow only where there is none."""
    transformed = pytest.importorskip("IPython.core.inputtransformer2").TransformerManager().transform_cell
    recorder = Recorder()
    if on_colab:
        monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: has_tensorflow or None)
    monkeypatch.setattr(importlib.metadata, "version", {"protobuf": protobuf}.get)
    exec(transformed(source(cell_of(COMMITTED["kernels"], "install"))), {"get_ipython": lambda: recorder})
    versions = re.search(r'TENSORFLOW_VERSIONS = "(.*)"', SETUP)[1]
    metadata = re.search(r"with 2\.19, CIFAR-10 also needs `pip install '(.*?)'`", README)[1]
    commands = {
        "package": ["pip", "install", "-q", f"git+{ADDRESS}"],
        "tensorflow-tpu": [
            *("pip", "install", "-q", f"tensorflow-tpu{versions}"),
            *("-f", "https://storage.googleapis.com/libtpu-tf-releases/index.html"),
        ],
        "tensorflow-metadata": ["pip", "install", "-q", metadata],
    }
    assert [shlex.split(line) for line in recorder.lines] == [commands[what] for what in installed]


@EACH
def test_metadata_are_what_colab_and_jupyter_need(name):
    expected = {
        "colab": {"provenance": []},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    if name == "cifar10_tpu":
        expected["accelerator"] = "TPU"
    assert COMMITTED[name]["metadata"] == expected
    assert all(set(cell["metadata"]) <= {"tags"} for cell in COMMITTED[name]["cells"])


def not_public(code):
    """What code takes out of the package's modules, by imports and by chains of names, and their ``__all__`` lacks."""
    found, bound = set(), {}

    def take(module, name):
        if not isinstance(module, types.ModuleType):
            return None
        if name in module.__all__:
            return getattr(module, name)
        return found.add(f"{module.__name__}.{name}")

    def follow(dotted):
        first, *names = dotted.split(".")
        return functools.reduce(take, names, te if first == te.__name__ else None)

    def value(node):
        if isinstance(node, ast.Attribute):
            return take(value(node.value), node.attr)
        return bound.get(node.id) if isinstance(node, ast.Name) else None

    nodes = list(ast.walk(ast.parse(code)))
    for node in nodes:
        for alias in getattr(node, "names", ()):
            if isinstance(node, ast.ImportFrom):
                bound[alias.asname or alias.name] = take(follow(node.module), alias.name)
            elif isinstance(node, ast.Import):
                bound[alias.asname or alias.name] = follow(alias.name)
    for node in nodes:
        value(node)
    return found


@EACH
def test_only_what_is_public_is_used(name):
    text = "\n".join(source(cell) for cell in code(COMMITTED[name])[1:])
    assert text.count("import tf_earlydyn as te\n") == 1
    assert not not_public(text)
    hidden = {node.attr for node in ast.walk(ast.parse(text)) if getattr(node, "attr", "").startswith("_")}
    assert hidden <= {"_asdict", "__name__"}  # which are public in spite of their names


def test_what_is_not_public_is_found():
    code = """
import tf_earlydyn as te
import tf_earlydyn.locks as locks
from tf_earlydyn import exits, twin as t
from tf_earlydyn.training import GradientDescent, advance
from tf_earlydyn.ntk.tiles import Tiles
t.affine_twin, t.derive.affine_twin, te.rundir.write_json(te.rundir.read_json(te.RunConfig())), te.config.run.RunConfig
"""
    names = "locks exits training.advance ntk.tiles twin.derive rundir.write_json config.run"
    assert not_public(code) == {f"tf_earlydyn.{name}" for name in names.split()}


@EACH
def test_links_lead_to_notebooks_that_are_there(name):
    text = "".join(source(cell) for cell in COMMITTED[name]["cells"] if cell["cell_type"] == "markdown")
    links = set(re.findall(r"\]\(([^)h][^)]*)\)", text))
    assert links == {f"{other}.ipynb" for other in COMMITTED if other != name}


def assert_shown_as_it_should_be(notebook):
    """All cells have run in their order, without an error or a word on stderr, and every figure is there."""
    assert [cell["execution_count"] for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    for cell in code(notebook):
        streams = [output["name"] for output in cell["outputs"] if output["output_type"] == "stream"]
        shown = [output["data"] for output in cell["outputs"] if "data" in output]
        assert len(streams) + len(shown) == len(cell["outputs"])  # and there is no error
        assert set(streams) <= {"stdout"}
        text = "".join("".join(output["text"]) for output in cell["outputs"] if "text" in output)
        text += "".join("".join(data.get("text/plain", "")) for data in shown)
        assert not re.search(r"(?<![\w.)])(/|~/|[A-Z]:\\)\w", text), text
        images = [base64.b64decode(data["image/png"]) for data in shown if "image/png" in data]
        assert len(images) == source(cell).count("Image(") + source(cell).count("plt.show()")
        assert all(image.startswith(b"\x89PNG") and len(image) < 300_000 for image in images)


@EACH
def test_what_is_shown_in_the_repository(name):
    assert_shown_as_it_should_be(COMMITTED[name])


def flags(experiment):
    lines = (EXPERIMENTS / f"{experiment}.flags").read_text(encoding="utf-8").splitlines()
    return dict(line.removeprefix("--").split("=") for line in lines if line.startswith("--"))


@pytest.mark.parametrize(
    ("name", "experiment", "prefix"),
    [("early_dynamics", "figure1", ""), ("cifar10_tpu", "figure2_mlp", "mlp_"), ("cifar10_tpu", "figure2_cnn", "cnn_")],
)
def test_sizes_are_those_of_the_experiments(name, experiment, prefix):
    """As far as a notebook has them as parameters; what its experiment says beside them is the notebook's subject."""
    given, expected = parameters(COMMITTED[name]), flags(experiment)
    shared = {key: key if key in given else prefix + key for key in expected}
    assert {key for key, own in shared.items() if own not in given} <= {"data", "model", "train", "tracked"}
    for key, own in shared.items():
        if own in given:
            value = ",".join(given[own]) if isinstance(given[own], tuple) else given[own]
            assert value == type(value)(expected[key])
