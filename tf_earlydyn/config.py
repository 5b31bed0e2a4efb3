"""What a run is: frozen dataclasses, checked when they are made. The scripts' flags are derived from them.

A field whose default depends on another field is None until then and filled in by ``__post_init__``, so that a
configuration that is written down says everything.
"""

import dataclasses
import itertools
import math
import typing
from pathlib import Path

from tf_earlydyn import activations
from tf_earlydyn.errors import InputError

LARGEST = 2**31 - 1  # what TensorFlow counts steps and rows in
LAYERS = ("first", "second", "both")  # of a two-layer network: those that learn


def _field(default, help_text: str, choices: tuple[str, ...] | None = None):
    return dataclasses.field(default=default, metadata={"help": help_text, "choices": choices})


def _require(condition: bool, rule: str, **received) -> None:
    if not condition:
        values = ", ".join(f"{name}={value!r}" for name, value in received.items())
        raise InputError(f"{rule} Received: {values}.")


def _check_fields(config) -> None:
    """Checks each setting's type and, where it has them, choices."""
    for field in flag_fields(type(config)):
        value, choices = getattr(config, field.name), field.metadata["choices"]
        if value is None and field.default is None:
            continue
        kind = typing.get_type_hints(type(config))[field.name]
        _require(_is(value, kind), f"{field.name} must be {_in_words(kind)}.", **{field.name: value})
        if isinstance(value, int):
            _require(abs(value) <= LARGEST, f"{field.name} must be at most {LARGEST}.", **{field.name: value})
        if choices:
            allowed = set(value if isinstance(value, tuple) else (value,)) <= set(choices)
            _require(allowed, f"{field.name} must be one of {', '.join(choices)}.", **{field.name: value})


def _is(value, kind) -> bool:
    if typing.get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_is(element, typing.get_args(kind)[0]) for element in value)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, kind) and not isinstance(value, bool)


def _in_words(kind) -> str:
    words = {int: "an integer", float: "a number", str: "text"}
    if typing.get_origin(kind) is tuple:
        return f"a tuple, each {words[typing.get_args(kind)[0]]}"
    return words[next(member for member in (typing.get_args(kind) or (kind,)) if member in words)]


