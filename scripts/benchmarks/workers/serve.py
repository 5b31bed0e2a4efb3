"""How a worker answers: a JSON line on its standard input is a request, one on its standard output the answer."""

import contextlib
import importlib.metadata
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

Kernel = Callable[[], np.ndarray]  # computes it anew; the array is in the host's memory
_MEMORY = ("resource_exhausted", "resourceexhausted", "out of memory", "allocate", "bad_alloc")


def serve(methods: dict[str, Callable[[np.ndarray, list[np.ndarray]], Kernel]], packages: Sequence[str]) -> None:
    """Makes the kernel function that the command line names, ``FILE METHOD``, and answers requests until they end.

    Args:
        methods: functions of the inputs and of the layers' weights, by name.
        packages: whose versions go on record.
    """
    _be_the_first_to_be_killed()
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what libraries print is no answer
        try:
            kernel = methods[sys.argv[2]](*_read(sys.argv[1]))
            _send(answers, {"versions": {name: importlib.metadata.version(name) for name in packages}})
            for line in sys.stdin:
                _send(answers, _answer(kernel, **json.loads(line)))
        except Exception as error:
            _send(answers, {"error": _reason(error)})


def _be_the_first_to_be_killed() -> None:
    """Where memory runs out, Linux shall end this process and no other program."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _read(file: str) -> tuple[np.ndarray, list[np.ndarray]]:
    with np.load(file) as arrays:
        return arrays["x"], [arrays[f"weights_{number}"] for number in range(len(arrays.files) - 1)]


def _send(answers, content: dict) -> None:
    answers.write(json.dumps(content) + "\n")
    answers.flush()


def _answer(kernel: Kernel, request: str, **options) -> dict:
    return {"time": _time, "save": _save, "compare": _compare}[request](kernel, **options)


def _time(kernel: Kernel, at_least: float) -> dict:
    """The median time of as many calls as take ``at_least`` so many seconds together."""
    times = [time.perf_counter()]
    while len(times) == 1 or times[-1] - times[0] < at_least:
        kernel()
        times.append(time.perf_counter())
    return {"seconds": statistics.median(end - start for start, end in itertools.pairwise(times))}


def _save(kernel: Kernel, file: str) -> dict:
    np.save(file, kernel())
    return {}


def _compare(kernel: Kernel, file: str) -> dict:
    """The largest difference from the kernel in a file, relative to that one's largest diagonal entry."""
    expected = np.load(file, mmap_mode="r")
    found = kernel().reshape(expected.shape)
    diagonal = expected[np.arange(len(expected)), np.arange(len(expected))]
    difference = np.max([np.abs(row - other).max() for row, other in zip(found, expected, strict=True)])
    return {"difference": float(difference / diagonal.max())}


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}".strip()
    if isinstance(error, MemoryError) or any(word in text.lower() for word in _MEMORY):
        return "out of memory"
    return text.splitlines()[0]
