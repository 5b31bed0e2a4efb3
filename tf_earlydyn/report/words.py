"""What was run, in words and as the command that repeats it, and where."""

import shlex
from collections.abc import Iterable, Sequence

from tf_earlydyn import names
from tf_earlydyn.columns import LINEAR, TWIN
from tf_earlydyn.config import KernelStudyConfig, from_json, telling_flags
from tf_earlydyn.report.html import formula
from tf_earlydyn.report.notes import drawn
from tf_earlydyn.report.numbers import number
from tf_earlydyn.report.records import Record


def settings(record: Record) -> list[tuple[str, str]]:
    """What a training run was: terms and descriptions."""
    return _settings(record.config, record.summary["companions"])


def prediction_settings(record: Record) -> list[tuple[str, str]]:
    """What was foretold of a run: terms and descriptions."""
    return _settings(record.config, [TWIN])


def _settings(config: dict, models: Iterable[str]) -> list[tuple[str, str]]:
    training = config["training"]
    found = [
        ("Network", network(config)),
        ("Data", _data(config)),
        ("Linear models", ", and ".join(f"{names.model(name).whose} {names.model(name).name}" for name in models)),
        (
            "Training",
            f"full-batch gradient descent at the rate η = {training['learning_rate']:g} for "
            f"{number(training['steps'])} steps, in {config['execution']['dtype']}",
        ),
        ("Seeds", _seeds(config["seed"], config["seeds"], ": medians, ranges in brackets")),
    ]
    if drawn(config):
        found.insert(3, ("Compared", formula("f − f₀ with f_lin, f₀ being the network's outputs at step 0")))
    return found


def scaling_settings(record: Record) -> list[tuple[str, str]]:
    """What a study of kernels was."""
    config = record.config
    study = from_json(KernelStudyConfig, config)
    sizes = "; ".join(
        f"d = {number(size['d'])} with n = {number(size['n'])}, m = {number(size['m'])}, T = {number(size['steps'])}"
        for size in config["sizes"]
    )
    rule = f"n = d^{study.n_exponent:g} examples and m = d^{study.m_exponent:g} hidden units"
    psi = names.model(LINEAR)
    return [
        ("Network", scaling_network(config)),
        ("Data", "Gaussian inputs of identity covariance, labelled by the sign of a small network"),
        ("Sizes", formula(f"{rule}: {sizes}")),
        ("Linear model", f"{psi.whose} {psi.name}, of the layers that learn"),
        ("Seeds", _seeds(study.first_seed, study.seeds)),
    ]


def network(config: dict) -> str:
    """The network of a run."""
    return names.network(config).long


def scaling_network(config: dict) -> str:
    """The networks of a study of kernels."""
    return f"two layers of {names.activation(config)} units, zero at step 0"


def _data(config: dict) -> str:
    sizes, done = config["sizes"], ", ".join(config["preprocessing"])
    count = f"{number(sizes['n_train'])} training and {number(sizes['n_test'])} test examples"
    return f"{count} of {names.source(config['data']).long}{done and f'; {done}'}"


def _seeds(first: int, count: int, of_several: str = "") -> str:
    return names.seeds(first, count) + (of_several if count > 1 else "")


def command(record: Record, script: str, config_class: type) -> str:
    """What repeats the run: the script with the flags that tell it from others."""
    config = from_json(config_class, record.config)
    return shlex.join(["python", f"scripts/{script}", *telling_flags(config)])


def above_command(config: dict) -> str:
    """What the command takes beside its flags."""
    of_each = " in each of its processes, with a TF_CONFIG of its own"
    return f"The command that repeats it{of_each * (config['execution']['strategy'] == 'multiworker')}:"


def machine(record: Record) -> list[tuple[str, str]]:
    """Versions, hardware and time: terms and what a run's files say."""
    origin = record.provenance
    found = [(name, version) for name, version in origin["versions"].items()]
    found.append(("Platform", origin["platform"]))
    if origin["processor"]:
        found.append(("Processor", origin["processor"]))
    found += [("CPU cores", number(origin["cores"])), ("Devices", _devices(record.config))]
    if origin["git_commit"]:
        changed = ", with changes since" if origin["git_dirty"] else ""
        found.append(("Git commit", origin["git_commit"][:12] + changed))
    if "resumed_with" in origin:
        found.append(("Resumed with", ", then ".join(map(_changes, origin["resumed_with"]))))
    return [*found, ("Time", _time(record.summary))]


def _changes(part: dict) -> str:
    """What was another where a part of a run was computed."""
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in part.items())


def _devices(config: dict) -> str:
    found = config["devices"]
    replicas = "" if found["replicas"] == 1 else f", {found['replicas']} replicas"
    workers = "" if found["workers"] == 1 else f" in {found['workers']} processes"
    return f"{found['device']}{replicas}{workers}, strategy {found['strategy']}, {config['execution']['dtype']}"


def _time(summary: dict) -> str:
    if "training_seconds" not in summary:
        return f"{summary['seconds']:,.1f} s"
    return f"{summary['training_seconds']:,.1f} s of training" + (" a seed, median" if "seeds" in summary else "")


def short_names(records: Sequence[Record]) -> list[str]:
    """The names of run directories, or their paths where two have one name."""
    found = [record.directory.path.resolve().name for record in records]
    return found if len(set(found)) == len(found) else [str(record.directory.path) for record in records]
