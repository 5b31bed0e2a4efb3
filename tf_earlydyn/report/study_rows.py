"""What theory foretells beside what was measured, of a study of kernels and of what was foretold of a run."""

import math

import numpy as np

from tf_earlydyn import activations
from tf_earlydyn.report.groups import KERNEL_ERROR, LAST, LINEARITY, POWERS, STABILITY, TEST_GAP, TRAIN_GAP
from tf_earlydyn.report.numbers import NONE, number
from tf_earlydyn.report.records import Record
from tf_earlydyn.report.rows import Row
from tf_earlydyn.rundir import read_csv

LAYERS = {"first": "First layer trained", "second": "Second layer trained", "both": "Both layers trained"}
GROUPS = {"error": KERNEL_ERROR, "train_gap": TRAIN_GAP, "test_gap": TEST_GAP}
_LARGEST_ALPHA = 0.25  # of the theorems


def prediction_rows(record: Record) -> list[Row]:
    """The twin's losses and its largest stable rate, which nothing measures yet, and how linear the start is."""
    summary, table = record.summary, read_csv(record.directory.prediction)
    rows = [
        Row(POWERS, f"Test loss at step {number(step)}, twin", number(loss), NONE)
        for step, loss in zip(table["step"].tolist(), table["test_loss"].tolist(), strict=True)
        if step and math.log10(step).is_integer()
    ]
    rows += [
        Row(LAST, "Least training loss that it can reach, twin", number(summary["train_optimum"]), NONE),
        Row(LAST, "Test loss at that optimum, twin", number(summary["test_optimum"]), NONE),
        Row(
            STABILITY,
            "Largest stable learning rate, 2 / λ_max, twin",
            number(summary["max_learning_rate"]),
            NONE,
        ),
    ]
    for name, of in (("labels", "of the labels' energy"), ("kernel", "of the kernel beyond its leading modes")):
        if summary["linearity"]:
            share = number(summary["linearity"][name])
            rows.append(Row(LINEARITY, f"The twin's share {of}", "1 for a linear network", share))
    return rows


def scaling_rows(record: Record) -> list[Row]:
    """Fitted exponents beside those that the paper's bounds leave room for."""
    return [
        Row(GROUPS[law["quantity"]], LAYERS[law["layers"]], claim(record.config, law), in_words(law))
        for law in record.summary["exponents"]
    ]


def in_words(law: dict) -> str:
    """An exponent with its interval."""
    return f"{number(law['exponent'])}, 95% interval {number(law['low'])} to {number(law['high'])}"


def claim(config: dict, law: dict) -> str:
    """What the theorems say, whose width for the second layer is d^(1 + alpha) only where E[phi(g)] = 0."""
    phi = activations.get(config["activation"], config["negative_slope"])
    centred = phi.even_derivative and float(phi.value(np.zeros(()))) == 0
    needed = 1 if law["layers"] == "first" or centred else 2
    alpha = min(config["alpha"], config["width_exponent"] + config["alpha"] - needed, _LARGEST_ALPHA)
    if alpha <= 0:
        return f"nothing: it takes m above d^{needed}"
    return f"−{alpha:g} or less, for large d" if law["quantity"] == "error" else "negative, for large d"
