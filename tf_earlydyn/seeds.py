"""One seed, independent streams: what one part draws does not change when another part draws more."""

import enum

import numpy as np


class Stream(enum.IntEnum):
    """What a run draws at random."""

    TEACHER = 0
    TRAIN = 1
    TEST = 2
    NETWORK = 3
    TRACKED = 4
    PROBE = 5
    TWIN = 6
    HELD_OUT = 7


def generator(seed: int, stream: Stream) -> np.random.Generator:
    """The generator of a stream."""
    return np.random.default_rng([seed, stream])


def integers(seed: int, stream: Stream, count: int) -> list[int]:
    """``count`` seeds for what takes an integer, as Keras initialisers do."""
    return [int(word) for word in np.random.SeedSequence([seed, stream]).generate_state(count)]
