"""What ``import tf_earlydyn`` says where the installed software will not do, and how light it is where it will."""

import json
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


EVERYTHING = """
import importlib, os, pkgutil
for name in [name for name in os.environ if name.startswith(("TF_", "XLA_", "OMP_"))]:
    del os.environ[name]
import keras, matplotlib.pyplot, pandas, seaborn, tensorboard, tensorflow as tf  # which may set what they like
threads = tf.config.threading.get_intra_op_parallelism_threads, tf.config.threading.get_inter_op_parallelism_threads
settings = lambda: (dict(os.environ), [get() for get in threads])
before = settings()
import tf_earlydyn
[getattr(tf_earlydyn, name) for name in tf_earlydyn.__all__]
for module in pkgutil.walk_packages(tf_earlydyn.__path__, "tf_earlydyn."):
    importlib.import_module(module.name)
assert settings() == before, settings()
tf.config.set_visible_devices([], "CPU")  # raises where something has been computed
"""


def test_every_public_name_can_be_had_and_no_import_changes_the_process():
    done = python(EVERYTHING)
    assert done.returncode == 0, done.stderr
    assert "has no attribute 'nothing'" in python("import tf_earlydyn; tf_earlydyn.nothing").stderr


SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_prefer_vector_width=512",
}


@pytest.mark.parametrize("own", [{}, {"TF_NUM_INTRAOP_THREADS": "4", "XLA_FLAGS": ""}], ids=["none", "some"])
def test_train_sets_up_its_process_where_the_user_has_not(own):
    """Before TensorFlow is imported, which looks at the environment then."""
    code = "import json, os, sys, train; assert 'tensorflow' not in sys.modules; print(json.dumps(dict(os.environ)))"
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    environment |= {"PYTHONPATH": str(ROOT / "scripts"), **own}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: found[name] for name in SETTINGS} == {**SETTINGS, **own}
