"""The loop: models stepped together by gradient descent, callbacks at stated steps."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tf_earlydyn.distribution import current_strategy
from tf_earlydyn.errors import InputError
from tf_earlydyn.training.advance import Advance
from tf_earlydyn.training.learner import Learner

STEPS_PER_CALL = 100  # of the compiled loop, so that the progress bar moves

Callback = Callable[[int], None]


def train(
    learners: Sequence[Learner],
    x: np.ndarray | tf.Tensor,
    y: np.ndarray | tf.Tensor,
    stops: Sequence[int],
    callbacks: Iterable[Callback] = (),
    show_progress: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> None:
    """Full-batch training of all ``learners`` on ``x`` ``[n, ...]``, ``y`` ``[n, C]``.

    The models are taken to be at step ``stops[0]`` and are trained to ``stops[-1]``; at each of ``stops`` every
    callback is called with the step, when the models have that step's weights. Under a ``strategy``, by default that
    whose scope this is, or else one device, the examples are shared out among its replicas.

    Raises:
        InputError: if the shapes do not fit, a rate fits no layer, or ``stops`` do not rise.
        DivergenceError: at the first training loss that is not finite.
    """
    if len(stops) < 1 or any(stop <= start for start, stop in pairwise(stops)):
        raise InputError(f"stops must be rising steps. Received: stops={list(stops)}.")
    advance = Advance(learners, x, y, strategy or current_strategy())
    callbacks = tuple(callbacks)
    first, last = stops[0], stops[-1]
    with tqdm(total=last, initial=first, unit="step", disable=not show_progress, leave=False) as progress:
        for callback in callbacks:
            callback(first)
        for start, stop in pairwise(stops):
            for at in range(start, stop, STEPS_PER_CALL):
                count = min(STEPS_PER_CALL, stop - at)
                losses = advance(at, count)
                progress.update(count)
                progress.set_postfix({name: f"{loss:.4g}" for name, loss in losses.items()})
            advance.write_back()
            for callback in callbacks:
                callback(stop)


def recorded_steps(steps: int, per_decade: int, also: Iterable[int] = ()) -> list[int]:
    """0, 1 to 10, then ``per_decade`` log-spaced steps a decade, ``steps``, and ``also``; none above ``steps``.

    >>> recorded_steps(30, 10)
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 16, 20, 25, 30]
    """
    decades = np.log10(steps)
    spaced = np.rint(10 ** np.arange(1, decades, 1 / per_decade)).astype(int)
    return sorted(step for step in {0, *range(1, 11), *spaced.tolist(), steps, *also} if step <= steps)
