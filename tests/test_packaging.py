"""The package as others install it: a wheel in an empty environment, run outside of the repository."""

import email
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.test_notebook_runs import SMALL
from tests.test_notebooks import COMMITTED, code, source

ROOT = Path(__file__).parents[1]
SOURCES = ("setup.py", "pyproject.toml", "README.md", "LICENSE")  # what a wheel is built from, beside the package
LOOK = """
import importlib.metadata, json, tf_earlydyn
entries = [str(file) for file in importlib.metadata.files("tf_earlydyn")]
print(json.dumps({"file": tf_earlydyn.__file__, "entries": entries, "all": tf_earlydyn.__all__}))
"""


def version():
    return re.search(r'version="([^"]+)"', (ROOT / "setup.py").read_text(encoding="utf-8"))[1]


def run(*command, cwd):
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"MPLBACKEND": "Agg"}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=cwd, env=outside)
    assert done.returncode == 0, done.stderr
    return done.stdout


def built_wheel(folder):
    """A wheel of a copy: what is left of older builds in a checkout must not get into it."""
    source = folder / "source"
    shutil.copytree(ROOT / "tf_earlydyn", source / "tf_earlydyn", ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def check_metadata(wheel):
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
        (name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_string(content.read(name).decode("utf-8"))
    assert wheel.name == f"tf_earlydyn-{version()}-py3-none-any.whl"
    assert {name.split("/")[0] for name in names} == {"tf_earlydyn", f"tf_earlydyn-{version()}.dist-info"}
    others = {name for name in names if name.startswith("tf_earlydyn/") and not name.endswith(".py")}
    assert others == {"tf_earlydyn/__init__.pyi", "tf_earlydyn/py.typed", "tf_earlydyn/report/page.css"}
    assert any(name.endswith("/LICENSE") for name in names)
    assert metadata["License-Expression"] == "Apache-2.0" or metadata["License"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.10"
    assert set(metadata.get_all("Provides-Extra")) == {"cpu", "gpu", "tpu", "dev"}
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload().strip() == (ROOT / "README.md").read_text(encoding="utf-8").strip()
    plain = [one for one in metadata.get_all("Requires-Dist") if "extra" not in one]
    assert not [one for one in plain if re.match("tensorflow(?!-datasets)", one)]  # a runtime's own build stays


def as_script(name, **values):
    """A notebook's code with other values of parameters, without the cell that installs."""
    lines = []
    for cell in code(COMMITTED[name])[1:]:
        lines.append(source(cell))
        if "parameters" in cell["metadata"].get("tags", ()):
            lines += [f"{parameter} = {value!r}" for parameter, value in values.items()]
    return "\n\n".join(lines)


@pytest.mark.slow  # a minute of CPU: a third of it installs TensorFlow, and a fifth runs the notebook
def test_a_wheel_runs_an_experiment_and_a_notebook_in_an_empty_environment_outside_of_the_repository(tmp_path):
    """The notebook as plain Python, since Jupyter is not the package's to bring; one that shows no IPython images."""
    wheel = built_wheel(tmp_path)
    check_metadata(wheel)
    environment = tmp_path / "environment"
    python = environment / "bin" / "python"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
    install = ("install", "--quiet", "--no-compile")  # no compiling ahead: of TensorFlow, most is never imported
    run(sys.executable, "-m", "pip", "--python", python, *install, f"{wheel}[cpu]", cwd=tmp_path)
    found = json.loads(run(python, "-c", LOOK, cwd=tmp_path).splitlines()[-1])
    assert Path(found["file"]).is_relative_to(environment)
    assert "tf_earlydyn/py.typed" in found["entries"]
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")  # as who has the wheel alone would take them
    smoke = f"--flagfile={tmp_path / 'scripts' / 'experiments' / 'smoke.flags'}"
    run(python, tmp_path / "scripts" / "train.py", smoke, f"--run_dir={tmp_path / 'run'}", cwd=tmp_path)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert summary["last"]["step"] == 100
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["versions"]["tf_earlydyn"] == version()
    script = tmp_path / "your_own_model.py"
    script.write_text(as_script("your_own_model", **SMALL["your_own_model"], show_progress=False), "utf-8")
    assert "leaves its twin: by function" in run(python, script, cwd=tmp_path)


def test_the_citation_and_the_changelog_are_of_this_version():
    assert f"\nversion: {version()}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[([^]]+)\]", changelog, re.MULTILINE)[1] == version()
