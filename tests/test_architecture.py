"""The floors of the package: a module imports from its own floor or lower ones, and never in a circle."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tf_earlydyn"
FLOORS = {
    "errors": 0,
    "environment": 0,
    "seeds": 0,
    "activations": 0,
    "blocks": 0,
    "columns": 0,
    "names": 0,
    "config": 0,
    "provenance": 0,
    "rundir": 0,
    "locks": 0,
    "signals": 0,
    "checkpoints": 1,
    "metrics": 0,
    "exits": 0,
    "plots": 0,
    "xla": 0,
    "distribution": 1,
    "theory": 1,
    "data": 1,
    "models": 1,
    "ntk": 1,
    "twin": 2,
    "companion": 2,
    "training": 2,
    "studies": 3,
    "report": 2,
    "flags": 3,
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Dotted names below tf_earlydyn that a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name.removeprefix("tf_earlydyn.") for name in names if name.startswith("tf_earlydyn.")}


def place(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def test_every_part_has_a_floor():
    parts = {place(path).split(".")[0] for path in MODULES} - {"__init__"}
    assert parts == set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_no_module_imports_from_a_floor_above(path):
    part = place(path).split(".")[0]
    if part == "__init__":
        return
    for name in imported(path):
        other = name.split(".")[0]
        assert other == part or FLOORS[other] <= FLOORS[part], f"{place(path)} imports {name}"


def test_there_is_no_circle():
    known = {place(path) for path in MODULES}
    graph = {place(path): imported(path) & known - {place(path)} for path in MODULES}
    while graph:
        leaves = {name for name, needs in graph.items() if not needs & graph.keys()}
        assert leaves, f"import circle among {sorted(graph)}"
        graph = {name: needs for name, needs in graph.items() if name not in leaves}


@pytest.mark.parametrize("path", [path for path in MODULES if place(path) != "flags"], ids=place)
def test_no_flag_is_read_inside_the_package(path):
    assert "absl" not in path.read_text(encoding="utf-8")


LIGHT = [
    "errors",
    "seeds",
    "activations",
    "columns",
    "config",
    "exits",
    "rundir",
    "locks",
    "signals",
    "metrics",
    "plots",
    "report",
    "flags",
    "data.gaussian",
]


@pytest.mark.parametrize("module", LIGHT)
def test_modules_that_must_be_light_do_not_import_tensorflow(module):
    code = f"import sys, tf_earlydyn.{module}; sys.exit(bool({{'tensorflow', 'keras'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
