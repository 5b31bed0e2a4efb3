"""Scripts in processes that begin with their libraries imported, which takes seconds that a test need not spend.

A process that has imported them forks one for each script; it has computed nothing, so that each script still chooses
its devices and threads.
"""

import atexit
import contextlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"


class Warm:
    """The process that forks others; begun when it is first asked."""

    def __init__(self):
        self._process = None

    def run(self, *arguments, script="train.py", cwd=None):
        """A script's end, as ``subprocess.run`` tells it."""
        command = [str(SCRIPTS / script), *map(str, arguments)]
        with tempfile.TemporaryDirectory() as folder:
            files = [f"{folder}/{name}" for name in ("stdout", "stderr")]
            status = self._ask({"command": command, "cwd": str(cwd or Path.cwd()), "files": files})
            output, error = (Path(file).read_text(encoding="utf-8") for file in files)
        return subprocess.CompletedProcess(command, status, output, error)

    def _ask(self, request):
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.warm"],
                cwd=SCRIPTS.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            atexit.register(self.end)
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline())
        except BaseException:  # an answer may be left behind, which is not the next one's
            self.end()
            raise

    def end(self):
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


run_warm = Warm().run


def _serve():
    with contextlib.redirect_stdout(sys.stderr):
        import keras  # noqa: F401
        import matplotlib.pyplot  # noqa: F401
        import pandas  # noqa: F401
        import seaborn  # noqa: F401
        import tensorflow  # noqa: F401
    for line in sys.stdin:
        request = json.loads(line)
        if (child := os.fork()) == 0:
            _become(request)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(request):
    """Runs a script in this process, and ends it."""
    for number, file in enumerate((os.devnull, *request["files"])):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), number)
    os.chdir(request["cwd"])
    sys.argv = request["command"]
    sys.path[0] = str(SCRIPTS)
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve()
