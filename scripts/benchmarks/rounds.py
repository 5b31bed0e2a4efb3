"""Entrants in processes of their own, of which one computes at a time, taking turns."""

import contextlib
import tempfile
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.processes import Worker, WorkerError
from benchmarks.results import Entrant
from benchmarks.tasks import Agreement, Task
from tf_earlydyn.errors import InputError

_TURN = 0.2  # seconds of calls in a turn: many calls of a fast entrant, one of a slow one
_ENOUGH = 30.0  # seconds of calls, after which an entrant sits out the remaining rounds
_PAUSE = 0.1  # seconds before a turn, in which the threads of the entrant before fall asleep


def play(task: Task, entrants: list[Entrant], rounds: int, limit: float) -> None:
    """Times every entrant, and compares its result with the first one's; fills in what the entrants take.

    Args:
        task: what all of them compute.
        entrants: in the order of their turns.
        rounds: in each of them every entrant has a turn.
        limit: seconds for an answer; an entrant that needs more is out.

    Raises:
        InputError: if the first entrant fails, or another's result differs from the first one's.
    """
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        task.save(Path(directory, "case.npz"))
        progress = stack.enter_context(tqdm(total=(1 + rounds) * len(entrants), unit="turn", leave=False))
        workers = []
        for entrant in entrants:
            progress.set_postfix_str(entrant.name)
            workers.append(_prepare(task, entrant, Path(directory), limit, stack))
            _require_result(task.agreement, entrant, entrants[0])
            progress.update()
        for _ in range(rounds):
            for entrant, worker in zip(entrants, workers, strict=True):
                progress.set_postfix_str(entrant.name)
                _take_turn(entrant, worker)
                _require_result(task.agreement, entrant, entrants[0])
                progress.update()


def _prepare(task: Task, entrant: Entrant, directory: Path, limit: float, stack: contextlib.ExitStack) -> Worker | None:
    """Starts an entrant, and calls it twice, since the first calls compile; None where that fails.

    The entrant that finds no result to compare its own with is the first one, and leaves it.
    """
    first, own = directory / "first.npy", directory / "own.npy"
    with _failure_noted(entrant):
        worker = Worker([*entrant.command, str(directory / "case.npz"), entrant.method], limit)
        stack.enter_context(worker)
        entrant.versions = worker.versions
        entrant.first = worker.ask("save", file=str(own))["seconds"]
        if not first.exists():
            own.rename(first)
            own = first
        entrant.findings = task.examine(np.load(own, mmap_mode="r"), np.load(first, mmap_mode="r"))
        worker.ask("time", at_least=0)
        return worker
    return None


@contextlib.contextmanager
def _failure_noted(entrant: Entrant):
    try:
        yield
    except WorkerError as error:
        entrant.failure = str(error)


def _require_result(agreement: Agreement, entrant: Entrant, first: Entrant) -> None:
    if entrant is first and entrant.failure:
        raise InputError(f"{entrant.name} must compute the {agreement.result}, and does not: {entrant.failure}.")
    if entrant is not first and entrant.findings and not entrant.difference <= agreement.tolerance:
        raise InputError(
            f"the {agreement.result}s of {first.name} and {entrant.name} must agree to {agreement.tolerance:g} of "
            f"{agreement.unit}. Received: a difference of {entrant.difference:.2g}."
        )


def _take_turn(entrant: Entrant, worker: Worker | None) -> None:
    if entrant.failure or sum(entrant.seconds) >= _ENOUGH:
        return
    time.sleep(_PAUSE)
    with _failure_noted(entrant):
        answer = worker.ask("time", at_least=_TURN)
        entrant.seconds.append(answer["seconds"])
        entrant.memory = answer["memory"]
