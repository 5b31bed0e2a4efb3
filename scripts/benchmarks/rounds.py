"""Entrants in processes of their own, of which one computes at a time, taking turns."""

import contextlib
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

from benchmarks.cases import Case
from benchmarks.processes import Worker, WorkerError
from benchmarks.results import Entrant
from tf_earlydyn.errors import InputError

AGREEMENT = 1e-4  # the largest difference of two kernels, relative to the largest diagonal entry
_TURN = 0.2  # seconds of calls in a turn: many calls of a fast entrant, one of a slow one
_ENOUGH = 30.0  # seconds of calls, after which an entrant sits out the remaining rounds
_PAUSE = 0.1  # seconds before a turn, in which the threads of the entrant before fall asleep


def play(case: Case, entrants: list[Entrant], rounds: int, limit: float) -> None:
    """Times every entrant, and compares its kernel with the first one's; fills in what the entrants take.

    Args:
        case: what all of them compute.
        entrants: in the order of their turns.
        rounds: in each of them every entrant has a turn.
        limit: seconds for an answer; an entrant that needs more is out.

    Raises:
        InputError: if the first entrant fails, or another's kernel differs from the first one's.
    """
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        case.save(Path(directory, "case.npz"))
        progress = stack.enter_context(tqdm(total=(1 + rounds) * len(entrants), unit="turn", leave=False))
        workers = []
        for entrant in entrants:
            progress.set_postfix_str(entrant.name)
            workers.append(_prepare(entrant, Path(directory), limit, stack))
            _require_kernel(entrant, entrants[0])
            progress.update()
        for _ in range(rounds):
            for entrant, worker in zip(entrants, workers, strict=True):
                progress.set_postfix_str(entrant.name)
                _take_turn(entrant, worker)
                _require_kernel(entrant, entrants[0])
                progress.update()


def _prepare(entrant: Entrant, directory: Path, limit: float, stack: contextlib.ExitStack) -> Worker | None:
    """Starts an entrant, and calls it twice, since the first calls compile; None where that fails.

    The entrant that finds no kernel to compare its own with is the first one, and leaves it.
    """
    kernel = directory / "kernel.npy"
    with _failure_noted(entrant):
        worker = Worker([*entrant.command, str(directory / "case.npz"), entrant.method], limit)
        stack.enter_context(worker)
        entrant.versions = worker.versions
        request = "compare" if kernel.exists() else "save"
        entrant.difference = worker.ask(request, file=str(kernel)).get("difference")
        worker.ask("time", at_least=0)
        return worker
    return None


@contextlib.contextmanager
def _failure_noted(entrant: Entrant):
    try:
        yield
    except WorkerError as error:
        entrant.failure = str(error)


def _require_kernel(entrant: Entrant, first: Entrant) -> None:
    if entrant is first and entrant.failure:
        raise InputError(f"{entrant.name} must compute the kernel, and does not: {entrant.failure}.")
    if entrant.difference is not None and not entrant.difference <= AGREEMENT:
        raise InputError(
            f"the kernels of {first.name} and {entrant.name} must agree to {AGREEMENT:g} of the largest diagonal "
            f"entry. Received: a difference of {entrant.difference:.2g}."
        )


def _take_turn(entrant: Entrant, worker: Worker | None) -> None:
    if entrant.failure or sum(entrant.seconds) >= _ENOUGH:
        return
    time.sleep(_PAUSE)
    with _failure_noted(entrant):
        entrant.seconds.append(worker.ask("time", at_least=_TURN)["seconds"])
