"""Errors whose message is for the user: what is wrong, what was received, what to do."""


class InputError(ValueError):
    """Input that cannot be used: the message says what is wrong, what was received and what to do."""


class WriteError(OSError):
    """A file of a run cannot be written: the message says which, why and what to do.

    Attributes:
        path: of the file.
        strerror: what stood in the way.
    """

    def __init__(self, path: object, reason: object, advice: str = "make room, or let it be written.") -> None:
        super().__init__(f"{path} cannot be written ({reason}): {advice}")
        self.path = path
        self.strerror = str(reason)


# A worker that began while another of the last start has not ended yet would wait for that one.
_LOST = "another worker has ended, and nothing goes on without it: when all have ended, start all again, with --resume."


class WorkerError(RuntimeError):
    """Another process of those that compute together has ended: the message says what to do."""

    def __init__(self, message: str = _LOST) -> None:
        super().__init__(message)


class Stopped(KeyboardInterrupt):
    """A signal has asked for the end.

    Attributes:
        signal: the signal's number; a script ends with 128 more as its exit status.
        at_once: whether it stopped whatever was being done, as a KeyboardInterrupt does.
    """

    def __init__(self, number: int, message: str, at_once: bool = False) -> None:
        super().__init__(message)
        self.signal = number
        self.at_once = at_once


class DivergenceError(ArithmeticError):
    """Training reached a number that is not finite.

    Attributes:
        quantity: what is not finite.
        step: the first gradient-descent step at which it was seen.
    """

    def __init__(self, quantity: str, step: int, advice: str = "take a smaller learning_rate.") -> None:
        super().__init__(f"the {quantity} is not finite at step {step}: {advice}")
        self.quantity = quantity
        self.step = step
