"""Figures 1 and 2: a network and its linear model, trained side by side (Hu et al. 2020)."""

import dataclasses
import time

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn import companion, data, models, report, training
from tf_earlydyn.config import RunConfig, flagfile
from tf_earlydyn.data import Dataset
from tf_earlydyn.errors import DivergenceError, InputError
from tf_earlydyn.exits import ExitDetector
from tf_earlydyn.rundir import RunDirectory, provenance, write_json, write_text
from tf_earlydyn.seeds import Stream, generator
from tf_earlydyn.studies.kernel_probe import KernelProbe
from tf_earlydyn.studies.recording import LINEAR, NETWORK, Inputs, Recorder, TensorBoardWriter
from tf_earlydyn.theory import LinearDynamics


@dataclasses.dataclass(frozen=True)
class Setup:
    """The parts of a run, made and checked before anything is written.

    Attributes:
        config: what was asked for.
        data: the examples.
        network, linear: the two models, each zero at step 0.
        tracked: indices of the tracked test examples, ``[k]``.
        probe: indices of the training examples on which kernels are compared, ``[p]``.
        dynamics: the linear model's gradient descent in closed form.
        detector: tells where the network leaves the linear model.
        half_step: where the linear model has made half its fall; None if not within the run.
        stops: the recorded steps.
    """

    config: RunConfig
    data: Dataset
    network: keras.Model
    linear: models.LinearModel
    tracked: np.ndarray
    probe: np.ndarray
    dynamics: LinearDynamics
    detector: ExitDetector
    half_step: int | None
    stops: list[int]


def run(config: RunConfig, show_progress: bool = True) -> RunDirectory:
    """Runs ``config`` and writes its run directory.

    Raises:
        InputError: if the configuration, the data or the run directory cannot be used; nothing is written then.
        DivergenceError: if a training loss is not finite; the directory keeps what was recorded, without a summary.
    """
    directory = RunDirectory.new(config.run_dir)
    setup = prepare(config)
    directory.make()
    description = describe(setup)
    write_json(directory.config, description)
    write_text(directory.flags, flagfile(config))
    write_json(directory.provenance, provenance())
    started = time.monotonic()
    recorder = _train(setup, directory, show_progress)
    setup.network.save(directory.network)
    setup.linear.save(directory.linear)
    summary = {**summarise(setup, recorder), "training_seconds": round(time.monotonic() - started, 3)}
    report.draw_figures(directory, description, summary)
    write_json(directory.summary, summary)
    return directory


def prepare(config: RunConfig) -> Setup:
    """Loads the data and makes the models.

    Raises:
        InputError: if that cannot be done.
    """
    examples = data.load(config.data, config.seed)
    features = companion.linear_features(config, examples)
    dynamics = LinearDynamics.of(np.asarray(features(examples.x_train)), examples.y_train)
    chosen = config.training
    half_step = dynamics.half_step(chosen.learning_rate, chosen.steps)
    also = [] if half_step is None else [half_step]
    return Setup(
        config=config,
        data=examples,
        network=models.build(config.model, examples.input_shape, examples.outputs, config.seed),
        linear=models.LinearModel(features, examples.outputs, name=LINEAR),
        tracked=_tracked(config, len(examples.y_test)),
        probe=generator(config.seed, Stream.PROBE).permutation(len(examples.y_train))[: config.probe],
        dynamics=dynamics,
        detector=ExitDetector(
            np.asarray(features(examples.x_test)),
            examples.y_test,
            function_threshold=config.exit_gap,
            kernel_threshold=config.exit_kernel,
        ),
        half_step=half_step,
        stops=training.recorded_steps(chosen.steps, chosen.records_per_decade, also),
    )


def _tracked(config: RunConfig, n_test: int) -> np.ndarray:
    if config.tracked > n_test:
        raise InputError(f"tracked must be at most the {n_test} test examples. Received: tracked={config.tracked}.")
    return generator(config.seed, Stream.TRACKED).permutation(n_test)[: config.tracked]


def _train(setup: Setup, directory: RunDirectory, show_progress: bool) -> Recorder:
    """Trains both models side by side; what was recorded."""
    chosen = setup.config.training
    inputs = Inputs(tf.constant(setup.data.x_train), tf.constant(setup.data.x_test))
    probe = _kernel_probe(setup) if len(setup.probe) else None
    recorder = Recorder(
        directory, setup.data, inputs, setup.network, setup.linear, setup.tracked, probe, setup.detector
    )
    learners = (
        training.Learner(NETWORK, setup.network, training.GradientDescent(network_rates(setup.config))),
        training.Learner(LINEAR, setup.linear, training.GradientDescent(chosen.learning_rate)),
    )
    callbacks = (recorder, TensorBoardWriter(directory, recorder))
    try:
        training.train(learners, inputs.train, setup.data.y_train, setup.stops, callbacks, show_progress)
    except DivergenceError as error:
        advice = (
            f"the linear model is stable up to learning_rate={setup.dynamics.max_learning_rate():.4g}: take less, "
            f"or look at the scale of inputs and targets ({directory.path} holds what was recorded). "
            f"Received: learning_rate={chosen.learning_rate:g}."
        )
        raise DivergenceError(error.quantity, error.step, advice) from error
    return recorder


def _kernel_probe(setup: Setup) -> KernelProbe:
    rates = network_rates(setup.config)
    layers = [name for name, rate in rates.items() if rate] if isinstance(rates, dict) else None
    return KernelProbe(setup.network, setup.linear, setup.data.x_train[setup.probe], layers)


def network_rates(config: RunConfig) -> float | dict[str, float]:
    """The network's learning rate, by layer where not all layers learn."""
    rate = config.training.learning_rate
    return {
        "first": {"hidden": rate, "readout": 0.0},
        "second": {"hidden": 0.0, "readout": rate},
        "both": rate,
    }[config.training.train]


def describe(setup: Setup) -> dict:
    """The content of ``config.json``: the configuration, and what followed from it and the data."""
    examples = setup.data
    return {
        **dataclasses.asdict(setup.config),
        "sizes": {
            "n_train": len(examples.y_train),
            "n_test": len(examples.y_test),
            "outputs": examples.outputs,
            "probe": len(setup.probe),
        },
        "input_shape": list(examples.input_shape),
        "preprocessing": list(examples.preprocessing),
        "linear_features": {
            name: value
            for name, value in setup.linear.features.get_config().items()
            if name in ("linear", "constant", "norm")
        },
    }


def summarise(setup: Setup, recorder: Recorder) -> dict:
    """The content of ``summary.json``: None for the half-way step's figures where the run does not reach it."""
    step = setup.half_step
    gap = next((row["test_gap"] for row in recorder.rows if row["step"] == step), None)
    mean_square = recorder.linear_mean_squares.get(step)
    return {
        "half_step": step,
        "half_test_gap": gap,
        "half_test_gap_relative": gap / mean_square if mean_square else None,
        "exits": setup.detector.exits._asdict(),
        "linear_optimum": setup.dynamics.optimum,
        "max_learning_rate": setup.dynamics.max_learning_rate(),
        "span_dimension": recorder.span.dimension,
        "last": recorder.rows[-1],
    }
