"""Who takes part in a benchmark, and how it is started."""

import dataclasses
import sys

from benchmarks import environments


@dataclasses.dataclass(frozen=True)
class Peer:
    """Software that computes some of the cases, by one or more methods."""

    worker: str
    methods: tuple[str, ...]
    cases: tuple[str, ...]
    environment: str | None = None  # None for the one that runs the benchmark

    def command(self) -> tuple[str, ...]:
        """What starts its worker, in its environment; PYTHONPATH and the like are for ours alone."""
        python = (str(environments.python(self.environment)), "-E") if self.environment else (sys.executable,)
        return (*python, "-m", f"benchmarks.workers.{self.worker}")
