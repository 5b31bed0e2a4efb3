"""Early-time learning dynamics of neural networks, in TensorFlow and Keras 3.

What is used most is here, and the rest in modules: whole runs in ``studies``, configured by ``config``, their files and
figures in ``rundir``, ``report`` and ``plots``; the paper's formulas in ``theory``, ``companion`` and ``activations``;
networks and linear models in ``models``, examples in ``data``, what is measured in ``metrics``; tangent kernels in
``ntk``, affine twins in ``twin``, the training loop in ``training``, and where all is computed in ``distribution``.

Names are imported when they are first used, so that ``import tf_earlydyn`` and ``scripts/train.py --help`` are quick.
"""

import ast
import importlib
from pathlib import Path
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


def _homes() -> dict[str, str]:
    """Where each public name lives, as the stub beside this file imports it for type checkers."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


_HOMES = _homes()
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tf_earlydyn' has no attribute {name!r}")
    if _HOMES[name] == __name__:
        return importlib.import_module(f"{__name__}.{name}")
    found = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = found  # where the next look finds it, and what reads modules
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
