"""Signals that ask for the end: what a script does when one comes, and how a loop ends where it can."""

import signal
import threading
from types import FrameType, TracebackType

from tf_earlydyn.errors import Stopped

_ASKING = (signal.SIGTERM, signal.SIGINT)


def end_with_a_word() -> None:
    """SIGTERM raises ``Stopped``, as SIGINT raises KeyboardInterrupt. For scripts: it is a setting of the process."""

    def stop(number: int, _: FrameType | None) -> None:
        raise Stopped(number, f"Stopped by {name(number)}.", at_once=True)

    signal.signal(signal.SIGTERM, stop)


def name(number: int) -> str:
    """Of a signal.

    >>> name(15)
    'SIGTERM'
    """
    return signal.Signals(number).name


class Notice:
    """Within its ``with``, SIGTERM and SIGINT are noted and do nothing else; a SIGINT after that interrupts at once.

    At once is when Python is back from a compiled call, which no signal interrupts. A signal that came too late to be
    heeded, so that the ``with`` ends without an exception, then does what it would have done without all this.

    Outside the main thread, where signals cannot be handled, they do what they did; so do those that are ignored.

    Attributes:
        signal: the number of the first that came; None as long as none has.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict = {}

    def __enter__(self) -> "Notice":
        if threading.current_thread() is threading.main_thread():
            for number in _ASKING:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        while self._before:
            signal.signal(*self._before.popitem())
        if error is None and self.signal is not None:
            signal.raise_signal(self.signal)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.signal is None:
            self.signal = number
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
