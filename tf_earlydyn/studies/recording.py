"""What is recorded of a network and its linear models at a step."""

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from tf_earlydyn import columns, metrics
from tf_earlydyn.columns import NETWORK
from tf_earlydyn.data import Dataset
from tf_earlydyn.errors import DivergenceError
from tf_earlydyn.exits import ExitDetector
from tf_earlydyn.rundir import RunDirectory, write_csv
from tf_earlydyn.studies.companions import Companion, Start
from tf_earlydyn.studies.kernel_probe import KernelProbe


class Recorder:
    """A training callback: at each step one row of ``metrics.csv``, and the tracked outputs in ``logits.csv``.

    A companion's outputs are taken to be f_0 + f_lin, f_0 the network's at step 0.

    Args:
        directory: where the run is written.
        data: the examples.
        network: gives the network's outputs of the moment on the training or test inputs, by name of the split.
        companions: the linear models.
        start: f_0.
        tracked: indices of the tracked test examples.
        detectors: one for each companion, that is told of the test outputs.
        probe: compares the tangent kernels, if they are recorded.

    Attributes:
        rows: the rows of ``metrics.csv`` so far.
        mean_squares: the mean of f_lin^2 over the test examples, by companion and step.
        span: V_lin, over the test examples.
    """

    def __init__(
        self,
        directory: RunDirectory,
        data: Dataset,
        network: Callable[[str], np.ndarray],
        companions: Sequence[Companion],
        start: Start,
        tracked: np.ndarray,
        detectors: Sequence[ExitDetector],
        probe: KernelProbe | None = None,
    ) -> None:
        self.rows: list[dict] = []
        self.mean_squares: dict[str, dict[int, float]] = {companion.name: {} for companion in companions}
        self._logits: list[dict] = []
        self._directory = directory
        self._data = data
        self._network = network
        self._companions = tuple(companions)
        self._start = start
        self._tracked = tracked
        self._detectors = tuple(detectors)
        self._probe = probe
        self.span = metrics.InputSpan(data.x_test, constant=companions[0].has_constant)
        if self.span.dimension == len(data.y_test):
            warnings.warn(
                f"n_test={len(data.y_test)} examples span all of V_lin, and no residual is outside it: take more.",
                stacklevel=2,
            )

    def __call__(self, step: int) -> None:
        """Records ``step``.

        Raises:
            DivergenceError: if a training loss is not finite in the precision of training, or another number at all.
        """
        changes = {
            split: {companion.name: companion.outputs(split, step) for companion in self._companions}
            for split in columns.SPLITS
        }
        outputs = {
            split: {
                NETWORK: self._network(split),
                **{name: getattr(self._start, split) + change for name, change in changes[split].items()},
            }
            for split in columns.SPLITS
        }
        row = {**self._row(step, outputs), **(self._probe.measure() if self._probe else {})}
        trained = [columns.loss(name, "train") for name in (NETWORK, columns.LINEAR)]  # the twin is not: it is known
        for column, value in row.items():
            if not np.isfinite(self._as_trained(value) if column in trained else value):
                raise DivergenceError(column.replace("_", " "), step)
        self.rows.append(row)
        self._detect(step, outputs["test"][NETWORK] - self._start.test, changes["test"])
        self._logits += self._tracked_outputs(step, outputs["test"])
        self._write()

    def _write(self) -> None:
        write_csv(self._directory.metrics, self.rows)
        names = (NETWORK, *(companion.name for companion in self._companions))
        write_csv(self._directory.logits, self._logits, ["step", "example", "output", "target", *names])

    def state(self) -> dict:
        """What has been recorded, for JSON."""
        return {
            "rows": self.rows,
            "logits": self._logits,
            "mean_squares": {name: list(by_step.items()) for name, by_step in self.mean_squares.items()},
            "detectors": [detector.state() for detector in self._detectors],
        }

    def restore(self, state: dict) -> None:
        """Takes up what the recorder of the same run had recorded, its ``state``, and writes its tables.

        Raises:
            WriteError: if they cannot be written.
        """
        self.rows, self._logits = list(state["rows"]), list(state["logits"])
        self.mean_squares = {name: dict(map(tuple, pairs)) for name, pairs in state["mean_squares"].items()}
        for detector, told in zip(self._detectors, state["detectors"], strict=True):
            detector.restore(told)
        self._write()

    def _detect(self, step: int, change: np.ndarray, companions: dict[str, np.ndarray]) -> None:
        for detector, (name, companion) in zip(self._detectors, companions.items(), strict=True):
            self.mean_squares[name][step] = 2 * metrics.half_mean_square(companion)
            detector.update(step, change, companion, self.rows[-1].get(columns.KERNEL_MOVEMENT))

    def _as_trained(self, value: float) -> np.floating:
        """A float64 value in the dtype of training, infinite where it overflows there."""
        with np.errstate(over="ignore"):
            return self._data.y_train.dtype.type(value)

    def _row(self, step: int, outputs: dict[str, dict[str, np.ndarray]]) -> dict:
        targets = {"train": self._data.y_train, "test": self._data.y_test}
        test, names = outputs["test"], [companion.name for companion in self._companions]
        residuals = {
            split: {name: metrics.difference(f, targets[split]) for name, f in outputs[split].items()}
            for split in columns.SPLITS
        }
        return {
            "step": step,
            **{
                columns.loss(name, split): metrics.half_mean_square(residuals[split][name])
                for name in test
                for split in columns.SPLITS
            },
            **{
                columns.gap(name, split): metrics.mean_squared_gap(outputs[split][NETWORK], outputs[split][name])
                for name in names
                for split in columns.SPLITS
            },
            **{columns.accuracy(name): metrics.accuracy(f, targets["test"]) for name, f in test.items()},
            **{
                columns.residual(name, part): energy
                for name, residual in residuals["test"].items()
                for part, energy in zip(columns.PARTS, self.span.split(residual), strict=True)
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