def _settle(config, name: str, value) -> None:
    """Fills in a field of a frozen dataclass that was left to its default."""
    if getattr(config, name) is None:
        object.__setattr__(config, name, value)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which inputs and labels."""

    data: str = _field("gaussian", "Where the data comes from.", ("gaussian", "cifar10", "npz"))
    n_train: int | None = _field(None, "Training examples; default 20,000 (gaussian) or all there are (cifar10, npz).")
    n_test: int | None = _field(None, "Test examples; default 2,000 (gaussian) or all there are (cifar10, npz).")
    preprocess: str | None = _field(
        None,
        "normalise: centre by the training mean and scale each input to ||x|| = sqrt(d), the default for cifar10 and "
        "npz; none: leave the inputs as they are, the default for gaussian.",
        ("normalise", "none"),
    )
    d: int = _field(50, "gaussian: input dimension.")
    covariance: str = _field(
        "identity",
        "gaussian: eigenvalues of Sigma, scaled to trace d: all equal, falling as k^-power, or given by --spectrum.",
        ("identity", "power_law", "spectrum"),
    )
    power: float = _field(1.0, "gaussian, --covariance=power_law: the exponent.")
    spectrum: tuple[float, ...] = _field((), "gaussian, --covariance=spectrum: d positive numbers.")
    entries: str = _field(
        "normal", "gaussian: law of the entries of z in x = Sigma^(1/2) z.", ("normal", "rademacher", "uniform")
    )
    labels: str = _field("sign", "gaussian: y = sign(f*(x)) or the value f*(x).", ("sign", "value"))
    data_dir: str | None = _field(None, "cifar10: the tensorflow-datasets folder; default its own.")
    classes: tuple[str, ...] = _field(
        ("cat", "horse"), "cifar10: two classes, by name or number, labelled +1 and -1; or all, one-hot."
    )
    pool: int = _field(4, "cifar10: average pooling factor, a divisor of 32.")
    data_file: str | None = _field(
        None,
        "npz: a file with x_train, y_train, x_test, y_test; labels are +1 and -1, one-hot rows, or any real targets.",
    )

    def __post_init__(self) -> None:
        _check_fields(self)
        synthetic = self.data == "gaussian"
        if synthetic:
            _settle(self, "n_train", 20_000)
            _settle(self, "n_test", 2_000)
        _settle(self, "preprocess", "none" if synthetic else "normalise")
        for name in ("n_train", "n_test"):
            size = getattr(self, name)
            _require(size is None or size > 0, f"{name} must be a positive number of examples.", **{name: size})
        self._check_gaussian()
        _require(self.pool > 0 and 32 % self.pool == 0, "pool must be a divisor of 32.", pool=self.pool)
        _require(
            self.data != "npz" or self.data_file is not None,
            "data=npz needs data_file, a file with x_train, y_train, x_test and y_test.",
            data_file=self.data_file,
        )

    def _check_gaussian(self) -> None:
        _require(self.d > 0, "d must be a positive dimension.", d=self.d)
        _require(math.isfinite(self.power), "power must be a finite number.", power=self.power)
        positive = all(math.isfinite(value) and value > 0 for value in self.spectrum)
        _require(positive, "spectrum must hold positive finite numbers.", spectrum=self.spectrum)
        if self.covariance == "spectrum":
            _require(
                len(self.spectrum) == self.d,
                f"spectrum must hold d={self.d} eigenvalues.",
                spectrum=f"{len(self.spectrum)} values",
            )
        else:
            _require(not self.spectrum, "spectrum goes with covariance=spectrum alone.", covariance=self.covariance)


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Which network."""

    model: str = _field("two_layer", "The network.", ("two_layer", "mlp", "cnn"))
    width: int = _field(
        256, "two_layer: all m hidden units, half in each copy (even); mlp, cnn: units or filters of each copy."
    )
    depth: int | None = _field(None, "mlp, cnn: hidden layers, default 4; two_layer has 1.")
    activation: str = _field("erf", "The activation phi.", activations.NAMES)
    negative_slope: float = _field(activations.DEFAULT_NEGATIVE_SLOPE, "leaky_relu: the slope below 0.")

    def __post_init__(self) -> None:
        _check_fields(self)
        shallow = self.model == "two_layer"
        _settle(self, "depth", 1 if shallow else 4)
        _require(self.width > 0, "width must be a positive number of units.", width=self.width)
        if shallow:
            _require(self.width % 2 == 0, "width must be even for two_layer, half in each copy.", width=self.width)
            _require(self.depth == 1, "two_layer has one hidden layer; take model=mlp for more.", depth=self.depth)
        _require(self.depth > 0, "depth must be a positive number of hidden layers.", depth=self.depth)
        _require(
            abs(self.negative_slope) <= 100,
            "negative_slope must lie in [-100, 100].",
            negative_slope=self.negative_slope,
        )


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How it is trained."""

    train: str = _field("both", "Which layers learn; first and second are for two_layer.", LAYERS)
    learning_rate: float = _field(1.0, "eta of gradient descent on (1/2n) sum_i (f(x_i) - y_i)^2.")
    steps: int = _field(3_000, "Gradient-descent steps.")
    records_per_decade: int = _field(20, "Recorded steps per factor of ten, log-spaced; at least 10.")

    def __post_init__(self) -> None:
        _check_fields(self)
        _require(
            math.isfinite(self.learning_rate) and self.learning_rate > 0,
            "learning_rate must be a positive finite number.",
            learning_rate=self.learning_rate,
        )
        _require(self.steps > 0, "steps must be a positive number.", steps=self.steps)
        _require(
            10 <= self.records_per_decade <= 1_000,
            "records_per_decade must be from 10 to 1000.",
            records_per_decade=self.records_per_decade,
        )


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """One run."""

    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)
    seed: int = _field(0, "Seeds data, teacher and network.")
    tracked: int = _field(5, "Test examples whose outputs are recorded, drawn by the seed.")
    probe: int = _field(
        500,
        "Training points on which the tangent kernels of network and linear model are compared, drawn by the seed; all "
        "there are, if fewer; 0: none.",
    )
    run_dir: str | None = _field(None, "Where the run is written, a new directory; default runs/<time>.")

    def __post_init__(self) -> None:
        _check_fields(self)
        _require(self.seed >= 0, "seed must not be negative.", seed=self.seed)
        _require(self.tracked >= 0, "tracked must not be negative.", tracked=self.tracked)
        _require(self.probe >= 0, "probe must not be negative.", probe=self.probe)
        _require(
            self.training.train == "both" or self.model.model == "two_layer",
            "train=first and train=second are for model=two_layer; take train=both.",
            train=self.training.train,
            model=self.model.model,
        )


@dataclasses.dataclass(frozen=True)
class KernelStudyConfig:
    """How kernel errors and training gaps of two-layer networks fall with the input dimension d."""

    study: str = _field(
        "both",
        "kernel: the error of the tangent kernel at step 0; training: the largest gap in training; or both.",
        ("kernel", "training", "both"),
    )
    dims: tuple[int, ...] = _field((32, 64, 128, 256), "The input dimensions d, rising.")
    alpha: float = _field(0.25, "n = d^(1 + alpha) training examples.")
    width_exponent: float = _field(1.0, "m = d^(width_exponent + alpha) hidden units in all, half in each copy.")
    activation: str = _field("erf", "The activation phi.", activations.NAMES)
    negative_slope: float = _field(activations.DEFAULT_NEGATIVE_SLOPE, "leaky_relu: the slope below 0.")
    layers: tuple[str, ...] = _field(LAYERS, "Which layers learn: any of first, second, both.", LAYERS)
    seeds: int = _field(5, "How many seeds; each gives data, teacher and network of every d.")
    first_seed: int = _field(0, "The first of the seeds, which follow each other.")
    time_factor: float = _field(
        1.0,
        "training: c in the last step T = c d log d / eta. With 1, the linear model of both layers (erf, n = d^1.25) "
        "makes 0.98 of its fall to its optimum by T at d = 32, and more at larger d.",
    )
    learning_rate: float = _field(1.0, "training: eta of gradient descent on (1/2n) sum_i (f(x_i) - y_i)^2.")
    n_test: int = _field(1_000, "training: test examples.")
    run_dir: str | None = _field(None, "Where the run is written, a new directory; default runs/<time>.")

    def __post_init__(self) -> None:
        _check_fields(self)
        rising = all(low < high for low, high in itertools.pairwise(self.dims))
        _require(
            len(self.dims) > 1 and self.dims[0] > 1 and rising and self.dims[-1] <= LARGEST,
            f"dims must be two or more rising dimensions from 2 to {LARGEST}.",
            dims=self.dims,
        )
        _require(0 < self.alpha <= 1, "alpha must lie in (0, 1].", alpha=self.alpha)
        exponent = self.width_exponent
        _require(0 <= exponent <= 3, "width_exponent must lie in [0, 3].", width_exponent=exponent)
        different = len(set(self.layers)) == len(self.layers) > 0
        _require(different, f"layers must be different ones of {', '.join(LAYERS)}.", layers=self.layers)
        _require(self.seeds > 1, "seeds must be at least 2, for an interval takes that many.", seeds=self.seeds)
        _require(self.first_seed >= 0, "first_seed must not be negative.", first_seed=self.first_seed)
        for name in ("time_factor", "learning_rate"):
            value = getattr(self, name)
            _require(math.isfinite(value) and value > 0, f"{name} must be a positive finite number.", **{name: value})
        _require(self.n_test > 0, "n_test must be a positive number of examples.", n_test=self.n_test)
        self._check_sizes()

    def _check_sizes(self) -> None:
        _require(
            max(self.examples(self.dims[-1]), self.width(self.dims[-1])) <= LARGEST,
            f"dims must give at most {LARGEST} examples and units.",
            dims=self.dims,
        )
        _require(
            self.steps(self.dims[0]) >= 1 and self.steps(self.dims[-1]) <= LARGEST,
            f"time_factor * d log d / learning_rate must be from 1 to {LARGEST} steps for every d.",
            time_factor=self.time_factor,
            learning_rate=self.learning_rate,
        )
        self.run(self.dims[0], self.layers[0], self.first_seed)  # its parts check what is theirs

    def examples(self, d: int) -> int:
        """Training examples: n = d^(1 + alpha)."""
        return round(d ** (1 + self.alpha))

    def width(self, d: int) -> int:
        """Hidden units: m = d^(width_exponent + alpha), even."""
        return 2 * max(1, round(d ** (self.width_exponent + self.alpha) / 2))

    def steps(self, d: int) -> int:
        """The last step: T = c d log d / eta."""
        return math.floor(self.time_factor * d * math.log(d) / self.learning_rate)

    def run(self, d: int, layers: str, seed: int) -> RunConfig:
        """The run of one dimension, choice of layers and seed."""
        return RunConfig(
            data=DataConfig(d=d, n_train=self.examples(d), n_test=self.n_test),
            model=ModelConfig(width=self.width(d), activation=self.activation, negative_slope=self.negative_slope),
            training=TrainingConfig(train=layers, learning_rate=self.learning_rate, steps=self.steps(d)),
            seed=seed,
            tracked=0,
        )


def flag_fields(config_class: type) -> list[dataclasses.Field]:
    """The fields that are set by flags of the same names."""
    return [field for field in dataclasses.fields(config_class) if "help" in field.metadata]


_PATHS = ("data_dir", "data_file")  # absolute in a flagfile, which may be used from another folder


def flagfile(config: RunConfig | KernelStudyConfig) -> str:
    """A file of flags that repeats a run, into a run directory of its own."""
    members = (getattr(config, field.name) for field in dataclasses.fields(config))
    lines = []
    for part in (*filter(dataclasses.is_dataclass, members), config):
        for field in flag_fields(type(part)):
            value = getattr(part, field.name)
            if field.name == "run_dir" or value is None or value == ():
                continue
            if field.name in _PATHS:
                value = Path(value).expanduser().absolute()
            lines.append(f"--{field.name}={','.join(map(str, value)) if isinstance(value, tuple) else value}")
    return "\n".join(lines) + "\n"
