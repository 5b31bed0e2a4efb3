"""Workers wait for each other here: in TensorFlow one would wait for an hour, and no signal would end it."""

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence

from tf_earlydyn.errors import InputError, WorkerError

SECONDS = 300.0  # from the start of the first worker to that of the last


def await_workers(addresses: Sequence[str], own: int) -> None:
    """Returns when every worker of ``addresses``, ``host:port``, has begun; the own one, by its place, has.

    Whatever listens at an address counts as its worker, one of an earlier start that has not ended yet as well.

    Raises:
        InputError: if this process cannot listen at its own address.
        WorkerError: if one has not begun in time.
    """
    missing = {address for place, address in enumerate(addresses) if place != own}
    end = time.monotonic() + SECONDS
    with _listening(addresses[own]):
        while missing := {address for address in missing if not _answers(address)}:
            if time.monotonic() > end:
                raise WorkerError(
                    f"the worker at {min(missing)} has not begun in {SECONDS:g} seconds, and nothing goes on without "
                    "it: start all workers of TF_CONFIG."
                )
            time.sleep(0.1)


@contextlib.contextmanager
def _listening(address: str) -> Iterator[None]:
    """Others can see within this context that this process lives; after it, TensorFlow listens there."""
    try:
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        with socket.create_server(("", _split(address)[1]), family=family, dualstack_ipv6=both):
            yield
    except OSError as error:
        raise InputError(
            f"a worker listens at its own address in TF_CONFIG, and here it cannot. Received: {address} "
            f"({error.strerror or error})."
        ) from error


def _answers(address: str) -> bool:
    try:
        socket.create_connection(_split(address), timeout=1).close()
    except (OSError, UnicodeError):  # a name that has no address yet, or never
        return False
    return True


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
