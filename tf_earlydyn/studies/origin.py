"""Where a run is computed, in each of its parts: one that goes on elsewhere says so, and its record keeps it."""

import warnings

from tf_earlydyn.config import RunConfig, flagfile
from tf_earlydyn.distribution import describe_devices
from tf_earlydyn.provenance import provenance
from tf_earlydyn.rundir import RunDirectory, read_json, write_json, write_origin


def record_origin(directory: RunDirectory, description: dict, config: RunConfig) -> None:
    """Writes what a run is of and where it is computed; of a resumed one, what is another than in the part before.

    Of that there is a warning, and an entry in the list ``resumed_with`` of ``provenance.json``.

    Args:
        directory: of the run.
        description: the content of ``config.json``.
        config: the run.

    Raises:
        InputError: if what is there cannot be read.
        WriteError: if it cannot be written.
    """
    if not directory.provenance.is_file():
        write_origin(directory, description, flagfile(config))
        return
    record = read_json(directory.provenance)
    resumed = record.get("resumed_with", [])
    was = _in_one(record, read_json(directory.config).get("devices", {}))
    for part in resumed:
        was |= part
    now = _in_one(provenance(), describe_devices(config.execution))
    other = {name: now.get(name) for name in was | now if now.get(name) != was.get(name)}
    if other:
        told = ", ".join(f"{name} (was {was.get(name)}, now {value})" for name, value in other.items())
        warnings.warn(
            "this part of the run is computed otherwise than the one before it, and its numbers may differ from those "
            f"of a run without an end: {told}.",
            stacklevel=1,  # of several seeds each says it, and it is shown once
        )
        write_json(directory.provenance, {**record, "resumed_with": [*resumed, other]})


def _in_one(origin: dict, devices: dict) -> dict:
    """Versions, machine, devices and commit, each by its own name."""
    rest = {name: value for name, value in origin.items() if name not in ("versions", "resumed_with")}
    return {**origin["versions"], **rest, **devices}
