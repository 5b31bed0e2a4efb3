"""A subcommand of ``benchmark.py``: cases, and who computes them in turns."""

import dataclasses
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from benchmarks import results
from benchmarks.peers import Peer
from benchmarks.results import Entrant
from benchmarks.rounds import play
from benchmarks.tasks import Task
from tf_earlydyn import rundir
from tf_earlydyn.errors import InputError


@dataclasses.dataclass(frozen=True)
class Contest:
    """Cases, our entrants, of which each case has one, and the peers, all by name."""

    cases: Mapping[str, Task]
    ours: Mapping[str, Peer]
    peers: Mapping[str, Peer]

    def run(
        self,
        cases: Sequence[str] | None,
        peers: Sequence[str] | None,
        rounds: int,
        limit: float,
        small: bool = False,
        out: str | None = None,
    ) -> None:
        """Times the cases, prints tables for each, and writes all that was measured to the file ``out``.

        Names are of all cases, and of all peers, where they are None.

        Raises:
            InputError: if a name is unknown, ``out`` cannot be written, an environment cannot be made, we cannot
                compute a case, or a peer's result differs from ours.
        """
        cases = _known("cases", cases, self.cases, at_least=1)
        peers = _known("peers", peers, self.peers)
        if out is not None:
            _require_writable(Path(out))
        chosen = {**self.ours, **{name: self.peers[name] for name in peers}}
        commands = {name: peer.command() for name, peer in chosen.items() if set(cases) & set(peer.cases)}
        measured = {}
        for name in cases:
            task = self.cases[name].small() if small else self.cases[name]
            print(f"{name}: {task}", flush=True)
            entrants = [
                Entrant(peer_name, method, commands[peer_name])
                for peer_name, peer in chosen.items()
                if name in peer.cases
                for method in peer.methods
            ]
            play(task, entrants, rounds, limit)
            print(task.report(entrants), end="\n\n", flush=True)
            measured[name] = {"network": str(task), "entrants": results.records(entrants)}
        if out is not None:
            rundir.write_json(Path(out), {**results.machine(), "cases": measured})


def _known(flag: str, names: Sequence[str] | None, known: Collection[str], at_least: int = 0) -> Sequence[str]:
    names = list(known) if names is None else names
    if not set(names) <= set(known) or len(set(names)) < max(len(names), at_least):
        raise InputError(f"{flag} must be different names among {', '.join(known)}. Received: {','.join(names)}.")
    return names


def _require_writable(out: Path) -> None:
    if out.is_dir() or not os.access(out.absolute().parent, os.W_OK | os.X_OK):
        raise InputError(f"out must be a file in a directory that can be written to. Received: out={out}.")
