"""A rate for each layer, by its name, is the same on one device and on several."""

import keras
import pytest

from tests.descents import assert_close, descend, examples, sequential, trained
from tf_earlydyn.training import GradientDescent, Learner


def nested(first, second):
    """Two networks in a third."""
    return sequential(
        sequential_named(first, keras.layers.Dense(4, "tanh", name="dense")),
        sequential_named(second, keras.layers.Dense(1, name="dense"), shape=(4,)),
    )


def sequential_named(name, *layers, shape=(5,)):
    return keras.Sequential([keras.Input(shape), *layers], name=name)


RATES = {
    "odd names": (lambda: nested("a-b.1", "2"), {"a-b.1": 0.1, "2": 0.0}),
    "a layer's name twice": (lambda: nested("one", "two"), {"dense": 0.1}),
    "a name that begins another": (lambda: nested("in", "inner"), {"in": 0.0, "inner": 0.1}),
    "names of variables": (lambda: nested("one", "two"), {"kernel": 0.1, "bias": 0.2}),
}


@pytest.mark.parametrize(("make", "rates"), RATES.values(), ids=RATES)
def test_rates_by_layer_are_the_same_on_every_replica(make, rates, mirrored):
    """Those of descent written out."""
    x, y = examples((5,))

    def learner():
        keras.utils.set_random_seed(0)
        return Learner("network", make(), GradientDescent(rates))

    expected = learner()
    rate = GradientDescent(rates)._rate
    for _ in range(3):
        descend(expected.model, x, y, rate)
    for strategy in (None, mirrored):
        assert_close(trained([learner()], x, y, strategy, steps=3), expected.model.get_weights())
