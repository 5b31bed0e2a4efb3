"""The exit detector, on outputs whose exits are known by construction."""

import numpy as np
import pytest

from tf_earlydyn.errors import InputError
from tf_earlydyn.exits import ExitDetector, over_seeds

RNG = np.random.default_rng(0)
FEATURES = RNG.standard_normal((400, 3))
BEYOND = RNG.standard_normal((400, 1))
BEYOND -= FEATURES @ np.linalg.lstsq(FEATURES, BEYOND, rcond=None)[0]  # what no function of the features has
TARGETS = FEATURES @ np.ones((3, 1)) + BEYOND
LINEAR = FEATURES @ np.ones((3, 1))


def detector(**options):
    return ExitDetector(FEATURES, TARGETS, **options)


def test_nobody_has_left_before_the_first_step():
    assert detector().exits == (None, None, None)


def test_the_function_leaves_where_the_gap_passes_its_share():
    """For good: that it was apart at first, when both were small, does not count."""
    found = detector(function_threshold=0.1)
    scale = np.sqrt(np.mean(LINEAR**2) / np.mean(BEYOND**2))
    for step, share in ((0, 0.0), (1, 0.2), (3, 0.05), (10, 0.09), (20, 0.11), (50, 0.3)):
        companion = LINEAR * (step > 0)
        network = companion + np.sqrt(share) * scale * BEYOND * (step > 0)
        exits = found.update(step, network, companion)
    assert exits == found.exits
    assert exits.function == 20


def test_the_loss_leaves_below_the_least_squares_optimum():
    found = detector()
    parts = (-0.1, 0.0, 0.02, 0.5, 1.0)  # of what is beyond: the smallest gain is as certain as the others
    exits = [found.update(step, LINEAR + part * BEYOND, LINEAR).loss for step, part in enumerate(parts)]
    assert exits == [None, None, 2, 2, 2]


def test_a_gain_within_its_standard_error_is_none():
    """Right by half on 64% of the examples and wrong by half on the others: 0.64 0.75 - 0.36 1.25 = 0.03 is gained."""
    right = np.arange(400)[:, None] % 25 < 16
    network = LINEAR + np.where(right, 0.5, -0.5) * BEYOND
    least, losses = (np.mean((outputs - TARGETS) ** 2) for outputs in (LINEAR, network))
    exits = detector().update(1, network, LINEAR)
    assert abs(least - losses) < 0.1
    assert exits.loss is None


def test_the_kernel_leaves_where_it_has_moved():
    found = detector(kernel_threshold=0.5)
    for step, movement in ((0, 0.0), (10, 0.4), (20, 0.6), (30, 0.7)):
        exits = found.update(step, LINEAR, LINEAR, movement)
    assert exits == (None, None, 20)
    assert detector().update(5, LINEAR, LINEAR).kernel is None


def test_what_diverges_has_left_and_comes_back_by_nothing():
    """The network, or its companion; a loss that is no number says nothing, and a kernel that is none has moved."""
    found = detector(function_threshold=0.1)
    gained = LINEAR + 0.5 * BEYOND
    found.update(1, LINEAR, LINEAR, 0.0)
    assert found.update(2, gained, 0.5 * LINEAR, 0.7) == (2, 2, 2)
    assert found.update(3, np.nan * LINEAR, LINEAR, np.nan) == (2, 2, 2)
    with np.errstate(invalid="ignore"):
        assert found.update(4, gained, np.inf * LINEAR) == (2, 2, 2)


def test_one_example_says_nothing_of_the_loss():
    found = ExitDetector(FEATURES[:1], TARGETS[:1])
    assert found.update(1, TARGETS[:1], LINEAR[:1]).loss is None


def test_one_beta_for_several_outputs():
    features = RNG.standard_normal((100, 2, 3))
    targets = features @ np.array([1.0, 2.0, 3.0])
    found = ExitDetector(features, targets)
    assert found.update(1, 0.5 * targets, 0.5 * targets) == (None, None, None)


WRONG = {
    "features": ({"features": FEATURES[:5]}, r"features must have the shape \[n, p\]"),
    "threshold": ({"function_threshold": 0.0}, "function_threshold must be a positive number"),
    "kernel threshold": ({"kernel_threshold": np.nan}, "kernel_threshold must be a positive number"),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
def test_bad_input_is_one_sentence(changes, message):
    with pytest.raises(InputError, match=message):
        ExitDetector(**{"features": FEATURES, "targets": TARGETS, **changes})


def test_steps_must_rise():
    found = detector()
    found.update(3, LINEAR, LINEAR)
    with pytest.raises(InputError, match=r"steps must rise. Received: 3 after 3"):
        found.update(3, LINEAR, LINEAR)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([30], (30, 30, 30, 0)),
        ([40, 10, 20, 50, 30], (30, 10, 50, 1 - 2 / 2**5)),  # the median is outside if all five fall on one side of it
        ([40, None, 20, 50, 30], (40, 20, None, 1 - 2 / 2**5)),
        ([None] * 4, (None, None, None, 1 - 2 / 2**4)),
        (list(range(10)), (4.5, 1, 8, 1 - 2 * (1 + 10) / 2**10)),  # at most one of ten on one side
    ],
)
def test_exits_of_several_seeds_have_an_interval_for_their_median(steps, expected):
    assert over_seeds(steps) == pytest.approx(expected) if None not in expected else over_seeds(steps) == expected


def test_the_interval_holds_the_median_as_often_as_it_says():
    """Of 4,000 samples of nine from a skewed law, within 4.5 standard errors."""
    samples = np.random.default_rng(0).exponential(size=(4_000, 9))
    intervals = [over_seeds(sample) for sample in samples]
    held = np.mean([interval.low <= np.log(2) <= interval.high for interval in intervals])
    confidence = intervals[0].confidence
    assert 0.9 <= confidence < 1
    assert abs(held - confidence) < 4.5 * np.sqrt(confidence * (1 - confidence) / 4_000)
