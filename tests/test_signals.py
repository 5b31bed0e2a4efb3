"""Signals and locks: what a process does when it is asked to end, and how it keeps others out."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from tf_earlydyn import flags, locks
from tf_earlydyn.errors import InputError, Stopped, WriteError
from tf_earlydyn.locks import locked
from tf_earlydyn.signals import Notice

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def handlers():
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noted_and_where_nobody_heeds_it_comes_again(number):
    came = []
    own = signal.signal(number, lambda number, _: came.append(number))
    before = handlers()
    try:
        with contextlib.suppress(Stopped), Notice() as notice:
            assert notice.signal is None
            os.kill(os.getpid(), number)
            assert notice.signal == number
            raise Stopped(number, "heeded")
        assert came == []
        with Notice():
            os.kill(os.getpid(), number)
            assert came == []
        assert came == [number]
        assert handlers() == before
    finally:
        signal.signal(number, own)


@pytest.mark.parametrize("first", SIGNALS)
def test_an_interrupt_after_another_signal_interrupts_at_once(first):
    before = handlers()
    with pytest.raises(KeyboardInterrupt), Notice() as notice:
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), signal.SIGTERM)  # which changes nothing
        assert notice.signal == first
        os.kill(os.getpid(), signal.SIGINT)
    assert handlers() == before


def test_what_is_ignored_stays_ignored():
    """As in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Notice() as notice:
            os.kill(os.getpid(), signal.SIGINT)
            assert notice.signal is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_signals_are_left_alone():
    before, seen = handlers(), []

    def notices():
        with Notice():
            seen.extend(handlers())

    thread = threading.Thread(target=notices)
    thread.start()
    thread.join()
    assert seen == before


def ends(how):
    """The exit status of a script whose ``main`` does this."""
    before = handlers()
    try:
        return flags._guarded(lambda arguments: how(), [])
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "status", "word"), [(signal.SIGTERM, 143, "Stopped by SIGTERM."), (signal.SIGINT, 130, "Interrupted.")]
)
def test_outside_training_a_signal_ends_a_script_with_one_sentence(number, status, word, capsys):
    def noticed():
        with Notice():
            os.kill(os.getpid(), number)

    for how in (lambda: os.kill(os.getpid(), number), noticed):
        assert ends(how) == status
        assert capsys.readouterr().err == f"{word}\n"


def test_a_script_ends_with_what_stopped_it(capsys):
    def stops():
        raise Stopped(signal.SIGINT, "Stopped by SIGINT at step 3.")

    def fails():
        raise WriteError("a.csv", "No space left on device")

    assert (ends(stops), ends(fails)) == (130, 2)
    assert capsys.readouterr().err.splitlines() == [
        "Stopped by SIGINT at step 3.",
        "a.csv cannot be written (No space left on device): make room, or let it be written.",
    ]


def test_the_holder_alone_is_let_in(tmp_path):
    with locked(tmp_path):
        with pytest.raises(InputError, match=rf"another process is at work .*run_dir={tmp_path}\."), locked(tmp_path):
            pytest.fail("two hold one directory")
        assert (tmp_path / locks.NAME).exists()
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path):
        pass


HOLD = "import sys, pathlib, time\nfrom tf_earlydyn.locks import locked\n"
HOLD += "with locked(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(100)"


def test_a_killed_process_blocks_nobody(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another process"), locked(tmp_path):
            pytest.fail("it is held")
        process.kill()
    assert (tmp_path / locks.NAME).exists()
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_its_holder_takes_away_is_not_taken_for_the_lock(tmp_path, monkeypatch):
    """One process opens the file, its holder ends and removes it, and only then is it locked."""
    flock, opened = locks.fcntl.flock, []

    def late(descriptor, operation):
        if not opened:
            opened.append(descriptor)
            (tmp_path / locks.NAME).unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(locks.fcntl, "flock", late)
    with locked(tmp_path):
        assert opened
        monkeypatch.undo()
        with pytest.raises(InputError, match="another process"), locked(tmp_path):
            pytest.fail("two hold one directory")


def test_without_such_locks_it_goes_without_and_says_so(tmp_path, monkeypatch):
    """As on some network file systems, and on Windows."""

    def unknown(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks.fcntl, "flock", unknown)
    words = r"not locked, since its file system knows none \(No locks available\): take care"
    with pytest.warns(UserWarning, match=words), locked(tmp_path), locked(tmp_path):
        pass
    monkeypatch.setattr(locks, "fcntl", None)
    words = "not locked, since this system has none of its kind: take care that no other"
    with pytest.warns(UserWarning, match=words), locked(tmp_path), locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
