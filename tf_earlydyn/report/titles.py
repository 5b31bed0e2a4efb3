"""What was run, in the two lines above its figures."""

from pathlib import Path


def title(config: dict) -> str:
    """What was run, in two lines."""
    sizes, rate = config["sizes"], config["training"]["learning_rate"]
    return (
        f"{_network(config['model'], config['training'])}, $\\eta$ = {rate:g}\n"
        f"{_source(config['data'])}, n = {sizes['n_train']:,}, {_seeds(config['seed'], config['seeds'])}"
    )


def _seeds(first: int, count: int) -> str:
    return f"seed {first}" if count == 1 else f"seeds {first} to {first + count - 1}"


def _network(model: dict, training: dict) -> str:
    if model["network_file"] is not None:
        return _named(model["network_file"])
    phi = activation(model)
    start = "" if model["start"] == "zero" else r", $f_0 \neq 0$"
    if model["model"] != "two_layer":
        return f"{model['model'].upper()} {phi}, {model['depth']} x {model['width']:,}{start}"
    layers = {"first": "first layer", "second": "second layer", "both": "both layers"}[training["train"]]
    return f"two-layer {phi}, m = {model['width']:,}, {layers}{start}"


def _source(data: dict) -> str:
    if data["data"] == "cifar10":
        return f"CIFAR-10 {' / '.join(data['classes'])}, pooled by {data['pool']}"
    if data["data"] == "npz":
        return _named(data["data_file"])
    entries = {"normal": "Gaussian", "rademacher": "Rademacher", "uniform": "uniform"}[data["entries"]]
    spectrum = {"identity": "", "power_law": f", power law {data['power']:g}", "spectrum": ", given spectrum"}
    values = ", f* itself" if data["labels"] == "value" else ""
    return f"{entries}{spectrum[data['covariance']]}, d = {data['d']}{values}"


def _named(file: str) -> str:
    return Path(file).name[-30:].replace("$", r"\$")


def scaling_title(config: dict) -> str:
    """What a study of kernels was, in two lines."""
    n, m = 1 + config["alpha"], config["width_exponent"] + config["alpha"]
    sizes = f"$n = d^{{{n:g}}}$, $m = d^{{{m:g}}}$" if n != m else f"$n = m = d^{{{n:g}}}$"
    return f"two-layer {activation(config)}, {sizes}\ngeometric mean and range over {config['seeds']} seeds"


def activation(config: dict) -> str:
    """The name of an activation, with its slope if it has one."""
    name = config["activation"].replace("_", " ")
    return f"{name} {config['negative_slope']:g}" if config["activation"] == "leaky_relu" else name
