"""The public names: those that tf_earlydyn/__init__.pyi lists, and those of ``__all__`` of the modules among them."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
OF_KERAS = {"build", "call", "compute_output_shape", "convolution_op", "from_config", "get_config"}  # and mean the same


def public_modules():
    found = ["tf_earlydyn"]
    for name in found:
        module = importlib.import_module(name)
        found += [f"{name}.{member}" for member in module.__all__ if isinstance(getattr(module, member), ModuleType)]
    return found


MODULES = public_modules()


def names_of(module):
    return [name for name in module.__all__ if not isinstance(getattr(module, name), ModuleType)]


def told(docstring):
    """The names that Args and Attributes explain."""
    sections = re.findall(r"^(?:Args|Attributes):\n((?:    .*\n?|\n)+)", docstring, re.MULTILINE)
    entries = re.findall(r"^    \**(\w[\w, ]*):", "\n".join(sections), re.MULTILINE)
    return {name.strip() for entry in entries for name in entry.split(",")}


def arguments(function):
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return {parameter.name for parameter in parameters if parameter.kind not in kinds} - {"self", "cls"}


def faults(name, member):
    """What is missing in a docstring, or in it alone."""
    docstring = inspect.getdoc(member) if callable(member) else "a value"
    if not docstring or (not docstring.strip().partition("\n")[0].endswith((".", ",")) and callable(member)):
        yield f"{name} has no summary"
    if not callable(member) or (isinstance(member, type) and issubclass(member, BaseException)):
        return
    if missing := arguments(member) - told(docstring):
        yield f"{name} does not tell its {sorted(missing)}"
    if not isinstance(member, type) and (more := told(docstring) - arguments(member) - {"kwargs"}):
        yield f"{name} tells of {sorted(more)}, which it does not take"


def method_faults(name, kind):
    """Methods need no Args, where the class or the summary says what they take."""
    for method_name, method in vars(kind).items():
        method = getattr(method, "__func__", method)
        if method_name.startswith("_") or method_name in OF_KERAS or not callable(method):
            continue
        docstring = inspect.getdoc(method)
        if not docstring:
            yield f"{name}.{method_name} has no docstring"
        elif more := told(docstring) - arguments(method):
            yield f"{name}.{method_name} tells of {sorted(more)}, which it does not take"


@pytest.mark.parametrize("module_name", MODULES)
def test_every_public_name_is_documented_as_it_is(module_name):
    module = importlib.import_module(module_name)
    assert module.__doc__
    found = []
    for name in names_of(module):
        member = getattr(module, name)
        found += faults(name, member)
        if isinstance(member, type):
            found += method_faults(name, member)
    assert not found


def test_what_is_undocumented_is_found():
    class Point(NamedTuple):
        x: float

    assert list(faults("Point", Point)) == ["Point has no summary", "Point does not tell its ['x']"]


def test_an_argument_that_is_not_told_of_is_found():
    def scaled(x, factor):
        """Scales.

        Args:
            x: what is scaled.
            by: how much.
        """

    assert list(faults("scaled", scaled)) == [
        "scaled does not tell its ['factor']",
        "scaled tells of ['by'], which it does not take",
    ]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The documentation, built as ``make docs`` does: eight seconds of CPU."""
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, str(ROOT / "docs" / "build.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def fetched(page):
    """Addresses elsewhere that a page names: of scripts, images, styles, fonts and links."""
    return re.findall(r"""(?:\b(?:src|href)\s*=|\burl\(|@import)\s*["']?((?:https?:)?//[^"')\s>]+)""", page)


def test_what_a_page_would_fetch_is_found():
    page = (
        """<script src="https://a.org/a.js"></script><link href='//b.org'><style>@import "http://c.org"; url(//d.org)"""
    )
    assert fetched(page) == ["https://a.org/a.js", "//b.org", "http://c.org", "//d.org"]
    assert not fetched("""<a href="index.html"><img src="data:image/png;base64,//8="> @import url(style.css)""")


def test_the_pages_hold_every_public_name_their_formulas_and_nothing_from_elsewhere(pages):
    for module_name in MODULES:
        page = (pages / f"{module_name.replace('.', '/')}.html").read_text(encoding="utf-8")
        assert set(fetched(page)) <= {"https://pdoc.dev"}  # a link, for people
        page = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
        names = names_of(importlib.import_module(module_name))
        assert not [name for name in names if f'id="{name}"' not in page]
        assert not re.findall(r"\$[^$<\n]*\\[^$<\n]*\$", page)  # LaTeX that was not understood
    theory = (pages / "tf_earlydyn" / "theory.html").read_text(encoding="utf-8")
    assert theory.count("<math") > 20
    assert {path.stem for path in pages.rglob("*.html")} == {"index", *(name.split(".")[-1] for name in MODULES)}
