"""Every example once, whatever the replicas, streams and blocks."""

import numpy as np
import pytest

from tf_earlydyn.errors import InputError
from tf_earlydyn.training.layout import Layout

SIZES = [
    (n, replicas, streams, rows)
    for n in (1, 2, 3, 7, 16, 61, 100)
    for replicas in (1, 2, 3, 8)
    for streams in (1, 2, 5)
    for rows in (1, 4, 1000)
    if replicas <= n
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_row_is_there_once_and_in_order(dtype):
    for n, replicas, streams, rows in SIZES:
        layout = Layout.of(n, replicas, streams, rows)
        array, weights = np.arange(2 * n).reshape(n, 2), layout.weights(dtype)
        spread = layout.spread(array)
        assert spread.shape == (*layout[1:], 2)
        assert weights.shape == (*layout[1:], 1)
        assert weights.dtype == dtype
        np.testing.assert_array_equal(spread[weights[..., 0] == 1], array)
        assert weights.sum() == n
        assert set(np.unique(weights)) <= {0, 1}


def test_shares_are_as_equal_as_static_shapes_let_them_be():
    """Blocks of one shape, none larger than asked for, none more than needed, and less than a row more for each."""
    for n, replicas, streams, rows in SIZES:
        layout = Layout.of(n, replicas, streams, rows)
        assert layout.replicas == replicas
        assert layout.streams <= min(streams, n // replicas)
        assert layout.rows <= rows
        share = -(-n // (replicas * layout.streams))
        assert layout.blocks == -(-share // rows)
        assert layout.blocks * layout.rows - share < layout.blocks


def test_what_fills_up_is_an_example_too():
    """So that it cannot have a loss that is not finite where all examples have one that is."""
    spread = Layout.of(5, 2, 1, 2).spread(np.arange(5.0)[:, None])
    np.testing.assert_array_equal(spread.ravel(), [0, 1, 2, 3, 4, 4, 4, 4])


def test_more_replicas_than_examples_are_refused():
    with pytest.raises(InputError, match=r"an example for each replica. Received: 3 replicas, n=2\."):
        Layout.of(2, 3, 1, 10)
