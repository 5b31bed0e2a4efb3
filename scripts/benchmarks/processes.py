"""A worker as the benchmark sees it: a process that is asked and answers, one JSON line each."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

_SCRIPTS = Path(__file__).parents[1]
_SETTINGS = {
    "CUDA_VISIBLE_DEVICES": "-1",  # all compute on the CPU
    "JAX_PLATFORMS": "cpu",
    "TF_ENABLE_ONEDNN_OPTS": "1",  # TensorFlow's default, which a program that imports the package has; scripts have 0
    "XLA_FLAGS": "",  # likewise
    "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait by spinning make torch severalfold slower on a busy machine
}


class WorkerError(Exception):
    """A worker gave no answer; the message is the reason, in a few words."""


class Worker:
    """A process that runs ``benchmarks.workers.serve``; a context manager, which ends it.

    Args:
        command: starts it.
        limit: seconds for an answer.

    Attributes:
        versions: of its software, by name: what it tells without being asked.

    Raises:
        WorkerError: if it does not start.
    """

    def __init__(self, command: Sequence[str], limit: float) -> None:
        self._limit = limit
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed in _end)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=_SCRIPTS,
            env={**os.environ, **_SETTINGS},
        )
        try:
            self.versions = self._answer()["versions"]
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_) -> None:
        self._end()

    def ask(self, request: str, **options) -> dict:
        """The answer to a request that ``benchmarks.workers.serve`` knows.

        Raises:
            WorkerError: if there is none.
        """
        with contextlib.suppress(BrokenPipeError):  # whose reason is what is read next
            self._process.stdin.write(json.dumps({"request": request, **options}) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict:
        late = threading.Event()
        timer = threading.Timer(self._limit, lambda: (late.set(), self._process.kill()))
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise WorkerError(f"over {self._limit:g} s" if late.is_set() else self._last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def _last_words(self) -> str:
        if self._process.wait() == -signal.SIGKILL:  # as the system does when memory runs out
            return "out of memory"
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return lines[-1] if lines else f"ended with exit code {self._process.returncode}"

    def _end(self) -> None:
        self._process.kill()  # it has nothing to put in order
        self._process.communicate()
        self._log.close()
