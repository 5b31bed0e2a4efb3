"""What a network's training will begin like, without training it: the affine twin's learning curve."""

import itertools
import time
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn import data, metrics, models, report, training, twin
from tf_earlydyn.config import RunConfig, flagfile
from tf_earlydyn.data import Dataset
from tf_earlydyn.distribution import is_chief, make_strategy
from tf_earlydyn.errors import InputError
from tf_earlydyn.rundir import RunDirectory, write_csv, write_json, write_origin
from tf_earlydyn.studies.description import describe_run
from tf_earlydyn.studies.setup import keras_dtype, learning_layers
from tf_earlydyn.studies.together import require_one_run
from tf_earlydyn.twin.inputs import outputs_of

__all__ = ["foretell", "in_words", "run"]
_BLOWN_UP = 10.0  # times the first loss, from which on a diverging curve is not worth drawing


def run(config: RunConfig, show_progress: bool = True) -> RunDirectory | None:
    """Foretells the run that ``config`` asks for, and writes a directory with the curve, a summary and a figure.

    Of several workers the first one writes; the others get None.

    Args:
        config: the run.
        show_progress: whether there is a progress bar.

    Raises:
        InputError: if the configuration, the data, the network or the directory cannot be used; nothing is written
            then.
        WorkerError: if another worker has ended, or was given another run.
    """
    _require_one_twin(config)
    strategy = make_strategy(config.execution)
    directory = RunDirectory.new(config.run_dir) if is_chief(strategy) else None
    require_one_run(config, strategy)
    examples = data.load(config.data, config.seed).as_type(config.execution.dtype)
    with keras_dtype(config.execution.dtype):
        network = models.build(config.model, examples.input_shape, examples.outputs, config.seed)
    started = time.monotonic()
    rows, summary = foretell(config, examples, network, show_progress and directory is not None, strategy)
    summary["seconds"] = round(time.monotonic() - started, 3)
    if directory is None:
        return None
    directory.make()
    description = describe_run(config, examples)
    write_origin(directory, description, flagfile(config))
    write_csv(directory.prediction, rows)
    report.draw_prediction(directory, description, summary)
    report.write([report.Record(directory, description, summary)])
    write_json(directory.summary, summary)
    return directory


def _require_one_twin(config: RunConfig) -> None:
    if config.companion == "psi":
        raise InputError("it is the affine twin that foretells; take companion=twin. Received: companion=psi.")
    if config.seeds != 1:
        raise InputError(f"one run is foretold; take seeds=1. Received: seeds={config.seeds}.")


def foretell(
    config: RunConfig,
    examples: Dataset,
    network: keras.Model,
    show_progress: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> tuple[list[dict], dict]:
    """The foretold losses at log-spaced steps, and what else is foretold, as ``summary.json`` has it.

    Args:
        config: the run.
        examples: its data.
        network: at step 0.
        show_progress: whether there is a progress bar.
        strategy: where it is computed, as in ``affine_twin``.

    Raises:
        InputError: if the twin cannot be derived.
    """
    chosen, learning = config.training, learning_layers(config)
    options: dict[str, Any] = {"variables": learning, "show_progress": show_progress, "strategy": strategy}
    x, x_test = examples.x_train, examples.x_test
    companion = twin.affine_twin(network, x, sample=config.sample, seed=config.seed, **options)
    start, start_test = (outputs_of(network, inputs) for inputs in (x, x_test))
    descent = companion.descent(x, examples.y_train - start, chosen.learning_rate)
    limit = descent.max_learning_rate
    if chosen.learning_rate > limit:
        warnings.warn(
            f"learning_rate={chosen.learning_rate:g} is above the largest stable rate, {limit:.4g}: at first the "
            "training will diverge.",
            stacklevel=2,
        )
    steps = training.recorded_steps(chosen.steps, chosen.records_per_decade)
    table: dict[str, list] = {"step": steps}
    for split, at, f, y in (("train", x, start, examples.y_train), ("test", x_test, start_test, examples.y_test)):
        with np.errstate(over="ignore", invalid="ignore"):  # of a descent that diverges
            table[f"{split}_loss"] = [metrics.half_mean_square(f + change - y) for change in descent.at(steps, at)]
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    return list(itertools.takewhile(lambda row: row["train_loss"] <= _BLOWN_UP * rows[0]["train_loss"], rows)), {
        "max_learning_rate": limit,
        "train_optimum": descent.least_loss,
        "test_optimum": metrics.half_mean_square(start_test + descent.optimum(x_test) - examples.y_test),
        "linearity": _linearity(config, network, companion, x_test, examples.y_test - start_test, strategy),
        "clipped": companion.clipped,
        "dropped": companion.dropped,
        "zero_at_step_0": not np.any(start),
    }


def _linearity(
    config: RunConfig,
    network: keras.Model,
    companion: twin.AffineTwin,
    x: np.ndarray,
    y: np.ndarray,
    strategy: tf.distribute.Strategy | None,
) -> dict | None:
    """How linear the start is, on test examples; None where these cannot tell."""
    try:
        options: dict[str, Any] = {"seed": config.seed, "variables": learning_layers(config), "strategy": strategy}
        return twin.linearity(network, companion, x, y, **options)._asdict()
    except InputError as error:
        warnings.warn(f"how linear the start is cannot be told from the test examples: {error}", stacklevel=2)
        return None


def in_words(config: dict, summary: dict) -> str:
    """What is foretold, and of which inputs, in lines to be printed.

    Args:
        config: the content of ``config.json``.
        summary: the content of ``summary.json``.
    """
    ends = f"{summary['train_optimum']:.4f} (train), {summary['test_optimum']:.4f} (test)"
    lines = [
        f"Inputs: {', '.join(config['preprocessing']) or 'as they are'}",
        f"Largest stable learning rate: {summary['max_learning_rate']:.4g}",
        f"The linear phase ends at a loss of {ends}",
    ]
    if linearity := summary["linearity"]:
        lines.append(
            f"How linear the start is, 1 for a linear network: {linearity['labels']:.2f} for these labels, "
            f"{linearity['kernel']:.2f} beyond the kernel's leading modes"
        )
    if not summary["zero_at_step_0"]:
        lines.append("The network is not 0 at step 0: it is f - f_0 that its twin foretells, from y - f_0")
    return "\n".join(lines)
