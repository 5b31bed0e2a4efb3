"""Early-time learning dynamics of neural networks, in TensorFlow and Keras 3.

Names are imported when they are first used, so that ``import tf_earlydyn`` and ``scripts/train.py --help`` are quick.
"""

import importlib
from types import ModuleType
from typing import Any

from tf_earlydyn.environment import require_tensorflow

require_tensorflow()

import wrapt  # noqa: E402 (after the check: where TensorFlow is missing, that is what to say)


@wrapt.when_imported("keras")
def _register_with_keras(_: ModuleType) -> None:
    """Registers our layers and models for ``keras.saving.load_model``.

    Keras must know them whichever of the two packages is imported first, and importing Keras here would make every
    import of this package take seconds.
    """
    importlib.import_module("tf_earlydyn.models")
    importlib.import_module("tf_earlydyn.theory.features")


_HOMES = {
    "AffineTwin": "twin",
    "DataConfig": "config",
    "DivergenceError": "errors",
    "ExecutionConfig": "config",
    "ExitDetector": "exits",
    "ExitMonitor": "twin",
    "InputError": "errors",
    "KernelStudyConfig": "config",
    "LinearModel": "models",
    "ModelConfig": "config",
    "NTKConv2D": "models",
    "NTKDense": "models",
    "RunConfig": "config",
    "Stopped": "errors",
    "TrainingConfig": "config",
    "WorkerError": "errors",
    "WriteError": "errors",
    "affine_twin": "twin",
    "antisymmetric": "models",
    "cnn": "models",
    "empirical_ntk": "ntk",
    "mlp": "models",
    "ntk_operator": "ntk",
    "two_layer": "models",
}
_MODULES = (
    "activations",
    "companion",
    "config",
    "data",
    "distribution",
    "metrics",
    "models",
    "ntk",
    "plots",
    "report",
    "rundir",
    "studies",
    "theory",
    "training",
    "twin",
)

__all__ = [*_HOMES, *_MODULES]  # noqa: PLE0604 (every entry is a string)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"tf_earlydyn.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"tf_earlydyn.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'tf_earlydyn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
