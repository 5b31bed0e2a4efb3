"""The README says what is true: its code runs, and its table names every experiment."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.smoke
@pytest.mark.parametrize("code", EXAMPLES, ids=["tangent kernels", "affine twin", "as a library"])
def test_the_examples_run(code):
    exec(compile(code, "README.md", "exec"), {})


def test_every_experiment_is_named():
    named = set(re.findall(r"^\| `(\w+\.flags)`", README, re.MULTILINE))
    assert named == {path.name for path in (ROOT / "scripts" / "experiments").rglob("*.flags")}


def test_every_file_it_links_to_is_there():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert links
    assert all((ROOT / link).exists() for link in links)
