"""A function that runs in parts, for what can only be had from within a loop of others."""

import queue
import threading
from collections.abc import Callable


class InParts(threading.Thread):
    """Runs ``function(pause)``, where ``pause()`` returns at the next ``go_on``."""

    def __init__(self, function: Callable[[Callable[[], None]], None]) -> None:
        super().__init__(daemon=True)
        self._function = function
        self._turns, self._pauses = queue.SimpleQueue(), queue.SimpleQueue()

    def run(self) -> None:
        """What the thread does."""
        try:
            self._function(self._pause)
        except Exception as error:
            self._pauses.put(error)

    def _pause(self) -> None:
        self._pauses.put(None)
        self._turns.get()

    def go_on(self) -> None:
        """Lets it run until it pauses next.

        Raises:
            Exception: what it raises, if it fails before.
        """
        if self.ident is None:
            self.start()
        else:
            self._turns.put(None)
        error = self._pauses.get()
        if error is not None:
            raise error
