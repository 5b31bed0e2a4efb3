"""The parts of a run, made and checked before anything is trained or written."""

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn import data, models, training
from tf_earlydyn.config import RunConfig
from tf_earlydyn.data import Dataset
from tf_earlydyn.distribution import make_strategy, on_one_device
from tf_earlydyn.errors import InputError
from tf_earlydyn.exits import ExitDetector
from tf_earlydyn.seeds import Stream, generator
from tf_earlydyn.studies.companions import Companion, Psi, Start, Twin
from tf_earlydyn.training.layout import require_an_example_each


@dataclasses.dataclass(frozen=True)
class Setup:
    """The parts of a run.

    Attributes:
        config: what was asked for.
        strategy: where it is computed.
        data: the examples.
        network: the network, at step 0.
        predict: its outputs of the moment on the training or the test inputs, by name of the split.
        start: f_0, its outputs at step 0.
        companions: its linear models; the run's half-way step is the first one's.
        detectors: tell where the network leaves each of them.
        tracked: indices of the tracked test examples, ``[k]``.
        probe: indices of the training examples on which kernels are compared, ``[p]``.
        stops: the recorded steps.
    """

    config: RunConfig
    strategy: tf.distribute.Strategy
    data: Dataset
    network: keras.Model
    predict: Callable[[str], np.ndarray]
    start: Start
    companions: tuple[Companion, ...]
    detectors: tuple[ExitDetector, ...]
    tracked: np.ndarray
    probe: np.ndarray
    stops: list[int]


def prepare(config: RunConfig) -> Setup:
    """Loads the data and makes the models.

    Raises:
        InputError: if that cannot be done.
    """
    strategy = make_strategy(config.execution)
    examples = data.load(config.data, config.seed).as_type(config.execution.dtype)
    require_an_example_each(len(examples.y_train), strategy.num_replicas_in_sync)
    with keras_dtype(config.execution.dtype):
        return _prepare(config, examples, strategy)


@contextlib.contextmanager
def keras_dtype(dtype: str) -> Iterator[None]:
    """Within this context, Keras makes layers of ``dtype``."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _prepare(config: RunConfig, examples: Dataset, strategy: tf.distribute.Strategy) -> Setup:
    tracked = _tracked(config, len(examples.y_test))
    network = models.build(config.model, examples.input_shape, examples.outputs, config.seed)
    if not on_one_device(strategy):
        training.traits([network], examples.x_train, shared=True)  # refuses what cannot be shared out
    outputs = training.predictor(network)
    x = {"train": examples.x_train, "test": examples.x_test}
    start = Start(**{split: outputs(inputs) for split, inputs in x.items()})
    if np.any(start.train):
        warnings.warn(
            "the network is not 0 at step 0: its linear models learn y - f_0, and it is f - f_0 that is compared.",
            stacklevel=2,
        )
    companions = _companions(config, examples, network, start, strategy)
    half_step, chosen = companions[0].half_step, config.training
    return Setup(
        config=config,
        strategy=strategy,
        data=examples,
        network=network,
        predict=lambda split: outputs(x[split]),
        start=start,
        companions=companions,
        detectors=tuple(_detector(config, examples, start, companion) for companion in companions),
        tracked=tracked,
        probe=generator(config.seed, Stream.PROBE).permutation(len(examples.y_train))[: config.probe],
        stops=training.recorded_steps(
            chosen.steps, chosen.records_per_decade, [] if half_step is None else [half_step]
        ),
    )


def _companions(
    config: RunConfig, examples: Dataset, network: keras.Model, start: Start, strategy: tf.distribute.Strategy
) -> tuple[Companion, ...]:
    chosen: list[Companion] = []
    if config.companion != "twin":
        chosen.append(Psi(config, examples, start))
    if config.companion != "psi":
        try:
            chosen.append(Twin(config, examples, start, network, learning_layers(config), strategy))
        except InputError as error:
            if config.companion == "twin" or config.sample is not None:
                raise
            warnings.warn(f"the network has no affine twin here, and psi alone is its companion: {error}", stacklevel=2)
    return tuple(chosen)


def _detector(config: RunConfig, examples: Dataset, start: Start, companion: Companion) -> ExitDetector:
    return ExitDetector(
        companion.features(examples.x_test),
        examples.y_test - start.test,
        function_threshold=config.exit_gap,
        kernel_threshold=config.exit_kernel,
    )


def _tracked(config: RunConfig, n_test: int) -> np.ndarray:
    if config.tracked > n_test:
        raise InputError(f"tracked must be at most the {n_test} test examples. Received: tracked={config.tracked}.")
    return generator(config.seed, Stream.TRACKED).permutation(n_test)[: config.tracked]


def learning_layers(config: RunConfig) -> list[str] | None:
    """Names of the network's layers that learn; None where all do."""
    rates = network_rates(config)
    return [name for name, rate in rates.items() if rate] if isinstance(rates, dict) else None


def network_rates(config: RunConfig) -> float | dict[str, float]:
    """The network's learning rate, by layer where not all layers learn."""
    rate = config.training.learning_rate
    rates: dict[str, float | dict[str, float]] = {
        "first": {"hidden": rate, "readout": 0.0},
        "second": {"hidden": 0.0, "readout": rate},
        "both": rate,
    }
    return rates[config.training.train]
