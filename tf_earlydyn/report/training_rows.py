"""What theory foretells of a training run beside what was measured."""

import math
from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from tf_earlydyn import columns, names
from tf_earlydyn.columns import LINEAR, NETWORK
from tf_earlydyn.report.exit_rows import exit_rows
from tf_earlydyn.report.groups import HALF_WAY, KERNELS, LAST, MOMENTS, POWERS, STABILITY
from tf_earlydyn.report.numbers import NONE, number, over
from tf_earlydyn.report.records import Record
from tf_earlydyn.report.rows import Row

_SYMBOLS = {
    "zeta": "ζ = E[φ′(g)]",
    "nu": "ν = E[g φ′(g)] √(Tr Σ² / d)",
    "theta0": "θ₀ = E[φ(g)]",
    "theta1": "θ₁ = E[g φ′(g)]",
    "theta2": "θ₂ = E[(g³/2 − g) φ′(g)]",
}
_VANISHES = "to 0 as d, n and m grow"
Read = Callable[[Record], float | str | None]
Step = Callable[[Record], float | None]


def rows(record: Record) -> list[Row]:
    """All there are of a run, of one seed or of several."""
    seeds, models = record.seeds, list(record.summary["companions"])
    found = [*_moments(seeds), *_half_way(seeds, models), *_powers(seeds, models), *_last(seeds, models)]
    return [*found, *exit_rows(record), *_stability(seeds, models), *_kernels(seeds, models)]


def of_column(column: str, step: Step) -> Read:
    """What reads a column of ``metrics.csv`` at a step that a run names; None where it has no such column."""

    def read(run: Record) -> float | None:
        row = run.metrics.loc[run.metrics["step"] == step(run)]
        return float(row[column].iloc[0]) if column in row and len(row) else None

    return read


def _of_companion(name: str, key: str) -> Read:
    """What reads the summary's entry for a linear model."""
    return lambda run: run.summary["companions"][name][key]


def _at(step: float) -> Step:
    return lambda _: step


def last_step(run: Record) -> int:
    """The last recorded step."""
    return int(run.metrics["step"].iloc[-1])


def half_step(run: Record) -> int | None:
    """The half-way step, if the run reaches it."""
    return run.summary["half_step"]


def splits_residual(run: Record) -> bool:
    """Whether a part of the test examples' residual can lie outside V_lin."""
    return run.summary["span_dimension"] < run.config["sizes"]["n_test"]


def _row(group: str, quantity: str, seeds: Sequence[Record], foretold: Read | str, measured: Read | str) -> Row:
    texts = (read if isinstance(read, str) else over(map(read, seeds)) for read in (foretold, measured))
    return Row(group, quantity, *texts)


def _moments(seeds: Sequence[Record]) -> Iterator[Row]:
    """Of a two-layer network alone: those of other networks are not recorded."""
    if all(run.config.get("moments") for run in seeds):
        for name, symbol in _SYMBOLS.items():
            foretold, measured = (
                lambda run, kind=kind, name=name: run.config["moments"][kind][name] for kind in ("theory", "network")
            )
            yield _row(MOMENTS, symbol, seeds, foretold, measured)


def _half_way(seeds: Sequence[Record], models: Sequence[str]) -> Iterator[Row]:
    quantity = f"The step itself, of {names.model(models[0]).short}"
    unreached = [f"not by step {number(last_step(run))}" if half_step(run) is None else None for run in seeds]
    if any(unreached):
        yield Row(HALF_WAY, quantity, over(text or "reached" for text in unreached), NONE)
        return
    yield _row(HALF_WAY, quantity, seeds, half_step, _own_half_step)
    yield from _beside(HALF_WAY, seeds, models, half_step)
    for name in models:
        yield _row(
            HALF_WAY,
            f"Test gap over the mean of f_lin², {names.model(name).short}",
            seeds,
            _claim(name),
            _of_companion(name, "half_test_gap_relative"),
        )


def _own_half_step(run: Record) -> float | str:
    """The first recorded step at which the network itself has fallen as far as its linear model has half-way."""
    first = next(iter(run.summary["companions"].values()))
    losses = run.metrics[columns.loss(NETWORK, "train")]
    there = run.metrics["step"][losses <= (losses.iloc[0] + first["optimum"]) / 2]
    return float(there.iloc[0]) if len(there) else f"not by step {number(last_step(run))}"


