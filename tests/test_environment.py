"""What ``import tf_earlydyn`` says where the installed software will not do, and how light it is where it will."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WITHOUT_TENSORFLOW = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "tensorflow" else find(name, *rest)
"""
KERAS_2 = """
import importlib.metadata
installed = importlib.metadata.version
importlib.metadata.version = lambda name: "2.15.0" if name == "keras" else installed(name)
"""


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment}
    )


OLD_TENSORFLOW = """
import importlib.metadata
installed = importlib.metadata.version
importlib.metadata.version = lambda name: "2.16.1" if name == "tensorflow" else installed(name)
"""

MISSING = {
    "old TensorFlow": (
        OLD_TENSORFLOW,
        {},
        "tf_earlydyn needs TensorFlow 2.19 to 2.21. Received: tensorflow 2.16.1. "
        "Run: pip install 'tf_earlydyn[cpu]' (or [gpu], [tpu]).",
    ),
    "no TensorFlow": (
        WITHOUT_TENSORFLOW,
        {},
        "tf_earlydyn needs TensorFlow 2.19 to 2.21, which is not installed: pip install 'tf_earlydyn[cpu]' "
        "(or [gpu], [tpu]).",
    ),
    "Keras 2": (KERAS_2, {}, "tf_earlydyn needs Keras 3. Received: keras 2.15.0. Run: pip install 'keras>=3.5'."),
    "legacy Keras": (
        "",
        {"TF_USE_LEGACY_KERAS": "1"},
        "tf_earlydyn needs Keras 3, but TF_USE_LEGACY_KERAS makes TensorFlow use Keras 2: unset that variable.",
    ),
    "another backend": (
        "",
        {"KERAS_BACKEND": "jax"},
        "tf_earlydyn runs on Keras's TensorFlow backend alone. Received: KERAS_BACKEND=jax. "
        "Set KERAS_BACKEND=tensorflow before Keras is imported.",
    ),
}


@pytest.mark.parametrize(("before", "environment", "sentence"), MISSING.values(), ids=MISSING)
def test_an_import_says_what_is_missing(before, environment, sentence):
    done = python(f"{before}\nimport tf_earlydyn", **environment)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == f"ImportError: {sentence}"


@pytest.mark.parametrize("script", ["train.py", "report.py"])
def test_scripts_say_so_without_a_traceback(script):
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    command = [sys.executable, ROOT / "scripts" / script, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "tf_earlydyn runs on Keras's TensorFlow backend alone. Received: KERAS_BACKEND=torch."
    )
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("backend", "refused"), [("jax", True), ("tensorflow", False)])
def test_the_backend_may_come_from_keras_settings(backend, refused, tmp_path):
    (tmp_path / "keras.json").write_text(f'{{"backend": "{backend}"}}')
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    environment["KERAS_HOME"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", "import tf_earlydyn"], capture_output=True, text=True, env=environment)
    assert ("Received: KERAS_BACKEND=jax" in done.stderr) == refused
    assert (done.returncode != 0) == refused


@pytest.mark.smoke
def test_an_import_does_not_import_tensorflow():
    done = python(
        "import sys, tf_earlydyn; tf_earlydyn.RunConfig(); assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    assert done.returncode == 0, done.stderr


def test_every_public_name_can_be_had():
    code = "import tf_earlydyn; [getattr(tf_earlydyn, name) for name in tf_earlydyn.__all__]; import keras"
    assert python(code).returncode == 0
    assert "has no attribute 'nothing'" in python("import tf_earlydyn; tf_earlydyn.nothing").stderr
