"""What theory foretells beside what was measured: rows of a table, and the rows of several runs in one."""

from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """A quantity as text.

    Attributes:
        group: under which heading it stands.
        quantity: what it is, the same in every run that has it.
        foretold: what theory says of it.
        measured: what the run's files say.
    """

    group: str
    quantity: str
    foretold: str
    measured: str


def together(runs: Sequence[Sequence[Row]], order: Sequence[str]) -> dict[str, dict[str, list[Row | None]]]:
    """The rows of each run by group, in the given order of groups, and by quantity: None in a run without it."""
    found: dict[str, dict[str, list[Row | None]]] = {group: {} for group in order}
    for place, rows in enumerate(runs):
        for row in rows:
            found[row.group].setdefault(row.quantity, [None] * len(runs))[place] = row
    return {group: rows for group, rows in found.items() if rows}
