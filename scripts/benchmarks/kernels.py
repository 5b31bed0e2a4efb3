"""Tangent kernels of one network by every entrant, timed in turns: ``benchmark.py kernels``."""

import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import environments, results
from benchmarks.cases import CASES
from benchmarks.results import Entrant
from benchmarks.rounds import play
from tf_earlydyn import rundir
from tf_earlydyn.errors import InputError


@dataclasses.dataclass(frozen=True)
class Peer:
    """Software that computes the kernels of some cases, by one or more methods."""

    worker: str
    methods: tuple[str, ...]
    environment: str | None = None  # None for the one that runs the benchmark
    cases: tuple[str, ...] = tuple(CASES)

    def command(self) -> tuple[str, ...]:
        """What starts its worker, in its environment; PYTHONPATH and the like are for ours alone."""
        python = (str(environments.python(self.environment)), "-E") if self.environment else (sys.executable,)
        return (*python, "-m", f"benchmarks.workers.{self.worker}")


OURS = {"tf_earlydyn": Peer("ours", ("empirical_ntk",))}
PEERS = {
    "neural-tangents": Peer(
        "neural_tangents",
        ("Jacobian contraction", "NTK-vector products", "structured derivatives"),
        environment="neural-tangents",
    ),
    "torch": Peer("torch", ("Jacobian contraction", "NTK-vector products"), environment="torch"),
    "tape.jacobian": Peer("ours", ("J J'",), cases=("mlp",)),
}


def run(
    cases: Sequence[str], peers: Sequence[str], rounds: int, limit: float, small: bool = False, out: str | None = None
) -> None:
    """Times the cases, prints a table for each, and writes all that was measured to the file ``out``.

    Raises:
        InputError: if a name is unknown, ``out`` cannot be written, an environment cannot be made, our kernel cannot
            be computed, or a peer's differs from it.
    """
    _require_known("cases", cases, CASES, at_least=1)
    _require_known("peers", peers, PEERS)
    if out is not None:
        _require_writable(Path(out))
    chosen = {**OURS, **{name: PEERS[name] for name in peers}}
    commands = {name: peer.command() for name, peer in chosen.items()}
    measured = {}
    for name in cases:
        case = CASES[name].small() if small else CASES[name]
        print(f"{name}: {case}", flush=True)
        entrants = [
            Entrant(peer_name, method, commands[peer_name])
            for peer_name, peer in chosen.items()
            for method in peer.methods
            if name in peer.cases
        ]
        play(case, entrants, rounds, limit)
        print(results.table(entrants), end="\n\n", flush=True)
        measured[name] = {"network": str(case), "entrants": results.records(entrants)}
    if out is not None:
        rundir.write_json(Path(out), {**results.machine(), "cases": measured})


def _require_known(flag: str, names: Sequence[str], known: dict, at_least: int = 0) -> None:
    if not set(names) <= set(known) or len(set(names)) < max(len(names), at_least):
        raise InputError(f"{flag} must be different names among {', '.join(known)}. Received: {','.join(names)}.")


def _require_writable(out: Path) -> None:
    if out.is_dir() or not os.access(out.absolute().parent, os.W_OK | os.X_OK):
        raise InputError(f"out must be a file in a directory that can be written to. Received: out={out}.")
