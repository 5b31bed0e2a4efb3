import numpy as np
import pytest

from tf_earlydyn import metrics

A = np.array([[1.0], [-2.0], [0.5]])


def test_losses_and_gaps_by_hand():
    assert metrics.half_mean_square(A) == pytest.approx((1 + 4 + 0.25) / 6)
    assert metrics.mean_squared_gap(A, A - 2) == 4
    assert metrics.mean_squared_gap(np.eye(2), np.zeros((2, 2))) == 0.5  # a mean over the outputs too


@pytest.mark.parametrize("other", [A[:, 0], A[:2], np.hstack([A, A])])
def test_shapes_never_broadcast(other):
    for metric in (metrics.mean_squared_gap, metrics.difference, metrics.accuracy):
        with pytest.raises(ValueError, match="shape"):
            metric(A, other)


def test_accuracy_is_by_sign_or_by_argmax():
    assert metrics.accuracy(A, np.array([[3.0], [-1.0], [-1.0]])) == pytest.approx(2 / 3)
    assert metrics.accuracy(np.zeros((4, 1)), np.array([[1.0], [1], [1], [-1]])) == 0.75  # 0 counts as positive
    assert metrics.accuracy(np.array([[0.2, 0.1], [0.3, 0.4]]), np.array([[1, 0], [1, 0]])) == 0.5


def test_kernels_are_compared_by_frobenius_norms():
    a, b = np.array([[3.0, 0.0], [0.0, 4.0]]), np.array([[3.0, 4.0], [0.0, 0.0]])
    assert metrics.relative_distance(a, b) == pytest.approx(np.sqrt(16 + 16) / 5)
    assert metrics.alignment(a, b) == pytest.approx(9 / 25)
    assert metrics.alignment(a, 7 * a) == pytest.approx(1)
    for compare in (metrics.relative_distance, metrics.alignment):
        with pytest.raises(ValueError, match="shape"):
            compare(a, b[:1])


def span_by_least_squares(columns, residual):
    return columns @ np.linalg.lstsq(columns, residual, rcond=None)[0]


@pytest.mark.parametrize("constant", [False, True])
def test_residual_parts_are_the_projection_and_the_rest(constant):
    rng = np.random.default_rng(0)
    x, residual = rng.standard_normal((20, 2, 2)), rng.standard_normal((20, 3))
    columns = x.reshape(20, 4)
    columns = np.hstack([columns, np.ones((20, 1))]) if constant else columns
    inside, outside = metrics.InputSpan(x, constant).split(residual)
    projection = span_by_least_squares(columns, residual)
    assert inside == pytest.approx(np.mean(projection**2) / 2, rel=1e-10)
    assert outside == pytest.approx(np.mean((residual - projection) ** 2) / 2, rel=1e-10)
    assert inside + outside == pytest.approx(metrics.half_mean_square(residual), rel=1e-12)


def test_dependent_inputs_do_not_count_twice():
    x = np.random.default_rng(0).standard_normal((30, 3)).astype(np.float32)
    doubled = np.hstack([x, x @ np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)])
    assert metrics.InputSpan(doubled).dimension == 3


def test_a_linear_model_leaves_the_part_outside_alone():
    x = np.random.default_rng(0).standard_normal((40, 5))
    y = np.sign(np.random.default_rng(1).standard_normal((40, 1)))
    span = metrics.InputSpan(x)
    _, before = span.split(-y)
    _, after = span.split(x @ np.ones((5, 1)) - y)
    assert after == pytest.approx(before, rel=1e-12)
