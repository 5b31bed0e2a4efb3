"""Where a run came from: versions, platform and git commit."""

import contextlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

_RECORDED_VERSIONS = (
    "tf_earlydyn",
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-tpu",
    "tensorflow-datasets",
    "keras",
    "numpy",
    "scipy",
    "pandas",
    "seaborn",
    "matplotlib",
)


def provenance() -> dict:
    """Versions, platform, processor, and the git commit of the checkout that the package, or else the script, is in."""
    sources = (Path(__file__).resolve(), Path(sys.argv[0]).resolve())
    source = next((path for path in sources if _git(path, "ls-files", "--error-unmatch", path.name)), None)
    return {
        "versions": {"python": platform.python_version(), **_installed_versions()},
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": cores(),
        "git_commit": source and _git(source, "rev-parse", "HEAD"),
        "git_dirty": source and bool(_git(source, "status", "--porcelain", "-uno")),
    }


def cores() -> int:
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _installed_versions() -> dict[str, str]:
    versions = {}
    for name in _RECORDED_VERSIONS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _processor() -> str | None:
    """Its name, if the system tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or None


def _git(source: Path, *arguments: str) -> str | None:
    """The output of a git command in the folder of ``source``; None where it fails, as it does outside a checkout."""
    try:
        done = subprocess.run(["git", *arguments], cwd=source.parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
