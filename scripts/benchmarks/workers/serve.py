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

from benchmarks.workers.weights import names

Computation = Callable[[], np.ndarray]  # computes the result anew; the array is in the host's memory
_CALLS = 10_000  # at most: the times of a computation of microseconds must not count as its memory
_MEMORY = ("resource_exhausted", "resourceexhausted", "out of memory", "allocate", "bad_alloc")


def serve(methods: dict[str, Callable[..., Computation]], packages: Sequence[str]) -> None:
    """Makes the computation that the command line names, ``FILE METHOD``, and answers requests until they end.

    Args:
        methods: functions of the arrays in the file, as keywords, ``weights`` being a list, by name.
        packages: whose versions go on record.
    """
    imported = _peak_memory()
    _be_the_first_to_be_killed()
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what libraries print is no answer
        try:
            computation = methods[sys.argv[2]](**_read(sys.argv[1]))
            _send(answers, {"versions": {name: importlib.metadata.version(name) for name in packages}})
            for line in sys.stdin:
                answer = _answer(computation, **json.loads(line))
                _send(answers, {**answer, "memory": None if imported is None else _peak_memory() - imported})
        except Exception as error:
            _send(answers, {"error": _reason(error)})


def _be_the_first_to_be_killed() -> None:
    """Where memory runs out, Linux shall end this process and no other program."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _peak_memory() -> int | None:
    """The most that this process has held, in bytes; None where there is no /proc."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), None)
    return None


def _read(file: str) -> dict:
    with np.load(file) as arrays:
        content = dict(arrays)
    layers = names(content)
    return {**{name: content[name] for name in content.keys() - layers}, "weights": [*map(content.get, layers)]}


def _send(answers, content: dict) -> None:
    answers.write(json.dumps(content) + "\n")
    answers.flush()


def _answer(computation: Computation, request: str, **options) -> dict:
    return {"time": _time, "save": _save}[request](computation, **options)


def _time(computation: Computation, at_least: float) -> dict:
    """The median time of as many calls as take ``at_least`` so many seconds together, or of ``_CALLS``."""
    times = [time.perf_counter()]
    while len(times) == 1 or (times[-1] - times[0] < at_least and len(times) <= _CALLS):
        computation()
        times.append(time.perf_counter())
    return {"seconds": statistics.median(end - start for start, end in itertools.pairwise(times))}


def _save(computation: Computation, file: str) -> dict:
    """Writes the result of a call to a file, and tells how long the call took."""
    start = time.perf_counter()
    result = computation()
    seconds = time.perf_counter() - start
    np.save(file, result)
    return {"seconds": seconds}


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}".strip()
    if isinstance(error, MemoryError) or any(word in text.lower() for word in _MEMORY):
        return "out of memory"
    return text.splitlines()[0]
