"""Exponents of what was measured over a range of sizes with several seeds, and how sure they are."""

import dataclasses

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """value = factor * size^exponent, fitted by ``fit_power_law``.

    Attributes:
        exponent, factor: of the line through the logarithms.
        low, high: the ends of the 95% confidence interval of ``exponent``.
        seed_low, seed_high: between which the exponent of one further seed alone would lie, a 95% prediction interval.
        misfit: the largest factor by which a geometric mean over the seeds is off the line; 1 where all are on it.
    """

    exponent: float
    low: float
    high: float
    seed_low: float
    seed_high: float
    factor: float
    misfit: float


def fit_power_law(sizes: np.ndarray, values: np.ndarray) -> PowerLaw:
    """The power law of positive ``values`` ``[k, seeds]`` at ``sizes`` ``[k]``, by least squares on logarithms.

    The seeds are what is independent: within a seed, sizes share random numbers, and the noise may depend on the size.
    So each seed gives one exponent. Their mean is also the slope through all points, and its interval is Student's t
    interval of a mean. It is for *this range of sizes*: it says nothing of how far the values are from a power law,
    which ``misfit`` does, or of the exponent of larger sizes.

    >>> law = fit_power_law(np.array([10, 100]), np.array([[2.0, 3.0], [0.2, 0.3]]))
    >>> round(law.exponent, 12), round(law.misfit, 12)
    (-1.0, 1.0)
    """
    x, y = np.log(sizes), np.log(values)
    centred = x - x.mean()
    exponents = centred @ y / (centred @ centred)
    exponent, seeds = exponents.mean(), len(exponents)
    spread = stats.t.ppf((1 + LEVEL) / 2, seeds - 1) * exponents.std(ddof=1)
    interval = exponent + spread * np.sqrt(1 / seeds) * np.array([-1, 1])
    one_more = exponent + spread * np.sqrt(1 + 1 / seeds) * np.array([-1, 1])
    level = y.mean() - exponent * x.mean()
    off = np.abs(y.mean(axis=1) - level - exponent * x).max()
    return PowerLaw(*map(float, (exponent, *interval, *one_more, np.exp(level), np.exp(off))))
