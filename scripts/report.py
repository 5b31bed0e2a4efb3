"""Draws the figures of finished runs again and writes a report, from the files in their directories alone.

    python scripts/report.py RUN_DIR                        RUN_DIR/figures and RUN_DIR/report.html
    python scripts/report.py RUN_DIR OTHER_DIR --out=FILE   one report of both, side by side

Takes the directories of train.py, predict.py and kernels.py. The report is one file that needs no other: what was run,
the figures, what theory foretells beside what was measured, and where it ran. Without --out it lies in the first
directory. It takes a few seconds for each run.
"""

import dataclasses
from pathlib import Path

import entry  # noqa: F401 (first: it sets up the process)

from tf_earlydyn import flags, report
from tf_earlydyn.config.fields import setting
from tf_earlydyn.errors import InputError
from tf_earlydyn.rundir import RunDirectory


@dataclasses.dataclass(frozen=True)
class ReportConfig:
    """Where a report is written."""

    out: str | None = setting(None, "The file of the report; default report.html in the first directory.")

    def file(self) -> Path | None:
        """Where; None by default.

        Raises:
            InputError: if no file can be there.
        """
        if self.out is None:
            return None
        file = Path(self.out).expanduser()
        if not self.out or file.is_dir() or not file.parent.is_dir():
            raise InputError(f"out must name a file in a folder that is there. Received: out={self.out!r}.")
        return file


def main(arguments: list[str]) -> None:
    out = flags.read(ReportConfig).file()
    directories = [RunDirectory.open_finished(argument) for argument in arguments]
    if not directories or len({directory.path.resolve() for directory in directories}) < len(directories):
        received = " ".join(arguments) or "none"
        raise InputError(f"report.py takes run directories, at least one and each once. Received: {received}.")
    figures = [file for directory in directories for file in report.draw(directory)]
    page = report.write([report.Record.read(directory) for directory in directories], out)
    print(*figures, page, sep="\n")


if __name__ == "__main__":
    flags.define_flags(ReportConfig)
    flags.run_script(main, __doc__)
