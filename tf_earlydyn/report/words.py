"""What was run, in words and as the command that repeats it, and where."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from tf_earlydyn.config import from_json, telling_flags
from tf_earlydyn.report.numbers import number
from tf_earlydyn.report.records import Record
from tf_earlydyn.report.titles import activation

_LAYERS = {
    "first": "only the first layer trained",
    "second": "only the second layer trained",
    "both": "all layers trained",
}
_MODELS = {
    "psi": "the paper's linear model ψ",
    "twin": "the network's affine twin",
    "both": "the paper's linear model ψ, and the network's affine twin",
}
_ENTRIES = {"normal": "Gaussian", "rademacher": "Rademacher", "uniform": "uniform"}


def settings(record: Record) -> list[tuple[str, str]]:
    """What a training run was, or one that was foretold: terms and descriptions."""
    config = record.config
    training = config["training"]
    return [
        ("Network", network(config)),
        ("Data", _data(config)),
        ("Linear models", _companions(record)),
        (
            "Training",
            f"full-batch gradient descent at the rate η = {training['learning_rate']:g} for "
            f"{number(training['steps'])} steps, in {config['execution']['dtype']}",
        ),
        ("Seeds", _seeds(config["seed"], config["seeds"], ": medians, ranges in brackets")),
    ]


def scaling_settings(record: Record) -> list[tuple[str, str]]:
    """What a study of kernels was."""
    config = record.config
    sizes = "; ".join(
        f"d = {number(size['d'])} with n = {number(size['n'])}, m = {number(size['m'])}, T = {number(size['steps'])}"
        for size in config["sizes"]
    )
    n, m = 1 + config["alpha"], config["width_exponent"] + config["alpha"]
    return [
        ("Network", scaling_network(config)),
        ("Data", "Gaussian inputs of identity covariance, labelled by the sign of a small network"),
        ("Sizes", f"n = d^{n:g} examples and m = d^{m:g} hidden units: {sizes}"),
        ("Linear model", "the paper's ψ, of the layers that learn"),
        ("Seeds", _seeds(config["first_seed"], config["seeds"])),
    ]


def network(config: dict) -> str:
    """The network of a run."""
    model, start = config["model"], ""
    if model["network_file"] is not None:
        return f"the Keras model {Path(model['network_file']).name}"
    width, phi = number(model["width"]), activation(model)
    start = "zero at step 0" if model["start"] == "zero" else "as its weights are drawn"
    if model["model"] == "two_layer":
        layers = _LAYERS[config["training"]["train"]].replace("all layers", "both layers")
        return f"two layers, {width} {phi} units, {layers}, {start}"
    what = {"mlp": "MLP, {} hidden layers of {} {} units", "cnn": "CNN, {} 3×3 convolutions of {} {} filters"}
    return f"{what[model['model']].format(model['depth'], width, phi)}, {start}"


def scaling_network(config: dict) -> str:
    """The networks of a study of kernels."""
    return f"two layers of {activation(config)} units, zero at step 0"


def _data(config: dict) -> str:
    data, sizes = config["data"], config["sizes"]
    count = f"{number(sizes['n_train'])} training and {number(sizes['n_test'])} test examples"
    done = "".join(f", {step}" for step in config.get("preprocessing", ()))
    if data["data"] == "npz":
        return f"{count} of {Path(data['data_file']).name}{done}"
    if data["data"] == "cifar10":
        return f"{count} of CIFAR-10, {_classes(data['classes'])}{done}"
    spectra = {
        "identity": "identity covariance",
        "power_law": f"eigenvalues falling as k^−{data['power']:g}",
        "spectrum": "given eigenvalues",
    }
    labels = "the sign of a small network" if data["labels"] == "sign" else "the value of a small network"
    spectrum = spectra[data["covariance"]]
    return f"{count}: {_ENTRIES[data['entries']]} inputs, d = {data['d']}, {spectrum}{done}; labelled by {labels}"


def _classes(names: list[str]) -> str:
    return f"{names[0]} (+1) against {names[1]} (−1)" if len(names) == 2 else "all classes"


def _companions(record: Record) -> str:
    if "companions" not in record.config:
        return _MODELS["twin"]
    found = record.summary["companions"]
    return _MODELS["both" if len(found) == 2 else "twin" if "twin" in found else "psi"]


def _seeds(first: int, count: int, of_several: str = "") -> str:
    return str(first) if count == 1 else f"{first} to {first + count - 1}{of_several}"


def command(record: Record, script: str, config_class: type) -> str:
    """What repeats the run: the script with the flags that tell it from others."""
    config = from_json(config_class, record.config)
    return shlex.join(["python", f"scripts/{script}", *telling_flags(config)])


def machine(record: Record) -> list[tuple[str, str]]:
    """Versions, hardware and time: terms and what a run's files say."""
    origin, config = record.provenance, record.config
    found = [(name, version) for name, version in origin["versions"].items()]
    found.append(("Platform", origin["platform"]))
    if origin.get("processor"):
        found.append(("Processor", origin["processor"]))
    if "cores" in origin:
        found.append(("CPU cores", number(origin["cores"])))
    found.append(("Devices", _devices(config)))
    if origin["git_commit"]:
        changed = ", with changes since" if origin["git_dirty"] else ""
        found.append(("Git commit", origin["git_commit"][:12] + changed))
    if "resumed_with" in origin:
        found.append(("Resumed with", ", then ".join(map(_changes, origin["resumed_with"]))))
    return [*found, *(("Time", time) for time in _times(record.summary))]


def _changes(part: dict) -> str:
    """What was another where a part of a run was computed."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in part.items())


def _devices(config: dict) -> str:
    execution, found = config["execution"], config.get("devices")
    if found is None:
        return f"strategy {execution['strategy']}, {execution['dtype']}"
    replicas = "" if found["replicas"] == 1 else f", {found['replicas']} replicas"
    workers = "" if found["workers"] == 1 else f" in {found['workers']} processes"
    return f"{found['device']}{replicas}{workers}, strategy {found['strategy']}, {execution['dtype']}"


def _times(summary: dict) -> list[str]:
    """What a run has recorded of it, which is nothing where nothing was trained."""
    if "training_seconds" in summary:
        return [f"{summary['training_seconds']:,.1f} s of training" + (" a seed, median" if "seeds" in summary else "")]
    return [f"{summary['seconds']:,.1f} s"] if "seconds" in summary else []


def short_names(records: Sequence[Record]) -> list[str]:
    """The names of run directories, or their paths where two have one name."""
    names = [record.directory.path.resolve().name for record in records]
    return names if len(set(names)) == len(names) else [str(record.directory.path) for record in records]
