import errno
import json
import math
import os

import pytest

from tf_earlydyn import rundir
from tf_earlydyn.errors import InputError, WriteError
from tf_earlydyn.provenance import provenance
from tf_earlydyn.rundir import RunDirectory


def test_a_directory_is_made_with_its_parents(tmp_path):
    directory = RunDirectory.new(str(tmp_path / "a" / "b"))
    assert not (tmp_path / "a").exists()
    directory.make()
    assert directory.path.is_dir()


def test_home_is_expanded_where_the_shell_does_not(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert RunDirectory("~/run").metrics == tmp_path / "run" / "metrics.csv"


def test_default_directories_never_coincide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for count in range(1, 4):
        RunDirectory.new(None).make()
        assert len(list((tmp_path / "runs").iterdir())) == count


@pytest.mark.parametrize("kind", ["directory", "file", "dangling link"])
def test_what_exists_is_refused(kind, tmp_path):
    path = tmp_path / "run"
    {"directory": path.mkdir, "file": path.touch, "dangling link": lambda: path.symlink_to("nowhere")}[kind]()
    with pytest.raises(InputError, match=r"run_dir must be a new directory\. Received: run_dir=.*run, which exists"):
        RunDirectory.new(str(path))


def test_a_place_that_cannot_hold_a_directory_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="run_dir cannot be made in"):
        RunDirectory.new(str(tmp_path / "file" / "run"))


def test_a_directory_that_cannot_be_made_leaves_no_parents(tmp_path):
    directory = RunDirectory.new(str(tmp_path / "a" / "b" / ("x" * 300)))
    with pytest.raises(InputError, match=r"run_dir cannot be made .*name too long"):
        directory.make()
    assert list(tmp_path.iterdir()) == []


def test_writes_are_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    rundir.write_json(path, {"x": 1.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        rundir.write_json(path, {"x": math.nan})
    assert rundir.read_json(path) == {"x": 1.5}
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_what_was_there_and_says_why(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    rundir.write_json(path, {"x": 1})

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(rundir.os, "fsync", full)
    with pytest.raises(
        WriteError, match=rf"^{path} cannot be written \(No space left on device\): make room"
    ) as raised:
        rundir.write_json(path, {"x": 2})
    assert (raised.value.path, raised.value.strerror) == (path, "No space left on device")
    assert rundir.read_json(path) == {"x": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(WriteError, match=r"a cannot be written \(File exists\)"):
        rundir.make_folder(tmp_path / "a")


def test_tables_keep_every_digit(tmp_path):
    rundir.write_csv(tmp_path / "a.csv", [{"step": 0, "value": 0.1 + 0.2}, {"step": 1, "value": 1e-300}])
    assert (tmp_path / "a.csv").read_text() == f"step,value\n0,{0.1 + 0.2!r}\n1,1e-300\n"
    assert rundir.read_csv(tmp_path / "a.csv")["step"].tolist() == [0, 1]


@pytest.mark.parametrize("read", [rundir.read_json, rundir.read_csv])
@pytest.mark.parametrize("content", [None, ""])
def test_files_that_cannot_be_read_are_refused(read, content, tmp_path):
    if content is not None:
        (tmp_path / "a").write_text(content)
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "a")


@pytest.mark.parametrize("content", ["step\n", "step,x\n0,\n", "step,x\n0,a\n"])
def test_tables_that_do_not_hold_numbers_are_refused(content, tmp_path):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(InputError, match=r"a\.csv must hold rows of numbers"):
        rundir.read_csv(tmp_path / "a.csv")


def test_a_run_without_a_summary_did_not_finish(tmp_path):
    with pytest.raises(InputError, match=r"does not hold a finished run: it has no summary\.json, config\.json"):
        RunDirectory.open_finished(tmp_path)


def test_provenance_says_where_a_run_came_from():
    found = provenance()
    assert found["versions"]["keras"].startswith("3.")
    assert {"python", "numpy"} <= found["versions"].keys()
    assert found["cores"] >= 1
    assert found["processor"] is None or found["processor"]
    assert found["git_commit"] is None or len(found["git_commit"]) == 40
    json.dumps(found)
