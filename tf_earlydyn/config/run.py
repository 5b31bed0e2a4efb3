"""What a run is: frozen dataclasses, checked when they are made. The scripts' flags are derived from them.

A field whose default depends on another field is None until then and filled in by ``__post_init__``, so that a
configuration that is written down says everything.
"""

import dataclasses
import math

from tf_earlydyn import activations
from tf_earlydyn.config.execution import ExecutionConfig
from tf_earlydyn.config.fields import check_fields, require, setting, settle, settled, with_settings_told

COMPANIONS = ("psi", "twin", "both")
LAYERS = ("first", "second", "both")  # of a two-layer network: those that learn


@with_settings_told
@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which inputs and labels."""

    data: str = setting("gaussian", "Where the data comes from.", ("gaussian", "cifar10", "npz"))
    n_train: int | None = setting(None, "Training examples; default 20,000 (gaussian) or all there are (cifar10, npz).")
    n_test: int | None = setting(None, "Test examples; default 2,000 (gaussian) or all there are (cifar10, npz).")
    preprocess: str | None = setting(
        None,
        "normalise: centre by the training mean and scale each input to ||x|| = sqrt(d), the default for cifar10 and "
        "npz; none: leave the inputs as they are, the default for gaussian.",
        ("normalise", "none"),
    )
    d: int = setting(50, "gaussian: input dimension.")
    covariance: str = setting(
        "identity",
        "gaussian: eigenvalues of Sigma, scaled to trace d: all equal, falling as k^-power, or given by --spectrum.",
        ("identity", "power_law", "spectrum"),
    )
    power: float = setting(1.0, "gaussian, --covariance=power_law: the exponent.")
    spectrum: tuple[float, ...] = setting((), "gaussian, --covariance=spectrum: d positive numbers.")
    entries: str = setting(
        "normal", "gaussian: law of the entries of z in x = Sigma^(1/2) z.", ("normal", "rademacher", "uniform")
    )
    labels: str = setting("sign", "gaussian: y = sign(f*(x)) or the value f*(x).", ("sign", "value"))
    data_dir: str | None = setting(None, "cifar10: the tensorflow-datasets folder; default its own.")
    classes: tuple[str, ...] = setting(
        ("cat", "horse"), "cifar10: two classes, by name or number, labelled +1 and -1; or all, one-hot."
    )
    pool: int = setting(4, "cifar10: average pooling factor, a divisor of 32.")
    data_file: str | None = setting(
        None,
        "npz: a file with x_train, y_train, x_test, y_test; labels are +1 and -1, one-hot rows, or any real targets.",
    )

    def __post_init__(self) -> None:
        check_fields(self)
        synthetic = self.data == "gaussian"
        if synthetic:
            settle(self, "n_train", 20_000)
            settle(self, "n_test", 2_000)
        settle(self, "preprocess", "none" if synthetic else "normalise")
        for name in ("n_train", "n_test"):
            size = getattr(self, name)
            require(size is None or size > 0, f"{name} must be a positive number of examples.", **{name: size})
        self._check_gaussian()
        require(self.pool > 0 and 32 % self.pool == 0, "pool must be a divisor of 32.", pool=self.pool)
        require(
            self.data != "npz" or self.data_file is not None,
            "data=npz needs data_file, a file with x_train, y_train, x_test and y_test.",
            data_file=self.data_file,
        )

    def _check_gaussian(self) -> None:
        require(self.d > 0, "d must be a positive dimension.", d=self.d)
        require(math.isfinite(self.power), "power must be a finite number.", power=self.power)
        positive = all(math.isfinite(value) and value > 0 for value in self.spectrum)
        require(positive, "spectrum must hold positive finite numbers.", spectrum=self.spectrum)
        if self.covariance == "spectrum":
            require(
                len(self.spectrum) == self.d,
                f"spectrum must hold d={self.d} eigenvalues.",
                spectrum=f"{len(self.spectrum)} values",
            )
        else:
            require(not self.spectrum, "spectrum goes with covariance=spectrum alone.", covariance=self.covariance)


@with_settings_told
@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Which network."""

    model: str = setting("two_layer", "The network.", ("two_layer", "mlp", "cnn"))
    network_file: str | None = setting(
        None,
        "A saved Keras model (.keras, loaded in safe mode) in place of --model, with --data=npz, say; its linear model "
        "is its affine twin.",
    )
    start: str = setting(
        "zero",
        "zero: two copies of opposite sign, so that f = 0 at step 0; drawn: as the weights are drawn, and f - f_0 is "
        "what is compared, as it is of a --network_file.",
        ("zero", "drawn"),
    )
    width: int = setting(
        256, "two_layer: all m hidden units, even, half in each copy; mlp, cnn: units or filters of each copy."
    )
    depth: int | None = setting(None, "mlp, cnn: hidden layers, default 4; two_layer has 1.")
    activation: str = setting("erf", "The activation phi.", activations.NAMES)
    negative_slope: float = setting(activations.DEFAULT_NEGATIVE_SLOPE, "leaky_relu: the slope below 0.")

    def __post_init__(self) -> None:
        check_fields(self)
        shallow = self.model == "two_layer"
        settle(self, "depth", 1 if shallow else 4)
        require(self.width > 0, "width must be a positive number of units.", width=self.width)
        if shallow:
            require(self.width % 2 == 0, "width must be even for two_layer, half in each copy.", width=self.width)
            require(self.depth == 1, "two_layer has one hidden layer; take model=mlp for more.", depth=self.depth)
        require(
            settled(self.depth) > 0,
            "depth must be a positive number of hidden layers.",
            depth=self.depth,
        )
        require(
            abs(self.negative_slope) <= 100,
            "negative_slope must lie in [-100, 100].",
            negative_slope=self.negative_slope,
        )


