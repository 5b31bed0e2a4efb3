"""How far two-layer networks go from their linear models in training (Hu et al. 2020, Section 3)."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import tensorflow as tf

from tf_earlydyn import metrics, training
from tf_earlydyn.config import KernelStudyConfig
from tf_earlydyn.errors import DivergenceError
from tf_earlydyn.studies.companions import Psi
from tf_earlydyn.studies.setup import Setup, network_rates, prepare

_RECORDS_PER_DECADE = 20


def training_gaps(config: KernelStudyConfig) -> Iterator[list[dict]]:
    """The largest mean of (f_t - f_lin_t)^2 over steps t <= T = c d log d / eta: rows of ``gaps.csv``.

    One list for each dimension and seed, with a row for each choice of layers. The largest is that over log-spaced
    steps, T among them. ``learned`` is how much of its fall, from its first loss to its optimum, the linear model
    makes by T.
    """
    for d in config.dims:
        for seed in range(config.first_seed, config.first_seed + config.seeds):
            setups = {layers: prepare(config.run(d, layers, seed)) for layers in config.layers}
            gaps = _train(setups)
            yield [_row(config, d, setup, gaps.largest[layers]) for layers, setup in setups.items()]


def _train(setups: dict[str, Setup]) -> "_Gaps":
    """Trains all networks and linear models in one loop, on the data that they share."""
    first = next(iter(setups.values()))
    rate, steps = first.config.training.learning_rate, first.config.training.steps
    learners = []
    for layers, setup in setups.items():
        rates = network_rates(setup.config)
        learners.append(training.Learner(f"network ({layers})", setup.network, training.GradientDescent(rates)))
        learners.append(training.Learner(f"linear ({layers})", _psi(setup).model, training.GradientDescent(rate)))
    gaps = _Gaps(setups, first.data.x_train, first.data.x_test)
    stops = training.recorded_steps(steps, _RECORDS_PER_DECADE)
    try:
        training.train(learners, first.data.x_train, first.data.y_train, stops, [gaps], False, strategy=first.strategy)
    except DivergenceError as error:
        stable = min(setup.companions[0].max_learning_rate for setup in setups.values())
        advice = (
            f"with d={first.data.x_train.shape[1]} the linear models are stable up to learning_rate={stable:.4g}: "
            f"take less. Received: learning_rate={rate:g}."
        )
        raise DivergenceError(error.quantity, error.step, advice) from error
    return gaps


def _psi(setup: Setup) -> Psi:
    return cast(Psi, setup.companions[0])  # which is what a study of kernels compares with


class _Gaps:
    """A training callback that keeps, for each choice of layers, the largest train gap and test gap so far."""

    def __init__(self, setups: dict[str, Setup], x_train: np.ndarray, x_test: np.ndarray) -> None:
        self.largest = {layers: {"train_gap": 0.0, "test_gap": 0.0} for layers in setups}
        self._setups = setups
        self._inputs = {"train_gap": tf.constant(x_train), "test_gap": tf.constant(x_test)}

    def __call__(self, step: int) -> None:
        for layers, setup in self._setups.items():
            largest = self.largest[layers]
            for name, x in self._inputs.items():
                gap = metrics.mean_squared_gap(setup.network(x).numpy(), _psi(setup).model(x).numpy())
                largest[name] = max(largest[name], gap)


def _row(config: KernelStudyConfig, d: int, setup: Setup, gaps: dict[str, float]) -> dict:
    run, dynamics = setup.config, _psi(setup).dynamics
    (last_loss,) = dynamics.losses(config.learning_rate, [run.training.steps])
    return {
        "d": d,
        "n": run.data.n_train,
        "m": run.model.width,
        "seed": run.seed,
        "layers": run.training.train,
        "steps": run.training.steps,
        **gaps,
        "learned": float((dynamics.first_loss - last_loss) / (dynamics.first_loss - dynamics.optimum)),
    }
