"""What a network's training will begin like, without training it: the affine twin's learning curve."""

import dataclasses
import itertools
import warnings
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from tf_earlydyn import data, metrics, models, plots, report, training, twin
from tf_earlydyn.config import PredictionConfig, flagfile
from tf_earlydyn.data import Dataset
from tf_earlydyn.errors import InputError
from tf_earlydyn.rundir import RunDirectory, provenance, write_csv, write_json, write_text
from tf_earlydyn.studies.agreement import network_rates

_AT_ONCE = 1_000  # examples of a forward pass
_BLOWN_UP = 10.0  # times the first loss, from which on a diverging curve is not worth drawing


def run(config: PredictionConfig, show_progress: bool = True) -> RunDirectory:
    """Foretells what ``config`` asks for, and writes a directory with the curve, a summary and a figure.

    Raises:
        InputError: if the configuration, the data, the network or the directory cannot be used; nothing is written
            then.
    """
    directory = RunDirectory.new(config.run.run_dir)
    examples = data.load(config.run.data, config.run.seed)
    rows, summary = foretell(config, examples, _network(config, examples), show_progress)
    directory.make()
    sizes = {"n_train": len(examples.y_train), "n_test": len(examples.y_test), "outputs": examples.outputs}
    description = {**dataclasses.asdict(config.run), "network_file": config.network_file, "sizes": sizes}
    write_json(directory.config, description)
    write_text(directory.flags, flagfile(config))
    write_json(directory.provenance, provenance())
    write_csv(directory.prediction, rows)
    directory.figures.mkdir()
    drawing = partial(_drawn, rows=rows, optimum=summary["train_optimum"])
    report.save_figure(directory.figures / "prediction", drawing, _title(config, description))
    write_json(directory.summary, summary)
    return directory


def foretell(
    config: PredictionConfig, examples: Dataset, network: keras.Model, show_progress: bool = True
) -> tuple[list[dict], dict]:
    """The foretold losses at log-spaced steps, and what else is foretold, as ``summary.json`` has it.

    Raises:
        InputError: if the twin cannot be derived.
    """
    chosen, rates = config.run.training, network_rates(config.run)
    learning = [name for name, rate in rates.items() if rate] if isinstance(rates, dict) else None
    options = {"variables": learning, "show_progress": show_progress}
    x, x_test = examples.x_train, examples.x_test
    companion = twin.affine_twin(network, x, sample=config.sample, seed=config.run.seed, **options)
    start, start_test = (_outputs(network, inputs, examples.outputs) for inputs in (x, x_test))
    targets = examples.y_train - start
    descent = companion.descent(x, targets, chosen.learning_rate)
    limit = descent.max_learning_rate
    if chosen.learning_rate > limit:
        warnings.warn(
            f"learning_rate={chosen.learning_rate:g} is above the largest stable rate, {limit:.4g}: at first the "
            "training will diverge.",
            stacklevel=2,
        )
    steps = training.recorded_steps(chosen.steps, chosen.records_per_decade)
    table = {"step": steps}
    for split, at, f, y in (("train", x, start, examples.y_train), ("test", x_test, start_test, examples.y_test)):
        changes = descent.at(steps, at)
        with np.errstate(over="ignore", invalid="ignore"):  # of a descent that diverges
            table[f"{split}_loss"] = [metrics.half_mean_square(f + change - y) for change in changes]
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    try:
        targets_test = examples.y_test - start_test
        start_is = twin.linearity(network, companion, x_test, targets_test, seed=config.run.seed, variables=learning)
    except InputError as error:
        warnings.warn(f"how linear the start is cannot be told from the test examples: {error}", stacklevel=2)
        start_is = None
    return list(itertools.takewhile(lambda row: row["train_loss"] <= _BLOWN_UP * rows[0]["train_loss"], rows)), {
        "max_learning_rate": limit,
        "train_optimum": metrics.half_mean_square(start + descent.optimum() - examples.y_train),
        "test_optimum": metrics.half_mean_square(start_test + descent.optimum(x_test) - examples.y_test),
        "linearity": start_is and start_is._asdict(),
        "clipped": companion.clipped,
        "dropped": companion.dropped,
    }


def in_words(summary: dict) -> str:
    """What a summary says, in lines to be printed."""
    ends = f"{summary['train_optimum']:.4f} (train), {summary['test_optimum']:.4f} (test)"
    lines = [
        f"Largest stable learning rate: {summary['max_learning_rate']:.4g}",
        f"The linear phase ends at a loss of {ends}",
    ]
    if linearity := summary["linearity"]:
        lines.append(
            f"How linear the start is, 1 for a linear network: {linearity['labels']:.2f} for these labels, "
            f"{linearity['kernel']:.2f} beyond the kernel's leading modes"
        )
    return "\n".join(lines)


def _network(config: PredictionConfig, examples: Dataset) -> keras.Model:
    if config.network_file is None:
        return models.build(config.run.model, examples.input_shape, examples.outputs, config.run.seed)
    path = Path(config.network_file).expanduser()
    if path.suffix != ".keras":
        raise InputError(f"network_file must be a .keras file. Received: {path}.")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # of Keras, of the file system, or of a layer's own code
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"network_file must be a Keras model that loads in safe mode. Received: {path}: {reason}"
        ) from error


def _outputs(network: keras.Model, x: np.ndarray, outputs: int) -> np.ndarray:
    """``[n, C]`` in float64."""
    blocks = (network(x[start : start + _AT_ONCE], training=False) for start in range(0, len(x), _AT_ONCE))
    found = np.concatenate([np.asarray(block, np.float64).reshape(len(block), -1) for block in blocks])
    if found.shape[1] != outputs:
        raise InputError(f"the network must have the {outputs} outputs of the targets. Received: {found.shape[1]}.")
    return found


def _drawn(ax, rows: list[dict], optimum: float):
    return plots.prediction(pd.DataFrame(rows), ax, optimum)


def _title(config: PredictionConfig, description: dict) -> str:
    if config.network_file is None:
        return report.title(description)
    name = Path(config.network_file).name[-30:].replace("$", r"\$")
    return f"{name}, $\\eta$ = {config.run.training.learning_rate:g}\n{report.title(description).splitlines()[1]}"
