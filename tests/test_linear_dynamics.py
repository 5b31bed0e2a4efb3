import numpy as np
import pytest

from tests.oracles import linear_descent
from tf_earlydyn.theory import LinearDynamics

RNG = np.random.default_rng(0)
FEATURES = RNG.standard_normal((30, 6)) * np.array([2, 1.5, 1, 1, 0.8, 0])  # the last feature is 0: rank 5
TARGETS = RNG.standard_normal((30, 2))
DYNAMICS = LinearDynamics.of(FEATURES, TARGETS)
RATE = 0.1


def loss(outputs):
    return np.mean((outputs - TARGETS) ** 2) / 2


def test_losses_are_those_of_gradient_descent():
    steps = np.array([0, 1, 2, 17, 200])
    outputs = linear_descent(FEATURES, TARGETS, RATE, 200)
    np.testing.assert_allclose(DYNAMICS.losses(RATE, steps), [loss(outputs[step]) for step in steps], rtol=1e-10)


def test_optimum_is_that_of_least_squares():
    beta = np.linalg.lstsq(FEATURES, TARGETS, rcond=None)[0]
    assert DYNAMICS.optimum == pytest.approx(loss(FEATURES @ beta), rel=1e-12)


def test_half_step_is_the_first_below_half_the_fall():
    outputs = linear_descent(FEATURES, TARGETS, RATE, 100)
    half = (loss(outputs[0]) + DYNAMICS.optimum) / 2
    expected = next(step for step, f in enumerate(outputs) if loss(f) <= half)
    assert 1 < expected < 100
    assert DYNAMICS.half_step(RATE, 100) == expected
    assert DYNAMICS.half_step(RATE, expected) == expected
    assert DYNAMICS.half_step(RATE, expected - 1) is None


def test_half_step_is_found_beyond_one_block_of_steps():
    slow = DYNAMICS.half_step(1e-5, 10**6)
    before, at = DYNAMICS.losses(1e-5, np.array([slow - 1, slow]))
    assert slow > 1024
    assert at <= (DYNAMICS.first_loss + DYNAMICS.optimum) / 2 < before


@pytest.mark.parametrize(("factor", "grows"), [(0.99, False), (1.01, True)])
def test_largest_rate_is_where_descent_turns_into_ascent(factor, grows):
    outputs = linear_descent(FEATURES, TARGETS, factor * DYNAMICS.max_learning_rate(), 2000)
    assert (loss(outputs[-1]) > loss(outputs[0])) == grows


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"Received: \(30, 6\) and \(30,\)"):
        LinearDynamics.of(FEATURES, TARGETS[:, 0])
