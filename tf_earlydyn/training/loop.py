"""The loop: models stepped together by gradient descent, callbacks at stated steps."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tf_earlydyn.distribution import current_strategy, from_chief
from tf_earlydyn.errors import InputError
from tf_earlydyn.training.advance import Advance
from tf_earlydyn.training.learner import Learner

STEPS_PER_CALL = 100  # at most: of the compiled loop
_SECONDS_PER_CALL = 1.0  # about: the progress bar moves, and signals are noticed

Callback = Callable[[int], None]


class Pause(Protocol):
    """What may be done between two compiled calls, such as saving the models."""

    def due(self, step: int) -> bool:
        """Whether there is anything to do at ``step``: asked after every call, and after its callbacks."""

    def __call__(self, step: int) -> None:
        """Does it; the models are as they are at ``step``."""


def train(
    learners: Sequence[Learner],
    x: np.ndarray | tf.Tensor,
    y: np.ndarray | tf.Tensor,
    stops: Sequence[int],
    callbacks: Iterable[Callback] = (),
    show_progress: bool = True,
    *,
    start: int | None = None,
    pauses: Iterable[Pause] = (),
    strategy: tf.distribute.Strategy | None = None,
) -> None:
    """Full-batch training of all ``learners``, side by side.

    The models are taken to be at step ``stops[0]`` and are trained to ``stops[-1]``.

    Args:
        learners: what is trained.
        x: inputs, ``[n, ...]``.
        y: targets, ``[n, C]``.
        stops: rising steps, at each of which every callback is called with the step.
        callbacks: functions of a step.
        show_progress: whether there is a progress bar.
        start: where the models are at a later step already: training goes on from it, and callbacks are called at the
            stops after it.
        pauses: each may act after every compiled call.
        strategy: among whose replicas the examples are shared out: by default that whose scope this is, or one device.

    Raises:
        InputError: if the shapes do not fit, a rate fits no layer, ``stops`` do not rise, or the models cannot be
            trained under the strategy.
        DivergenceError: at the first training loss that is not finite.
        WorkerError: if another of several workers has ended.
    """
    if len(stops) < 1 or any(stop <= start for start, stop in pairwise(stops)):
        raise InputError(f"stops must be rising steps. Received: stops={list(stops)}.")
    strategy = strategy or current_strategy()
    advance, pace = Advance(learners, x, y, strategy), _Pace(strategy)
    callbacks, pauses, recorded = tuple(callbacks), tuple(pauses), set(stops)
    first = stops[0] if start is None else start
    with tqdm(total=stops[-1], initial=first, unit="step", disable=not show_progress, leave=False) as progress:
        if start is None:
            for callback in callbacks:
                callback(first)
        for at, count in _calls([first, *(stop for stop in stops if stop > first)], pace):
            with pace.timed(count):
                losses = advance(at, count)
            progress.update(count)
            progress.set_postfix({name: f"{loss:.4g}" for name, loss in losses.items()})
            step = at + count
            if step in recorded:
                advance.write_back()
                for callback in callbacks:
                    callback(step)
            for pause in pauses:
                if pause.due(step):
                    advance.write_back()
                    pause(step)


class _Pace:
    """How many steps are done in one compiled call, the same on every worker; their results do not depend on it."""

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self._strategy = strategy
        self._steps = 1

    def steps(self, left: int) -> int:
        """Of ``left`` steps, as many as take about a second."""
        return min(left, int(from_chief(self._strategy, self._steps)))

    @contextlib.contextmanager
    def timed(self, count: int) -> Iterator[None]:
        """Sees how long ``count`` steps take."""
        begun = time.monotonic()
        yield
        fitting = count * _SECONDS_PER_CALL / max(time.monotonic() - begun, 1e-9)
        self._steps = max(1, min(STEPS_PER_CALL, int(fitting)))


def _calls(stops: Sequence[int], pace: _Pace) -> Iterator[tuple[int, int]]:
    """From which step on how many are done in one compiled call."""
    for at, stop in pairwise(stops):
        while at < stop:
            count = pace.steps(stop - at)
            yield at, count
            at += count


def recorded_steps(steps: int, per_decade: int, also: Iterable[int] = ()) -> list[int]:
    """0, 1 to 10, then ``per_decade`` log-spaced steps a decade, ``steps``, and ``also``; none above ``steps``.

    Args:
        steps: the last one.
        per_decade: how many for a factor of ten, at least 10.
        also: further steps.

    >>> recorded_steps(30, 10)
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 16, 20, 25, 30]
    """
    decades = np.log10(steps)
    spaced = np.rint(10 ** np.arange(1, decades, 1 / per_decade)).astype(int)
    return sorted(step for step in {0, *range(1, 11), *spaced.tolist(), steps, *also} if step <= steps)
