"""How the figures and the table of a report are read."""

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
NOTES = (
    "ψ is the linear model that the paper pairs with the network (Hu, Xiao, Adlam and Pennington 2020, arXiv "
    "2006.14599); the twin, the affine model that is derived from the network itself at step 0. What theory "
    "foretells of losses are the linear models' own; what is measured, the network's.",
    "The half-way step is the first at which the linear model has made half of the fall from its first loss to its "
    "least-squares optimum; measured is the first recorded step at which the network has fallen as far.",
    "For two-layer networks the paper bounds gaps by O(d^−Ω(α)) up to T = c d log d / η, with a constant c > 0 that it "
    "does not give, and says nothing of later steps; for deeper networks it argues the same, and does not prove it.",
    "Moments are measured over the network's own hidden units at step 0 and some of the run's training inputs. "
    "A step at which the network leaves a linear model is the first recorded one from which on it is apart at every "
    "later one. A dash stands where there is nothing to say.",
)
