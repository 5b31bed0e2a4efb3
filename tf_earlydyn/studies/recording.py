"""What is recorded of a network and its linear model at a step, and where it goes."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn import metrics
from tf_earlydyn.data import Dataset
from tf_earlydyn.errors import DivergenceError
from tf_earlydyn.exits import ExitDetector
from tf_earlydyn.models import LinearModel
from tf_earlydyn.rundir import RunDirectory, write_csv
from tf_earlydyn.studies.kernel_probe import KernelProbe

NETWORK, LINEAR = "network", "linear"


class Inputs(NamedTuple):
    """Training and test inputs on the device, ``[n, ...]``: put there once, for training and recording."""

    train: tf.Tensor
    test: tf.Tensor


class Recorder:
    """A training callback: at each step one row of ``metrics.csv``, and the tracked outputs in ``logits.csv``.

    Args:
        directory: where the run is written.
        data: the examples.
        inputs: those of ``data``, on the device.
        network, linear: the two models.
        tracked: indices of the tracked test examples.
        probe: compares the tangent kernels, if they are recorded.
        detector: is told of the test outputs at each step, if given.

    Attributes:
        rows: the rows of ``metrics.csv`` so far.
        linear_mean_squares: the mean of f_lin^2 over the test examples, by step.
        span: V_lin, over the test examples.
    """

    def __init__(
        self,
        directory: RunDirectory,
        data: Dataset,
        inputs: Inputs,
        network: keras.Model,
        linear: LinearModel,
        tracked: np.ndarray,
        probe: KernelProbe | None = None,
        detector: ExitDetector | None = None,
    ) -> None:
        self.rows: list[dict] = []
        self.linear_mean_squares: dict[int, float] = {}
        self._logits: list[dict] = []
        self._directory = directory
        self._data = data
        self._inputs = inputs
        self._tracked = tracked
        self._probe = probe
        self._detector = detector
        self.span = metrics.InputSpan(data.x_test, constant=linear.features.has_constant)
        if self.span.dimension == len(data.y_test):
            warnings.warn(
                f"n_test={len(data.y_test)} examples span all of V_lin, and no residual is outside it: take more.",
                stacklevel=2,
            )
        self._predictors = {NETWORK: _compiled(network), LINEAR: _compiled(linear)}

    def __call__(self, step: int) -> None:
        """Records ``step``.

        Raises:
            DivergenceError: if a training loss is not finite in the precision of training, or another number at all.
        """
        train = {name: predict(self._inputs.train).numpy() for name, predict in self._predictors.items()}
        test = {name: predict(self._inputs.test).numpy() for name, predict in self._predictors.items()}
        row = {**self._row(step, train, test), **(self._probe.measure() if self._probe else {})}
        for column, value in row.items():
            if not np.isfinite(self._as_trained(value) if column.endswith("train_loss") else value):
                raise DivergenceError(column.replace("_", " "), step)
        self.rows.append(row)
        self.linear_mean_squares[step] = 2 * metrics.half_mean_square(test[LINEAR])
        if self._detector:
            self._detector.update(step, test[NETWORK], test[LINEAR], row.get("kernel_movement"))
        self._logits += self._tracked_outputs(step, test)
        write_csv(self._directory.metrics, self.rows)
        write_csv(self._directory.logits, self._logits, ("step", "example", "output", "target", *self._predictors))

    def _as_trained(self, value: float) -> np.floating:
        """A float64 value in the dtype of training, infinite where it overflows there."""
        with np.errstate(over="ignore"):
            return self._data.y_train.dtype.type(value)

    def _row(self, step: int, train: dict[str, np.ndarray], test: dict[str, np.ndarray]) -> dict:
        y_train, y_test = self._data.y_train, self._data.y_test
        residuals = {name: metrics.difference(outputs, y_test) for name, outputs in test.items()}
        parts = {name: self.span.split(residual) for name, residual in residuals.items()}
        return {
            "step": step,
            **{
                f"{name}_{split}_loss": metrics.half_mean_square(residual)
                for name in self._predictors
                for split, residual in (("train", metrics.difference(train[name], y_train)), ("test", residuals[name]))
            },
            "train_gap": metrics.mean_squared_gap(train[NETWORK], train[LINEAR]),
            "test_gap": metrics.mean_squared_gap(test[NETWORK], test[LINEAR]),
            **{f"{name}_test_accuracy": metrics.accuracy(outputs, y_test) for name, outputs in test.items()},
            **{
                f"{name}_residual_{part}": energy
                for name, energies in parts.items()
                for part, energy in zip(("in", "out"), energies, strict=True)
            },
        }

    def _tracked_outputs(self, step: int, test: dict[str, np.ndarray]) -> list[dict]:
        return [
            {
                "step": step,
                "example": int(example),
                "output": output,
                "target": float(self._data.y_test[example, output]),
                **{name: float(outputs[example, output]) for name, outputs in test.items()},
            }
            for example in self._tracked
            for output in range(self._data.outputs)
        ]


def _compiled(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    return tf.function(lambda x: model(x, training=False), jit_compile=True)


class TensorBoardWriter:
    """A training callback that writes the recorder's newest row as TensorBoard scalars."""

    _TAGS = (
        ("loss/network_train", "network_train_loss"),
        ("loss/network_test", "network_test_loss"),
        ("loss/linear_train", "linear_train_loss"),
        ("loss/linear_test", "linear_test_loss"),
        ("gap/train", "train_gap"),
        ("gap/test", "test_gap"),
        ("accuracy/network", "network_test_accuracy"),
        ("accuracy/linear", "linear_test_accuracy"),
        ("residual/network_in", "network_residual_in"),
        ("residual/network_out", "network_residual_out"),
        ("residual/linear_in", "linear_residual_in"),
        ("residual/linear_out", "linear_residual_out"),
        ("kernel/to_linear", "kernel_to_linear"),
        ("kernel/movement", "kernel_movement"),
        ("kernel/alignment", "kernel_alignment"),
    )

    def __init__(self, directory: RunDirectory, recorder: Recorder) -> None:
        self._writer = tf.summary.create_file_writer(str(directory.events))
        self._recorder = recorder

    def __call__(self, step: int) -> None:
        """Writes the row, which is of ``step``."""
        row = self._recorder.rows[-1]
        with self._writer.as_default(), np.errstate(over="ignore"):
            for tag, column in ((tag, column) for tag, column in self._TAGS if column in row):
                tf.summary.scalar(tag, np.float32(row[column]), step=step)
        self._writer.flush()
