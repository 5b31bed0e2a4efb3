"""The linear models that a network is compared with: the paper's psi model, and the network's affine twin."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn import columns, companion, models, training, twin
from tf_earlydyn.config import RunConfig
from tf_earlydyn.data import Dataset
from tf_earlydyn.rundir import RunDirectory, write_model
from tf_earlydyn.theory import LinearDynamics

_BEYOND = 1e100  # in place of what has diverged, in tables of finite numbers, where squares of it must find room


class Start(NamedTuple):
    """A network's outputs f_0 at step 0 on training and test inputs, ``[n, C]``."""

    train: np.ndarray
    test: np.ndarray


class Companion(Protocol):
    """A linear model, 0 at step 0, that learns y - f_0 as the network learns y.

    Attributes:
        name: in tables and figures.
        has_constant: whether its features hold a constant.
        optimum: its least training loss.
        max_learning_rate: its largest stable one.
        half_step: where it has made half of its fall; None if not within the run.
    """

    name: str
    has_constant: bool
    optimum: float
    max_learning_rate: float
    half_step: int | None

    def learner(self) -> training.Learner | None:
        """What is to be trained beside the network, if anything is."""

    def outputs(self, split: str, step: int) -> np.ndarray:
        """Its outputs ``[n, C]`` on the training or the test inputs at ``step``, where training is."""

    def features(self, x: np.ndarray) -> np.ndarray:
        """Features of all that it can learn, ``[n, p]``, with a beta for each output."""

    def kernel(self, x: np.ndarray) -> np.ndarray:
        """Its kernel ``[n, n]``, the mean over the outputs."""

    def describe(self) -> dict:
        """What it is made of, for ``config.json``."""

    def save(self, directory: RunDirectory, step: int) -> None:
        """Writes the model of the last step to its file."""


class Psi:
    """The paper's linear model: a Keras model, trained beside the network. A ``Companion``."""

    name = columns.LINEAR

    def __init__(self, config: RunConfig, data: Dataset, start: Start) -> None:
        self.layer = companion.linear_features(config, data)
        self.model = models.LinearModel(self.layer, data.outputs, name=self.name)
        self.has_constant = self.layer.has_constant
        self._targets = data.y_train - start.train
        self._rate = config.training.learning_rate
        self._x = {"train": data.x_train, "test": data.x_test}
        dynamics = LinearDynamics.of(self.features(data.x_train), self._targets)
        self.optimum, self.max_learning_rate = dynamics.optimum, dynamics.max_learning_rate()
        self.half_step = dynamics.half_step(self._rate, config.training.steps)
        self.dynamics = dynamics
        self._predict = training.predictor(self.model)

    def learner(self) -> training.Learner:
        """It, to be trained at the network's rate."""
        return training.Learner(self.name, self.model, training.GradientDescent(self._rate), self._targets)

    def outputs(self, split: str, step: int) -> np.ndarray:
        """As ``Companion`` has it."""
        return self._predict(self._x[split])

    def features(self, x: np.ndarray) -> np.ndarray:
        """As ``Companion`` has it."""
        return np.asarray(self.layer(x), np.float64)

    def kernel(self, x: np.ndarray) -> np.ndarray:
        """As ``Companion`` has it."""
        features = self.features(x)
        return features @ features.T

    def describe(self) -> dict:
        """As ``Companion`` has it: the coefficients of psi."""
        return {name: self.layer.get_config()[name] for name in ("linear", "constant", "norm")}

    def save(self, directory: RunDirectory, step: int) -> None:
        """As ``Companion`` has it."""
        write_model(directory.linear, self.model)


class Twin:
    """The network's affine twin, whose descent is known in closed form. A ``Companion``."""

    name = columns.TWIN
    has_constant = True

    def __init__(
        self,
        config: RunConfig,
        data: Dataset,
        start: Start,
        network: keras.Model,
        layers: Sequence[str] | None,
        strategy: tf.distribute.Strategy,
    ) -> None:
        chosen: dict[str, Any] = {"sample": config.sample, "seed": config.seed, "variables": layers}
        self.model = twin.affine_twin(network, data.x_train, **chosen, show_progress=False, strategy=strategy)
        self.descent = self.model.descent(data.x_train, data.y_train - start.train, config.training.learning_rate)
        self.optimum, self.max_learning_rate = self.descent.least_loss, self.descent.max_learning_rate
        if config.training.learning_rate > self.max_learning_rate:
            warnings.warn(
                f"learning_rate={config.training.learning_rate:g} is above the largest stable rate of the affine twin, "
                f"{self.max_learning_rate:.4g}: it will diverge, as the network will at first.",
                stacklevel=2,
            )
        self.half_step = self.descent.half_step(config.training.steps)
        self._x = {"train": data.x_train, "test": data.x_test}

    def learner(self) -> None:
        """None: nothing is to be trained."""

    def outputs(self, split: str, step: int) -> np.ndarray:
        """As ``Companion`` has it."""
        outputs = self.descent.at([step], self._x[split])[0]
        return np.clip(np.nan_to_num(outputs, nan=_BEYOND), -_BEYOND, _BEYOND)

    def features(self, x: np.ndarray) -> np.ndarray:
        """As ``Companion`` has it: all that is affine in the inputs."""
        return self.model.coordinates(x)

    def kernel(self, x: np.ndarray) -> np.ndarray:
        """As ``Companion`` has it."""
        kernel = self.model.kernel(x)
        return kernel if kernel.ndim == 2 else np.einsum("ijcc->ij", kernel) / kernel.shape[-1]

    def describe(self) -> dict:
        """As ``Companion`` has it."""
        return {"features": self.model.coordinates.rank, "dropped": self.model.dropped, "clipped": self.model.clipped}

    def save(self, directory: RunDirectory, step: int) -> None:
        """As ``Companion`` has it; of outputs taken one by one there is no Keras model, and no file."""
        if self.model.crossed:
            model = self.model.linear_model()
            with np.errstate(over="ignore"):  # of a descent that diverges
                model.beta.kernel.assign(self.descent.betas([step])[0, 0])
            write_model(directory.twin, model)
