"""What theory foretells beside what was measured, of a study of kernels and of what was foretold of a run."""

import math

import numpy as np

from tf_earlydyn import activations, names
from tf_earlydyn.columns import TWIN
from tf_earlydyn.config import KernelStudyConfig, from_json
from tf_earlydyn.report.groups import LAST, LINEARITY, POWERS, STABILITY, exponent
from tf_earlydyn.report.numbers import NONE, number
from tf_earlydyn.report.records import Record
from tf_earlydyn.report.rows import Row
from tf_earlydyn.rundir import read_csv

_LARGEST_ALPHA = 0.25  # of the theorems


def prediction_rows(record: Record) -> list[Row]:
    """The twin's losses and its largest stable rate, which nothing measures yet, and how linear the start is."""
    summary, table = record.summary, read_csv(record.directory.prediction)
    twin = names.model(TWIN).short
    rows = [
        Row(POWERS, f"Test loss at step {number(step)}, {twin}", number(loss), NONE)
        for step, loss in zip(table["step"].tolist(), table["test_loss"].tolist(), strict=True)
        if step and math.log10(step).is_integer()
    ]
    rows += [
        Row(LAST, f"Least training loss that it can reach, {twin}", number(summary["train_optimum"]), NONE),
        Row(LAST, f"Test loss at that optimum, {twin}", number(summary["test_optimum"]), NONE),
        Row(
            STABILITY,
            f"Largest stable learning rate, 2 / λ_max, {twin}",
            number(summary["max_learning_rate"]),
            NONE,
        ),
    ]
    for name, of in (("labels", "of the labels' energy"), ("kernel", "of the kernel beyond its leading modes")):
        if summary["linearity"]:
            share = number(summary["linearity"][name])
            rows.append(Row(LINEARITY, f"The {twin}'s share {of}", "1 for a linear network", share))
    return rows


def scaling_rows(record: Record) -> list[Row]:
    """Fitted exponents beside those that the paper's bounds leave room for."""
    return [
        Row(
            exponent(law["quantity"]),
            names.trained(law["layers"]).capitalize(),
            claim(record.config, law),
            in_words(law),
        )
        for law in record.summary["exponents"]
    ]


def in_words(law: dict) -> str:
    """An exponent with its interval."""
    return f"{number(law['exponent'])}, 95% interval {number(law['low'])} to {number(law['high'])}"


def claim(config: dict, law: dict) -> str:
    """What the theorems say, whose width for the second layer is d^(1 + alpha) only where E[phi(g)] = 0."""
    study = from_json(KernelStudyConfig, config)
    phi = activations.get(study.activation, study.negative_slope)
    centred = phi.even_derivative and float(phi.value(np.zeros(()))) == 0
    needed = 1 if law["layers"] == "first" or centred else 2
    alpha = min(study.alpha, study.m_exponent - needed, _LARGEST_ALPHA)
    if alpha <= 0:
        return f"nothing: it takes m above d^{needed}"
    return f"−{alpha:g} or less, for large d" if law["quantity"] == "error" else "negative, for large d"
