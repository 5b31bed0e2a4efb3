"""How the figures of a report are read."""

from tf_earlydyn.names import QUANTITIES

HEADINGS = {
    "losses": "Losses",
    "gaps": "Gaps",
    "residual": "Residual",
    "logits": "Outputs",
    "kernels": "Tangent kernels",
    "prediction": "Foretold losses",
    **{name: quantity.name.capitalize() for name, quantity in QUANTITIES.items()},
}
CAPTIONS = {
    "losses": "Loss on training (solid) and test examples (dashed) of the network and of its linear models, against "
    "gradient-descent steps.",
    "gaps": "Mean over examples of (f − f_lin)², training (solid) and test (dashed), against gradient-descent steps.",
    "residual": "The test loss by the part of the residual in V_lin, the span of the inputs (solid), and outside it "
    "(dashed), against gradient-descent steps.",
    "logits": "Outputs on test examples drawn by the seed, a colour for each, against gradient-descent steps.",
    "kernels": "The network's tangent kernel on training points: relative distances to the linear models' kernels and "
    "to its own at step 0 (solid), and cosines (dashed), against gradient-descent steps.",
    "prediction": "The losses that the affine twin foretells, training (solid) and test (dashed), against "
    "gradient-descent steps.",
    "error": "‖Θ − Θ_lin‖ d / n at step 0 against the input dimension d: geometric mean and range over the seeds, and "
    "the fitted power of d (dashed).",
    "train_gap": "The largest mean of (f − f_lin)² over training examples by step T, against the input dimension d.",
    "test_gap": "The largest mean of (f − f_lin)² over test examples by step T, against the input dimension d.",
}
