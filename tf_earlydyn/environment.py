"""What the installed software must be. Looked up without importing TensorFlow, which takes seconds."""

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import sys
from pathlib import Path

EXTRAS = "pip install 'tf_earlydyn[cpu]' (or [gpu], [tpu])"


def require_tensorflow() -> None:
    """Checks that TensorFlow is installed and that Keras is Keras 3 on TensorFlow.

    Raises:
        ImportError: one sentence that says what is missing and what to install or unset.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise ImportError(f"tf_earlydyn needs TensorFlow 2.19 to 2.21, which is not installed: {EXTRAS}.")
    _require_tensorflow_version()
    _require_keras_3()
    _require_tensorflow_backend()


def _require_tensorflow_version() -> None:
    for name in ("tensorflow", "tensorflow-cpu", "tensorflow-tpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            version = importlib.metadata.version(name)
            if tuple(int(part) for part in version.split(".")[:2]) < (2, 19):
                raise ImportError(
                    f"tf_earlydyn needs TensorFlow 2.19 to 2.21. Received: {name} {version}. Run: {EXTRAS}."
                )


def _require_keras_3() -> None:
    if os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true"):
        raise ImportError(
            "tf_earlydyn needs Keras 3, but TF_USE_LEGACY_KERAS makes TensorFlow use Keras 2: unset that variable."
        )
    try:
        version = importlib.metadata.version("keras")
    except importlib.metadata.PackageNotFoundError:
        raise ImportError("tf_earlydyn needs Keras 3, which is not installed: pip install 'keras>=3.5'.") from None
    if int(version.split(".")[0]) < 3:
        raise ImportError(f"tf_earlydyn needs Keras 3. Received: keras {version}. Run: pip install 'keras>=3.5'.")


def _require_tensorflow_backend() -> None:
    backend = _keras_backend()
    if backend != "tensorflow":
        raise ImportError(
            f"tf_earlydyn runs on Keras's TensorFlow backend alone. Received: KERAS_BACKEND={backend}. "
            "Set KERAS_BACKEND=tensorflow before Keras is imported."
        )


def _keras_backend() -> str:
    """The backend that Keras has chosen or, where it is not imported yet, will choose."""
    if "keras" in sys.modules and hasattr(sys.modules["keras"], "config"):
        return sys.modules["keras"].config.backend()
    if "KERAS_BACKEND" in os.environ:
        return os.environ["KERAS_BACKEND"]
    settings = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "keras.json"
    try:
        return json.loads(settings.read_text(encoding="utf-8")).get("backend", "tensorflow")
    except (OSError, ValueError):
        return "tensorflow"
