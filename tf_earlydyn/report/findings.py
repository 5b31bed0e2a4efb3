"""What the figures of a training run show, in sentences made of the numbers in its files."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from tf_earlydyn import columns, names
from tf_earlydyn.columns import NETWORK
from tf_earlydyn.report.numbers import number, share
from tf_earlydyn.report.records import Record
from tf_earlydyn.rundir import read_csv

_NEAR = 0.05  # within 5% of a linear model's loss, a network is with it


def findings(record: Record) -> dict[str, str]:
    """A text for each figure that a training run can have; of several seeds, about medians."""
    table = record.metrics.drop(columns="seed", errors="ignore").groupby("step").median()
    told: dict[str, Callable[[], str]] = {
        "losses": lambda: losses(table, record.summary),
        "gaps": lambda: gaps(table, record.summary),
        "residual": lambda: residual(table, record.summary),
        "logits": lambda: logits(read_csv(record.directory.logits), record.summary),
        "kernels": lambda: kernels(table, record.summary),
    }
    if columns.KERNEL_MOVEMENT not in table:
        del told["kernels"]
    if not (record.config["tracked"] and record.config["seeds"] == 1):
        del told["logits"]
    several = "" if record.config["seeds"] == 1 else f"Medians of {record.config['seeds']} seeds. "
    return {name: several + tell() for name, tell in told.items()}


def losses(table: pd.DataFrame, summary: dict) -> str:
    """How long the network's test loss is that of its linear models, and where its training loss ends."""
    own, parts = table[columns.loss(NETWORK, "test")], []
    for name in columns.companions(table):
        other = table[columns.loss(name, "test")]
        parts.append(f"of the {names.model(name).name}'s {_until((own - other).abs() <= _NEAR * other)}")
    trained, optimum = table[columns.loss(NETWORK, "train")], summary["linear_optimum"]
    side = "below" if trained.iloc[-1] < optimum else "above"
    ends = f"from {number(trained.iloc[0])} to {number(trained.iloc[-1])}, {side} the linear optimum, {number(optimum)}"
    return f"The network's test loss stays within {share(_NEAR)} {', and '.join(parts)}. Its training loss goes {ends}."


def gaps(table: pd.DataFrame, summary: dict) -> str:
    """The gaps on test examples half-way and at the end."""
    parts = []
    for name in columns.companions(table):
        gap = table[columns.gap(name, "test")]
        parts.append(f"to the {names.model(name).name} is {_course(gap, summary)}")
    return f"The mean squared test gap of the network {'; that '.join(parts)}."


def residual(table: pd.DataFrame, summary: dict) -> str:
    """In which part of the test examples' space the network makes its progress."""
    inside, outside = (table[columns.residual(NETWORK, part)] for part in columns.PARTS)
    texts = [
        f"by {_change(inside, step)} in V_lin and by {_change(outside, step)} outside it by {when}"
        for step, when in _moments(table, summary)
    ]
    return f"The network's test loss has changed {', and '.join(texts)}."


def logits(table: pd.DataFrame, summary: dict) -> str:
    """How far the network's outputs on the tracked examples are from its linear models'."""
    parts = []
    for name in (name for name in columns.COMPANIONS if name in table):
        apart = (table[NETWORK] - table[name]).abs().groupby(table["step"]).max()
        parts.append(f"the largest distance to the {names.model(name).name} is {_course(apart, summary)}")
    return f"Outputs on {number(table['example'].nunique())} test examples: {'; '.join(parts)}."


def kernels(table: pd.DataFrame, summary: dict) -> str:
    """How far the network's tangent kernel has moved, and from its linear models'."""
    moved = table[columns.KERNEL_MOVEMENT]
    by = (f"by {number(moved[step])} of its norm by {when}" for step, when in _moments(table, summary))
    parts = [f"The network's tangent kernel has moved {', and '.join(by)}"]
    for name in columns.companions(table):
        distance = table[columns.kernel_distance(name)]
        ends = f"{number(distance.iloc[0])} at step 0 and {number(distance.iloc[-1])} at the last"
        parts.append(f"its relative distance to the kernel of the {names.model(name).name} is {ends}")
    return f"{'; '.join(parts)}."


def _until(near: pd.Series) -> str:
    """Up to which step something holds before it first does not."""
    steps, last = near.index[np.cumsum(~near.to_numpy()) == 0], near.index[-1]
    if not len(steps):
        return "at no step"
    return f"to the last step, {number(last)}" if steps[-1] == last else f"until step {number(steps[-1])}"


def _moments(table: pd.DataFrame, summary: dict) -> list[tuple[float, str]]:
    """The half-way step, if it is known, and the last one; of seeds, the last that all have recorded by the median."""
    last, half = table.index[-1], summary["half_step"]
    moments = [(last, f"the last step ({number(last)})")]
    if half is not None and half < last:
        step = table.index[table.index <= half][-1]
        moments.insert(0, (step, f"step {number(step)} ({'about ' if 'seeds' in summary else ''}half-way)"))
    return moments


def _course(values: pd.Series, summary: dict) -> str:
    return " and ".join(f"{number(values[step])} at {when}" for step, when in _moments(values.to_frame(), summary))


def _change(values: pd.Series, step: float) -> str:
    first = values.iloc[0]
    return share((values[step] - first) / first) if first else number(values[step])
