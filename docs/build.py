"""Builds the API documentation from the docstrings: python docs/build.py FOLDER, or make docs.

A page for each public module, of what its ``__all__`` lists. The pages are whole in themselves: formulas become MathML,
which browsers draw, and nothing is fetched, neither now nor when they are read.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import keras
import pdoc
import tensorflow as tf
from pdoc.render_helpers import markdown_extensions

import tf_earlydyn

# Where users find what other libraries define elsewhere.
SHOWN = {
    "keras": (keras.Model, keras.Variable),
    "keras.initializers": (keras.initializers.Initializer,),
    "keras.layers": (keras.layers.Layer, keras.layers.Conv2D),
    "tf": (tf.Tensor,),
    "tf.distribute": (tf.distribute.Strategy,),
}


def public_modules() -> list[str]:
    """The package, its public modules, and theirs."""
    found = [tf_earlydyn.__name__]
    for name in found:
        module = importlib.import_module(name)
        members = [member for member in module.__all__ if isinstance(getattr(module, member), ModuleType)]
        found += [f"{name}.{member}" for member in members]
    return found


def build(folder: Path) -> None:
    """Writes the pages."""
    markdown_extensions["latex"] = None
    for name, kinds in SHOWN.items():
        for kind in kinds:
            kind.__module__ = name
    templates = Path(__file__).parent / "templates"
    pdoc.render.configure(
        docformat="google", include_undocumented=False, show_source=False, template_directory=templates
    )
    modules = {name: pdoc.doc.Module.from_name(name) for name in public_modules()}
    for name, module in modules.items():
        module.submodules = [inner for inner in module.submodules if inner.fullname in modules]
        _write(folder / f"{name.replace('.', '/')}.html", pdoc.render.html_module(module, modules))
    _write(folder / "index.html", pdoc.render.html_index(modules))
    _write(folder / "search.js", pdoc.render.search_index(modules))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("Usage: python docs/build.py FOLDER", file=sys.stderr)
        sys.exit(2)
    build(Path(sys.argv[1]))
    print(f"Documentation: {Path(sys.argv[1]) / 'index.html'}")
