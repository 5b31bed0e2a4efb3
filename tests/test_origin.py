"""What a run's record says of where each of its parts was computed."""

import pytest

from tests import made_runs
from tf_earlydyn import report
from tf_earlydyn.report.words import machine
from tf_earlydyn.rundir import read_json
from tf_earlydyn.studies import origin

HERE = {
    "versions": {"python": "3.11.9", "tensorflow": "2.20.0"},
    "platform": "Linux",
    "processor": None,
    "cores": 2,
    "git_commit": "a" * 40,
    "git_dirty": False,
}
DEVICES = {"strategy": "gpu", "device": "GPU", "replicas": 1, "workers": 1}


def test_parts_that_are_computed_elsewhere_are_warned_of_and_recorded(tmp_path, monkeypatch):
    """More cores and another version; then the same again; then several GPUs, and a package that is gone."""
    directory = made_runs.training(tmp_path / "run")
    description = {**read_json(directory.config), "devices": DEVICES}
    directory.provenance.unlink()

    def part(devices=DEVICES, **changes):
        monkeypatch.setattr("tf_earlydyn.rundir.provenance", lambda: HERE)
        monkeypatch.setattr(origin, "provenance", lambda: {**HERE, **changes})
        monkeypatch.setattr(origin, "describe_devices", lambda execution: devices)
        origin.record_origin(directory, description, made_runs.CONFIG)
        return read_json(directory.provenance)

    assert part() == part() == HERE
    other = {"versions": {"python": "3.11.9", "tensorflow": "2.21.0"}, "cores": 4}
    with pytest.warns(UserWarning, match=r"end: tensorflow \(was 2\.20\.0, now 2\.21\.0\), cores \(was 2, now 4\)\.$"):
        first = part(**other)
    assert first == part(**other) == {**HERE, "resumed_with": [{"tensorflow": "2.21.0", "cores": 4}]}
    with pytest.warns(UserWarning, match=r"end: tensorflow \(was 2\.21\.0, now None\), strategy \(was gpu, now mirr"):
        part({**DEVICES, "strategy": "mirrored", "replicas": 2}, versions={"python": "3.11.9"}, cores=4)
    told = dict(machine(report.Record.read(directory)))
    assert told["CPU cores"] == "2"
    assert told["Devices"].startswith("GPU, strategy gpu")
    assert told["Resumed with"] == "tensorflow 2.21.0, cores 4, then tensorflow None, strategy mirrored, replicas 2"