@with_settings_told
@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How it is trained."""

    train: str = setting("both", "Which layers learn; first and second are for two_layer.", LAYERS)
    learning_rate: float = setting(1.0, "eta of gradient descent on (1/2n) sum_i (f(x_i) - y_i)^2.")
    steps: int = setting(3_000, "Gradient-descent steps.")
    records_per_decade: int = setting(20, "Recorded steps per factor of ten, log-spaced; at least 10.")

    def __post_init__(self) -> None:
        check_fields(self)
        require(
            math.isfinite(self.learning_rate) and self.learning_rate > 0,
            "learning_rate must be a positive finite number.",
            learning_rate=self.learning_rate,
        )
        require(self.steps > 0, "steps must be a positive number.", steps=self.steps)
        require(
            10 <= self.records_per_decade <= 1_000,
            "records_per_decade must be from 10 to 1000.",
            records_per_decade=self.records_per_decade,
        )


@with_settings_told
@dataclasses.dataclass(frozen=True)
class RunConfig:
    """One run."""

    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)
    execution: ExecutionConfig = dataclasses.field(default_factory=ExecutionConfig)
    seed: int = setting(0, "Seeds data, teacher, network and twin.")
    seeds: int = setting(1, "How many runs, with seeds from --seed on: figures show their medians and ranges.")
    companion: str | None = setting(
        None,
        "The linear models that the network is compared with: the paper's psi, the network's affine twin, or both; "
        "default both, which is psi alone where there are too few examples for a twin, and twin with --network_file.",
        COMPANIONS,
    )
    sample: int | None = setting(
        None, "Training inputs that the twin is derived from; default 4,000, or 4 (d + 1) if that is more."
    )
    tracked: int = setting(5, "Test examples whose outputs are recorded, drawn by the seed.")
    probe: int = setting(
        500,
        "Training points on which the tangent kernels of network and linear model are compared, drawn by the seed; all "
        "there are, if fewer; 0: none.",
    )
    exit_gap: float = setting(
        0.1, "The network has left its linear model where the test gap stays above this share of the mean of f_lin^2."
    )
    exit_kernel: float = setting(
        0.5, "Or where its tangent kernel stays farther than this share of its norm from that of step 0."
    )
    checkpoint_seconds: float = setting(
        30.0,
        "Between recorded steps, training is saved for --resume after so many seconds; 0: after every compiled call, "
        "of 100 steps or about a second.",
    )
    run_dir: str | None = setting(None, "Where the run is written, a new directory; by default runs/ and the time.")

    def __post_init__(self) -> None:
        check_fields(self)
        require(self.seed >= 0, "seed must not be negative.", seed=self.seed)
        require(self.seeds > 0, "seeds must be a positive number of runs.", seeds=self.seeds)
        require(self.tracked >= 0, "tracked must not be negative.", tracked=self.tracked)
        require(self.probe >= 0, "probe must not be negative.", probe=self.probe)
        for name in ("exit_gap", "exit_kernel"):
            share = getattr(self, name)
            require(math.isfinite(share) and share > 0, f"{name} must be a positive finite number.", **{name: share})
        seconds = self.checkpoint_seconds
        finite = math.isfinite(seconds) and seconds >= 0
        require(finite, "checkpoint_seconds must be a finite number that is not negative.", checkpoint_seconds=seconds)
        require(self.sample is None or self.sample >= 2, "sample must be at least 2 examples.", sample=self.sample)
        self._check_network()

    def _check_network(self) -> None:
        saved = self.model.network_file is not None
        settle(self, "companion", "twin" if saved else "both")
        require(
            self.training.train == "both" or (self.model.model == "two_layer" and not saved),
            "train=first and train=second are for model=two_layer; take train=both.",
            train=self.training.train,
            model=self.model.network_file or self.model.model,
        )
        require(
            self.companion == "twin" or not saved,
            "a saved network has no psi; take companion=twin.",
            companion=self.companion,
        )
        require(
            self.seeds == 1 or not saved,
            "a saved network is the same whatever the seed; take seeds=1.",
            seeds=self.seeds,
        )
