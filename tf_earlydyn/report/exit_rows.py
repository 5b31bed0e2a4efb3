"""Where a network left its linear models, beside the time that theory gives it."""

import math
from collections.abc import Iterator

from tf_earlydyn import columns, names
from tf_earlydyn.columns import LINEAR
from tf_earlydyn.report.groups import EXITS
from tf_earlydyn.report.numbers import NONE, number
from tf_earlydyn.report.records import Record
from tf_earlydyn.report.rows import Row


def exit_rows(record: Record) -> Iterator[Row]:
    """By its function and its loss for each linear model, and by its kernel if that was recorded."""
    config, last = record.config, int(record.metrics["step"].max())
    ways = {
        "function": f"test gap above {config['exit_gap']:g} of the mean of f_lin²",
        "loss": "test loss below what its features allow",
    }
    exits = {name: companion["exits"] for name, companion in record.summary["companions"].items()}
    for name, found in exits.items():
        model = names.model(name).short
        for kind, way in ways.items():
            yield Row(EXITS, f"{model}, by {kind}: {way}", _time(config, name), _exit(found[kind], last))
    if columns.KERNEL_MOVEMENT in record.metrics:
        way = f"By kernel: moved by more than {config['exit_kernel']:g} of its norm"
        kernel, *_ = (found["kernel"] for found in exits.values())  # the same whatever the linear model
        yield Row(EXITS, way, NONE, _exit(kernel, last))


def _time(config: dict, name: str) -> str:
    """The order of the theorem's T, up to a constant that it does not give."""
    if name != LINEAR or config["model"]["model"] != "two_layer":
        return NONE
    d = math.prod(config["input_shape"])
    return f"after T = c · {number(round(d * math.log(d) / config['training']['learning_rate']))}"


def _exit(found: float | dict | None, last: int) -> str:
    """An exit of one seed, or over several: the median and its interval."""
    never = f"not by step {number(last)}"
    if not isinstance(found, dict):
        return never if found is None else f"step {number(found)}"
    if found["low"] is None:
        return never
    beyond = f"beyond step {number(last)}"
    median, high = (beyond if found[name] is None else number(found[name]) for name in ("median", "high"))
    return f"median {median}, {100 * found['confidence']:.0f}% interval {number(found['low'])} to {high}"
