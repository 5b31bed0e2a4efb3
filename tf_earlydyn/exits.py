"""Where a network leaves its linear companion: by its function, its loss and its tangent kernel."""

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from scipy import stats

from tf_earlydyn import metrics
from tf_earlydyn.errors import InputError

_CONFIDENCE = 0.9


class Exits(NamedTuple):
    """The first recorded steps from which on, at every later one, the network is not with its companion; None: never.

    Attributes:
        function: the gap between the two, mean (f - f_lin)^2, is above a share of the mean of f_lin^2.
        loss: the network's loss is below the least that any function of the companion's features has on the same
            examples, by more than the standard error of the difference.
        kernel: the network's tangent kernel is farther than a share of its norm from what it was at step 0.
    """

    function: int | None
    loss: int | None
    kernel: int | None


class ExitInterval(NamedTuple):
    """An exit over several seeds, where None stands for never within the run.

    Attributes:
        median: over the seeds.
        low, high: of a confidence interval for the median over all seeds there are, from order statistics, whatever
            their distribution.
        confidence: of the interval, at least 0.9 where there are five seeds or more.
    """

    median: float | None
    low: int | None
    high: int | None
    confidence: float


def over_seeds(steps: Sequence[int | None]) -> ExitInterval:
    """The exit of each seed, None for never, in one."""
    ordered = sorted(math.inf if step is None else step for step in steps)
    n = len(ordered)
    # The median lies outside the k-th smallest and largest of n with the probability of fewer than k heads, or tails.
    confidences = [1 - 2 * stats.binom.cdf(k, n, 0.5) for k in range((n + 1) // 2)]
    k = max((k for k, confidence in enumerate(confidences) if confidence >= _CONFIDENCE), default=0)
    middle = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    median = None if math.isinf(middle) else middle
    return ExitInterval(median, _step(ordered[k]), _step(ordered[n - 1 - k]), max(0.0, float(confidences[k])))


def _step(step: float) -> int | None:
    return None if math.isinf(step) else cast(int, step)


class ExitDetector:
    """Told of outputs at rising steps, it tells where the network has left.

    Args:
        features: those of the companion on n test examples, ``[n, p]``, or ``[n, C, p]`` if one beta is shared.
        targets: ``[n, C]``; of a network that is not 0 at step 0, less its outputs there, and its outputs likewise.
        function_threshold: the share of the mean of f_lin^2.
        kernel_threshold: the share of the kernel's norm, Frobenius.

    Raises:
        InputError: if shapes do not fit, or a threshold is not positive.
    """

    def __init__(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        *,
        function_threshold: float = 0.1,
        kernel_threshold: float = 0.5,
    ) -> None:
        for name, value in (("function_threshold", function_threshold), ("kernel_threshold", kernel_threshold)):
            if not (isinstance(value, (int, float)) and 0 < value < math.inf):
                raise InputError(f"{name} must be a positive number. Received: {name}={value!r}.")
        self._targets = np.asarray(targets, np.float64)
        self._least = _losses(_least_squares(np.asarray(features, np.float64), self._targets), self._targets)
        self._thresholds = function_threshold, kernel_threshold
        self._steps: list[int] = []
        self._left: list[tuple[bool | None, ...]] = []  # by function, loss and kernel at each step; None: not judged

    def update(
        self, step: int, outputs: np.ndarray, companion: np.ndarray, kernel_movement: float | None = None
    ) -> Exits:
        """Takes the outputs ``[n, C]`` of network and companion at ``step``; the exits so far.

        Raises:
            InputError: if ``step`` is not above the last one.
            ValueError: if the shapes do not fit.
        """
        step = int(step)  # of an optimiser, it may be a variable
        if self._steps and step <= self._steps[-1]:
            raise InputError(f"steps must rise. Received: {step} after {self._steps[-1]}.")
        outputs, companion = np.asarray(outputs, np.float64), np.asarray(companion, np.float64)
        self._left.append(
            (
                self._left_function(outputs, companion),
                self._left_loss(outputs),
                None if kernel_movement is None else not kernel_movement <= self._thresholds[1],  # NaN has left
            )
        )
        self._steps.append(step)
        return self.exits

    @property
    def exits(self) -> Exits:
        """The exits, by what has been seen so far."""
        return Exits(*map(self._first_for_good, zip(*self._left, strict=True)) if self._left else (None,) * 3)

    def state(self) -> dict:
        """What it has been told, for JSON."""
        return {"steps": self._steps, "left": self._left}

    def restore(self, state: dict) -> None:
        """Takes up what a detector of the same features and targets had been told: its ``state``."""
        self._steps, self._left = list(state["steps"]), [tuple(judged) for judged in state["left"]]

    def _left_function(self, outputs: np.ndarray, companion: np.ndarray) -> bool:
        """True where one of the two has diverged, too."""
        difference = metrics.difference(outputs, companion)
        if not np.isfinite(difference).all():
            return True
        return metrics.half_mean_square(difference) > self._thresholds[0] * metrics.half_mean_square(companion)

    def _left_loss(self, outputs: np.ndarray) -> bool | None:
        """None, which is neither, where the network has diverged."""
        if not np.isfinite(outputs).all():
            return None
        gain = self._least - _losses(outputs, self._targets)
        return len(gain) > 1 and bool(np.mean(gain) > np.std(gain, ddof=1) / math.sqrt(len(gain)))

    def _first_for_good(self, left: tuple[bool | None, ...]) -> int | None:
        """The first step from which on all that were judged are outside."""
        judged = [(step, outside) for step, outside in zip(self._steps, left, strict=True) if outside is not None]
        staying = [step for step, outside in judged if not outside]
        later = [step for step, _ in judged if not staying or step > staying[-1]]
        return later[0] if later else None


def _losses(outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The loss of each example, ``[n]``."""
    return np.mean(np.square(metrics.difference(outputs, targets)), axis=1) / 2


def _least_squares(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The best outputs ``[n, C]`` that the features allow on these very examples."""
    if features.ndim == 2 and features.shape[0] == len(targets):
        return features @ np.linalg.lstsq(features, targets, rcond=None)[0]
    if features.ndim == 3 and features.shape[:2] == targets.shape:
        flat = features.reshape(-1, features.shape[2])
        return (flat @ np.linalg.lstsq(flat, targets.ravel(), rcond=None)[0]).reshape(targets.shape)
    raise InputError(
        f"features must have the shape [n, p] or [n, C, p] for targets [n, C]. Received: {features.shape} and "
        f"{targets.shape}."
    )
