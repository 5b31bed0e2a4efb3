"""Draws the figures of a finished run again, from the files in its directory alone.

python scripts/report.py RUN_DIR
"""

import entry  # noqa: F401 (first: it sets up the process)

from tf_earlydyn import flags, report
from tf_earlydyn.errors import InputError
from tf_earlydyn.rundir import RunDirectory


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise InputError(f"report.py takes one run directory. Received: {' '.join(arguments) or 'none'}.")
    for file in report.draw(RunDirectory.open_finished(arguments[0])):
        print(file)


if __name__ == "__main__":
    flags.run_script(main, __doc__)
