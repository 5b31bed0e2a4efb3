"""What a study of kernel errors and training gaps is."""

import dataclasses
import itertools
import math

from tf_earlydyn import activations
from tf_earlydyn.config.execution import ExecutionConfig
from tf_earlydyn.config.fields import LARGEST, check_fields, require, setting, with_settings_told
from tf_earlydyn.config.run import LAYERS, DataConfig, ModelConfig, RunConfig, TrainingConfig


@with_settings_told
@dataclasses.dataclass(frozen=True)
class KernelStudyConfig:
    """How kernel errors and training gaps of two-layer networks fall with the input dimension d."""

    study: str = setting(
        "both",
        "kernel: the error of the tangent kernel at step 0; training: the largest gap in training; or both.",
        ("kernel", "training", "both"),
    )
    dims: tuple[int, ...] = setting((32, 64, 128, 256), "The input dimensions d, rising.")
    alpha: float = setting(0.25, "n = d^(1 + alpha) training examples.")
    width_exponent: float = setting(1.0, "m = d^(width_exponent + alpha) hidden units in all, half in each copy.")
    activation: str = setting("erf", "The activation phi.", activations.NAMES)
    negative_slope: float = setting(activations.DEFAULT_NEGATIVE_SLOPE, "leaky_relu: the slope below 0.")
    layers: tuple[str, ...] = setting(LAYERS, "Which layers learn: any of first, second, both.", LAYERS)
    seeds: int = setting(5, "How many seeds; each gives data, teacher and network of every d.")
    first_seed: int = setting(0, "The first of the seeds, which follow each other.")
    time_factor: float = setting(
        1.0,
        "training: c in the last step T = c d log d / eta. With 1, the linear model of both layers (erf, n = d^1.25) "
        "makes 0.98 of its fall to its optimum by T at d = 32, and more at larger d.",
    )
    learning_rate: float = setting(1.0, "training: eta of gradient descent on (1/2n) sum_i (f(x_i) - y_i)^2.")
    n_test: int = setting(1_000, "training: test examples.")
    run_dir: str | None = setting(None, "Where the run is written, a new directory; by default runs/ and the time.")
    execution: ExecutionConfig = dataclasses.field(default_factory=ExecutionConfig)

    def __post_init__(self) -> None:
        check_fields(self)
        several = self.execution.strategy == "multiworker"
        require(not several, "a study of kernels is of one process.", strategy=self.execution.strategy)
        rising = all(low < high for low, high in itertools.pairwise(self.dims))
        require(
            len(self.dims) > 1 and self.dims[0] > 1 and rising and self.dims[-1] <= LARGEST,
            f"dims must be two or more rising dimensions from 2 to {LARGEST}.",
            dims=self.dims,
        )
        require(0 < self.alpha <= 1, "alpha must lie in (0, 1].", alpha=self.alpha)
        exponent = self.width_exponent
        require(0 <= exponent <= 3, "width_exponent must lie in [0, 3].", width_exponent=exponent)
        different = len(set(self.layers)) == len(self.layers) > 0
        require(different, f"layers must be different ones of {', '.join(LAYERS)}.", layers=self.layers)
        require(self.seeds > 1, "seeds must be at least 2, for an interval takes that many.", seeds=self.seeds)
        require(self.first_seed >= 0, "first_seed must not be negative.", first_seed=self.first_seed)
        for name in ("time_factor", "learning_rate"):
            value = getattr(self, name)
            require(math.isfinite(value) and value > 0, f"{name} must be a positive finite number.", **{name: value})
        require(self.n_test > 0, "n_test must be a positive number of examples.", n_test=self.n_test)
        self._check_sizes()

    def _check_sizes(self) -> None:
        require(
            max(self.examples(self.dims[-1]), self.width(self.dims[-1])) <= LARGEST,
            f"dims must give at most {LARGEST} examples and units.",
            dims=self.dims,
        )
        require(
            self.steps(self.dims[0]) >= 1 and self.steps(self.dims[-1]) <= LARGEST,
            f"time_factor * d log d / learning_rate must be from 1 to {LARGEST} steps for every d.",
            time_factor=self.time_factor,
            learning_rate=self.learning_rate,
        )
        for seed in (self.first_seed, self.first_seed + self.seeds - 1):
            self.run(self.dims[0], self.layers[0], seed)  # its parts check what is theirs

    @property
    def n_exponent(self) -> float:
        """Of d in n."""
        return 1 + self.alpha

    @property
    def m_exponent(self) -> float:
        """Of d in m."""
        return self.width_exponent + self.alpha

    def examples(self, d: int) -> int:
        """Training examples: n = d^(1 + alpha)."""
        return round(d**self.n_exponent)

    def width(self, d: int) -> int:
        """Hidden units: m = d^(width_exponent + alpha), even."""
        return 2 * max(1, round(d**self.m_exponent / 2))

    def steps(self, d: int) -> int:
        """The last step: T = c d log d / eta."""
        return math.floor(self.time_factor * d * math.log(d) / self.learning_rate)

    def run(self, d: int, layers: str, seed: int) -> RunConfig:
        """The run of one dimension, choice of layers and seed."""
        return RunConfig(
            data=DataConfig(d=d, n_train=self.examples(d), n_test=self.n_test),
            model=ModelConfig(width=self.width(d), activation=self.activation, negative_slope=self.negative_slope),
            training=TrainingConfig(train=layers, learning_rate=self.learning_rate, steps=self.steps(d)),
            execution=self.execution,
            seed=seed,
            companion="psi",
            tracked=0,
        )
