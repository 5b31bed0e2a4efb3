"""What models, networks, data and quantities are called: in figures and tables, briefly, and in sentences.

What has no entry here, a new network say, goes by the name that its flag has.
"""

from pathlib import Path
from typing import NamedTuple

from tf_earlydyn.columns import LINEAR, NETWORK, TWIN


class Text(NamedTuple):
    """Words for one thing.

    Attributes:
        short: in the titles of figures.
        long: in sentences.
    """

    short: str
    long: str


class Model(NamedTuple):
    """A network or a linear model of a run.

    Attributes:
        name: after "the".
        short: in tables.
        whose: in place of "the", where it is told what it is.
    """

    name: str
    short: str
    whose: str = "the"

    @property
    def in_figures(self) -> str:
        """Its name as matplotlib writes it."""
        return self.name.replace("ψ", r"$\psi$")


class Quantity(NamedTuple):
    """What a study of kernels measures over dimensions.

    Attributes:
        name: of a column.
        detail: what makes it exact, behind the name.
        axis: its name at an axis.
    """

    name: str
    detail: str
    axis: str


MODELS = {
    NETWORK: Model("network", "network"),
    LINEAR: Model("linear model ψ", "ψ", "the paper's"),
    TWIN: Model("affine twin", "twin", "the network's"),
}
LAYERS = {"first": "first layer", "second": "second layer", "both": "both layers"}
NETWORKS = {
    "two_layer": Text("two-layer {phi}, m = {width:,}, {layers}", "two layers, {width:,} {phi} units, {trained}"),
    "mlp": Text("MLP {phi}, {depth} x {width:,}", "MLP, {depth} hidden layers of {width:,} {phi} units"),
    "cnn": Text("CNN {phi}, {depth} x {width:,}", "CNN, {depth} 3×3 convolutions of {width:,} {phi} filters"),
}
_OTHER_NETWORK = Text("{model} {phi}, {depth} x {width:,}", "{model} of depth {depth} and width {width:,}, {phi}")
ENTRIES = {"normal": "Gaussian", "rademacher": "Rademacher", "uniform": "uniform"}
SPECTRA = {
    "identity": Text("", "identity covariance"),
    "power_law": Text("power law {power:g}", "eigenvalues that fall by a power law of exponent {power:g}"),
    "spectrum": Text("given spectrum", "given eigenvalues"),
}
LABELS = {"sign": Text("", "the sign of a small network"), "value": Text("f* itself", "the value of a small network")}
QUANTITIES = {
    "error": Quantity("kernel error", ", ‖Θ − Θ_lin‖ d / n", r"$\|\Theta - \Theta_\mathrm{lin}\| \cdot d\,/\,n$"),
    "train_gap": Quantity("largest train gap", " by T", "largest train gap"),
    "test_gap": Quantity("largest test gap", " by T", "largest test gap"),
}


def model(name: str) -> Model:
    """What a model is called, of which columns have a name.

    >>> model("twin").short, model("quadratic").name
    ('twin', 'quadratic model')
    """
    return MODELS.get(name, Model(f"{name} model", name))


def network(config: dict) -> Text:
    """The network of a run, with the layers that learn.

    Args:
        config: the content of ``config.json``.
    """
    chosen, layers = config["model"], config["training"]["train"]
    if chosen["network_file"] is not None:
        return Text(_in_title(chosen["network_file"]), f"the Keras model {Path(chosen['network_file']).name}")
    words = {
        **chosen,
        "phi": activation(chosen),
        "layers": LAYERS[layers],
        "trained": trained(layers) if layers == "both" else f"only the {trained(layers)}",
    }
    short, long = (text.format(**words) for text in NETWORKS.get(chosen["model"], _OTHER_NETWORK))
    if chosen["start"] == "zero":
        return Text(short, f"{long}, zero at step 0")
    return Text(rf"{short}, $f_0 \neq 0$", f"{long}, as its weights are drawn")


def activation(config: dict) -> str:
    """An activation, with its slope if it has one.

    Args:
        config: of a network, or of a study of kernels.
    """
    name = config["activation"].replace("_", " ")
    return f"{name} {config['negative_slope']:g}" if config["activation"] == "leaky_relu" else name


def trained(layers: str) -> str:
    """Which layers learn.

    >>> trained("first")
    'first layer trained'
    """
    return f"{LAYERS[layers]} trained"


def source(data: dict) -> Text:
    """Where a run's examples are from.

    Args:
        data: that part of ``config.json``.
    """
    return SOURCES.get(data["data"], _other_source)(data)


def seeds(first: int, count: int) -> str:
    """One seed or several.

    >>> seeds(3, 1), seeds(3, 2)
    ('3', '3 to 4')
    """
    return str(first) if count == 1 else f"{first} to {first + count - 1}"


def _gaussian(data: dict) -> Text:
    entries = ENTRIES[data["entries"]]
    spectrum = Text(*(text.format(**data) for text in SPECTRA[data["covariance"]]))
    labels, d = LABELS[data["labels"]], f"d = {data['d']}"
    short = ", ".join(filter(None, (entries, spectrum.short, d, labels.short)))
    return Text(short, f"{entries} inputs, {d}, {spectrum.long}, labelled by {labels.long}")


def _cifar10(data: dict) -> Text:
    classes = data["classes"]
    against = f"{classes[0]} (+1) against {classes[1]} (−1)" if len(classes) == 2 else "all classes"
    return Text(f"CIFAR-10 {' / '.join(classes)}, pooled by {data['pool']}", f"CIFAR-10, {against}")


def _npz(data: dict) -> Text:
    return Text(_in_title(data["data_file"]), Path(data["data_file"]).name)


def _other_source(data: dict) -> Text:
    return Text(data["data"], data["data"])


SOURCES = {"gaussian": _gaussian, "cifar10": _cifar10, "npz": _npz}


def _in_title(file: str) -> str:
    return Path(file).name[-30:].replace("$", r"\$")
