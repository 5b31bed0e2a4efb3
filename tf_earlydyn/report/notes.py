"""How the table of a report is read: for every run, and by its kind."""

_PAPER = "Hu, Xiao, Adlam and Pennington 2020, arXiv 2006.14599"
_PSI = f"ψ is the linear model that the paper pairs with the network ({_PAPER})."
_TWIN = "The twin is the affine model that is derived from the network itself at step 0."
DASH = "A dash stands where there is nothing to say."
_FROM_START = (
    "A network that is as its weights are drawn, or from a file, need not be 0 at step 0: set beside f_lin, f stands "
    "for f − f₀, its change since step 0, and y − f₀ is what its linear models learn. Their losses are those of "
    "f₀ + f_lin."
)
_TRAINING = (
    _PSI,
    _TWIN,
    "What theory foretells of losses are the linear models' own; what is measured, the network's.",
    "The half-way step is the first at which the linear model has made half of the fall from its first loss to its "
    "least-squares optimum; measured is the first recorded step at which the network has fallen as far.",
    "For two-layer networks the paper bounds gaps by O(d^−Ω(α)) up to T = c d log d / η, with a constant c > 0 that it "
    "does not give, and says nothing of later steps; for deeper networks it argues the same, and does not prove it.",
    "Moments are measured over the network's own hidden units at step 0 and some of the run's training inputs. "
    "A step at which the network leaves a linear model is the first recorded one from which on it is apart at every "
    "later one.",
    "Kernels are compared on some of the training points, by Frobenius norms and inner products. What the paper bounds "
    "is the spectral norm of Θ − Θ_lin on all of many more than d points, so that no theory stands beside them.",
)
_PREDICTION = (_TWIN, "What is foretold of losses are the twin's own; training alone can measure the network's.")
_SCALING = (
    f"Θ is the network's tangent kernel at step 0, Θ_lin that of ψ, the linear model that the paper ({_PAPER}) pairs "
    "with the layers that learn; the norm is the spectral one. Gaps are the largest up to the last step T.",
    "An exponent is the slope of the fitted power of d through all sizes and seeds; its interval is over the seeds, at "
    "these sizes.",
    "What stands beside it is the exponent of a bound for large d, without its constant. At small d an error may fall "
    "more slowly, and no bound is refuted by that: with erf, up to d = 512, the second layer's showed the noise of "
    "random features, and fell about as the power −α/2 of d.",
)


def drawn(config: dict) -> bool:
    """Whether the network may be other than 0 at step 0, so that its change since then is what is compared.

    Args:
        config: the content of ``config.json``.
    """
    return config["model"]["network_file"] is not None or config["model"]["start"] != "zero"


def scaling_notes(_: dict) -> tuple[str, ...]:
    """Those of a study of kernels."""
    return _SCALING


def training_notes(config: dict) -> tuple[str, ...]:
    """Those of a training run.

    Args:
        config: the content of ``config.json``.
    """
    return (*_TRAINING, _FROM_START) if drawn(config) else _TRAINING


def prediction_notes(config: dict) -> tuple[str, ...]:
    """Those of what was foretold of a run.

    Args:
        config: the content of ``config.json``.
    """
    return (*_PREDICTION, _FROM_START) if drawn(config) else _PREDICTION
