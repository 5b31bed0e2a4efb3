"""What the figures of a study of kernels, and of what was foretold, show, in sentences made of the files' numbers."""

from tf_earlydyn import names
from tf_earlydyn.columns import TWIN
from tf_earlydyn.report.numbers import number
from tf_earlydyn.report.records import Record
from tf_earlydyn.report.study_rows import in_words
from tf_earlydyn.rundir import read_csv


def scaling_findings(record: Record) -> dict[str, str]:
    """A text for each quantity that has fitted exponents."""
    parts: dict[str, list[str]] = {}
    for law in record.summary["exponents"]:
        told = f"{names.trained(law['layers'])}, it {_goes(law)}, exponent {in_words(law)}"
        parts.setdefault(law["quantity"], []).append(told)
    return {name: f"The {names.QUANTITIES[name].name} against d: {'; '.join(told)}." for name, told in parts.items()}


def _goes(law: dict) -> str:
    return "falls" if law["high"] < 0 else "grows" if law["low"] > 0 else "neither surely falls nor grows"


def prediction_findings(record: Record) -> dict[str, str]:
    """The foretold fall of the losses."""
    table, summary = read_csv(record.directory.prediction), record.summary
    first, last = table.iloc[0], table.iloc[-1]
    losses = (
        f"the {s} loss from {number(first[f'{s}_loss'])} to {number(last[f'{s}_loss'])}" for s in ("train", "test")
    )
    steps = f"From step 0 to step {number(last['step'])} the {names.model(TWIN).name} brings {' and '.join(losses)}"
    return {"prediction": f"{steps}; the linear phase ends at a training loss of {number(summary['train_optimum'])}."}
