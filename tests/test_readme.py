"""The documents say what is true: the README's code runs, its tables name what there is, and what is named is there."""

import re
import shlex
from pathlib import Path

import pytest

from tests.test_scripts import run_well
from tf_earlydyn.rundir import RunDirectory

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = dict(
    zip(
        ("tangent kernels", "affine twin", "files of your own", "as a library"),
        re.findall(r"```python\n(.*?)```", README, re.DOTALL),
        strict=True,
    )
)
DOCUMENTS = sorted(path for folder in (".", "colab", "docs") for path in (ROOT / folder).glob("*.md"))


def run_example(name):
    exec(compile(EXAMPLES[name], "README.md", "exec"), {})


@pytest.mark.smoke
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_example(name)


def test_a_network_of_your_own_is_foretold_from_its_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_example("files of your own")
    (command,) = re.findall(r"^    python scripts/(predict\.py .*--network_file.*)$", README, re.MULTILINE)
    script, *flags = shlex.split(command)
    done = run_well(*flags, script=script, cwd=tmp_path)
    assert done.stdout.startswith("Inputs: as they are\nLargest stable learning rate: ")
    assert not re.search("diverge", done.stderr)  # at the command's learning rate


def test_every_experiment_is_named():
    named = set(re.findall(r"^\| `(\w+\.flags)`", README, re.MULTILINE))
    assert named == {path.name for path in (ROOT / "scripts" / "experiments").rglob("*.flags")}


def test_every_file_of_a_run_is_named():
    names = {path.name for path in vars(RunDirectory("run")).values()} - {"run"}
    assert not [name for name in names if not re.search(rf"`{re.escape(name)}/?`", README)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_it_links_to_or_names_is_there(document):
    text = document.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    assert not [link for link in links if not (document.parent / link).exists()]
    named = re.findall(r"(?<![\w/])((?:tests|scripts|docs|tf_earlydyn|colab)/[\w./*]*)(?<!\.)", text)
    made = {"docs/build/index.html"}  # by make docs
    assert not [path for path in set(named) - made if not any(ROOT.glob(path))]
    assert links or named or document.name == "CHANGELOG.md"
