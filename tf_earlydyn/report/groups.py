"""Headings of what theory foretells, in their order."""

from tf_earlydyn.names import QUANTITIES

MOMENTS = "Moments of the activation at step 0"
HALF_WAY = "At the half-way step"
POWERS = "On the way"
LAST = "At the last step"
EXITS = "Where the network leaves its linear model"
STABILITY = "Stability"
KERNELS = "Tangent kernels"
LINEARITY = "How linear the start is"


def exponent(quantity: str) -> str:
    """That of a quantity's exponents."""
    return f"Exponent of d: {QUANTITIES[quantity].name}{QUANTITIES[quantity].detail}"


ORDER = (MOMENTS, HALF_WAY, POWERS, LAST, EXITS, STABILITY, KERNELS, LINEARITY, *map(exponent, QUANTITIES))