def _beside(group: str, seeds: Sequence[Record], models: Sequence[str], step: Step) -> Iterator[Row]:
    """The linear models' losses beside the network's, by their parts, and the gaps, at a step."""
    quantities = {"Training loss": lambda model: columns.loss(model, "train")}
    quantities["Test loss"] = lambda model: columns.loss(model, "test")
    if all(map(splits_residual, seeds)):
        quantities["Test loss in V_lin"] = lambda model: columns.residual(model, "in")
        quantities["Test loss outside V_lin"] = lambda model: columns.residual(model, "out")
    for quantity, column in quantities.items():
        for name in models:
            foretold, measured = (of_column(column(model), step) for model in (name, NETWORK))
            yield _row(group, f"{quantity}, {names.model(name).short}", seeds, foretold, measured)
    for name in models:
        measured = of_column(columns.gap(name, "test"), step)
        claim = _claim(name) if group == HALF_WAY else NONE  # of the last step, which may be after T, there is none
        yield _row(group, f"Test gap, mean (f − f_lin)², {names.model(name).short}", seeds, claim, measured)


def _claim(name: str) -> str:
    return _VANISHES if name == LINEAR else NONE


def _powers(seeds: Sequence[Record], models: Sequence[str]) -> Iterator[Row]:
    """At the powers of ten that all seeds have recorded."""
    steps = set.intersection(*(set(run.metrics["step"]) for run in seeds))
    for step in sorted(step for step in steps if step and math.log10(step).is_integer()):
        for name in models:
            foretold, measured = (of_column(columns.loss(m, "test"), _at(step)) for m in (name, NETWORK))
            yield _row(
                POWERS, f"Test loss at step {number(step)}, {names.model(name).short}", seeds, foretold, measured
            )


def _last(seeds: Sequence[Record], models: Sequence[str]) -> Iterator[Row]:
    yield _row(LAST, "The step itself", seeds, NONE, last_step)
    for name in models:
        yield _row(
            LAST,
            f"Least training loss that it can reach, {names.model(name).short}",
            seeds,
            _of_companion(name, "optimum"),
            NONE,
        )
    yield from _beside(LAST, seeds, models, last_step)


def _stability(seeds: Sequence[Record], models: Sequence[str]) -> Iterator[Row]:
    for name in models:
        yield _row(
            STABILITY,
            f"Largest stable learning rate, 2 / λ_max, {names.model(name).short}",
            seeds,
            _of_companion(name, "max_learning_rate"),
            _rises,
        )


def _rises(run: Record) -> str:
    """How the training loss went at the rate that was taken, of which the recorded steps tell."""
    losses: pd.Series = run.metrics[columns.loss(NETWORK, "train")]
    rate = f"at η = {run.config['training']['learning_rate']:g}"
    if (rises := int((losses.diff() > 0).sum())) == 0:
        return f"{rate} the training loss rose at no recorded step"
    worst = losses.max() / losses.iloc[0]
    height = "never above the first" if worst <= 1 else f"to {number(worst)} times the first at most"
    return f"{rate} it rose at {rises} of {len(losses) - 1} recorded steps, {height}"


def _kernels(seeds: Sequence[Record], models: Sequence[str]) -> Iterator[Row]:
    if not all(columns.KERNEL_MOVEMENT in run.metrics for run in seeds):
        return
    for name in models:
        distance, cosine = (of_column(column(name), _at(0)) for column in _COMPARISONS)
        of = f"the network's kernel at step 0 and {names.model(name).short}"
        # What the paper bounds is another distance: the spectral norm on n points, many more than d.
        yield _row(KERNELS, f"Relative distance of {of}", seeds, NONE, distance)
        yield _row(KERNELS, f"Cosine of {of}", seeds, NONE, cosine)
    for when, step in (("half-way", half_step), ("last", last_step)):
        if all(step(run) is not None for run in seeds):
            moved = of_column(columns.KERNEL_MOVEMENT, step)
            yield _row(KERNELS, f"Relative movement since step 0, by the {when} step", seeds, NONE, moved)


_COMPARISONS = (columns.kernel_distance, columns.kernel_alignment)
