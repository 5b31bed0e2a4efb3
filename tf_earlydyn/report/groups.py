"""Headings of what theory foretells, in their order, and what its rows call the linear models."""

from tf_earlydyn.columns import LINEAR, TWIN

MODELS = {LINEAR: "ψ", TWIN: "twin"}
MOMENTS = "Moments of the activation at step 0"
HALF_WAY = "At the half-way step"
POWERS = "On the way"
LAST = "At the last step"
EXITS = "Where the network leaves its linear model"
STABILITY = "Stability"
KERNELS = "Tangent kernels"
LINEARITY = "How linear the start is"
KERNEL_ERROR = "Exponent of d: kernel error, ‖Θ − Θ_lin‖ d / n"
TRAIN_GAP = "Exponent of d: largest train gap by T"
TEST_GAP = "Exponent of d: largest test gap by T"
ORDER = (MOMENTS, HALF_WAY, POWERS, LAST, EXITS, STABILITY, KERNELS, LINEARITY, KERNEL_ERROR, TRAIN_GAP, TEST_GAP)
