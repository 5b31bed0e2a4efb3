"""What was measured of an entrant; tables and records of it."""

import dataclasses
import statistics
from collections.abc import Sequence

from tf_earlydyn import rundir

_ROW = "  {:<40}{:>12}{:>12}{:>11}  {:<18}{:>9}{:>12}  {}"


@dataclasses.dataclass
class Entrant:
    """Software that computes a case by one method, and what was measured of it.

    Attributes:
        peer, method: their names.
        command: starts its worker.
        versions: of the software, by name.
        findings: what the case tells of its result, ``difference`` from ours included.
        first: seconds of its first call, which compiles.
        seconds: of a call, in each round that it took part in.
        memory: bytes by which the peak of its process is above that of its imports; None where there is no /proc.
        failure: why it was left out, in a few words.
    """

    peer: str
    method: str
    command: tuple[str, ...]
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    findings: dict = dataclasses.field(default_factory=dict)
    first: float | None = None
    seconds: list[float] = dataclasses.field(default_factory=list)
    memory: int | None = None
    failure: str | None = None

    @property
    def name(self) -> str:
        """Of the row in the table."""
        return f"{self.peer}, {self.method}"

    @property
    def difference(self) -> float:
        """From our result, as the case has it."""
        return self.findings["difference"]

    @property
    def median(self) -> float:
        """Over the rounds."""
        return statistics.median(self.seconds)

    def ratios(self, ours: "Entrant") -> dict[str, float]:
        """How many times longer it takes than ours: by the medians, and the least and the most in a round.

        All over the rounds that both took part in.
        """
        theirs, our = zip(*zip(self.seconds, ours.seconds, strict=False), strict=True)
        rounds = [a / b for a, b in zip(theirs, our, strict=True)]
        ratio = statistics.median(theirs) / statistics.median(our)
        return {"ratio": ratio, "ratio_min": min(rounds), "ratio_max": max(rounds)}


def table(entrants: Sequence[Entrant], steps: int | None = None) -> str:
    """A row for each entrant, the first being ours; the fastest method of each peer is marked.

    The median time is that of a call, or of each of the ``steps`` that a call takes.
    """
    fastest = [_fastest(entrants, peer) for peer in {entrant.peer for entrant in entrants[1:]}]
    heads = ("", "first call", "a step" if steps else "median", "over ours", "(in a round)", "memory", "difference", "")
    lines = [_ROW.format(*heads).rstrip()]
    for entrant in entrants:
        lines.append(_row(entrant, entrants[0], steps, "fastest" if entrant in fastest else "").rstrip())
    return "\n".join(lines)


def _fastest(entrants: Sequence[Entrant], peer: str) -> Entrant | None:
    timed = [entrant for entrant in entrants if entrant.peer == peer and not entrant.failure]
    return min(timed, key=lambda entrant: entrant.median) if len(timed) > 1 else None


def _row(entrant: Entrant, ours: Entrant, steps: int | None, mark: str) -> str:
    if entrant.failure:
        return f"  {entrant.name:<40}{entrant.failure:>12}"
    memory = "" if entrant.memory is None else f"{entrant.memory / 2**20:,.0f} MB"
    ratio, extremes, difference = "", "", ""
    if entrant is not ours:
        ratios = entrant.ratios(ours)
        ratio, least, most = (_times(ratios[name]) for name in ("ratio", "ratio_min", "ratio_max"))
        extremes = f"({least} to {most})"
        difference = f"{entrant.difference:.0e}"
    median = _milliseconds(entrant.median / steps) if steps else f"{entrant.median:.3g} s"
    return _ROW.format(entrant.name, f"{entrant.first:.3g} s", median, ratio, extremes, memory, difference, mark)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds * 1000:,.0f} ms"


def _times(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def records(entrants: Sequence[Entrant]) -> list[dict]:
    """The same and every round's time, for a JSON file."""
    return [_record(entrant, entrants[0]) for entrant in entrants]


def _record(entrant: Entrant, ours: Entrant) -> dict:
    measured = {"median": entrant.median, **entrant.ratios(ours)} if entrant.seconds else {}
    fields = dataclasses.asdict(entrant)
    del fields["command"]  # a path of this machine
    return {**fields.pop("findings"), **fields, **measured}


def machine() -> dict:
    """What the times are to be read with."""
    return rundir.provenance()
