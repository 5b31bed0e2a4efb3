"""Work in independent parts, shared out among the replicas of a strategy."""

import contextlib
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import tensorflow as tf

from tf_earlydyn.distribution.devices import local_devices
from tf_earlydyn.distribution.workers import worker_number

T = TypeVar("T")
R = TypeVar("R")


class _End:
    """What comes where nothing more does."""


_END = _End()


def shared_out(
    parts: Sequence[T], compute: Callable[[Sequence[T]], Iterator[R]], strategy: tf.distribute.Strategy
) -> Iterator[tuple[T, R]]:
    """Those of ``parts`` that the replicas of this process compute, in their order, each with what comes of it.

    Replica r of N takes parts r, r + N and so on; ``compute`` gives what comes of them, one after the other. It runs on
    the replica's device, where there are several in a thread for each, at most one part ahead.
    """
    streams = [
        _on(device, compute(parts[share]))
        for device, share in zip(local_devices(strategy), _shares(strategy), strict=True)
    ]
    return zip(own_parts(parts, strategy), _side_by_side(streams) if len(streams) > 1 else streams[0], strict=True)


def own_parts(parts: Sequence[T], strategy: tf.distribute.Strategy) -> list[T]:
    """Those of ``parts`` that the replicas of this process compute, in their order."""
    own = sorted(number for share in _shares(strategy) for number in range(len(parts))[share])
    return [parts[number] for number in own]


def _shares(strategy: tf.distribute.Strategy) -> list[slice]:
    """Of each replica of this process, which parts are its own."""
    count = len(local_devices(strategy))
    first = worker_number(strategy) * count
    return [slice(replica, None, strategy.num_replicas_in_sync) for replica in range(first, first + count)]


def _on(device: str, results: Iterator[R]) -> Iterator[R]:
    """The same, each computed on ``device``, which is none of what comes between."""
    while True:
        with tf.device(device):
            result = next(results, _END)
        if isinstance(result, _End):
            return
        yield result


def _side_by_side(streams: list[Iterator[R]]) -> Iterator[R]:
    """One result of each stream after the other, until one has no more; each is computed in a thread of its own."""
    with contextlib.ExitStack() as running:
        threads = [running.enter_context(ThreadPoolExecutor(1)) for _ in streams]
        coming = deque(thread.submit(next, stream, _END) for thread, stream in zip(threads, streams, strict=True))
        for thread, stream in itertools.cycle(zip(threads, streams, strict=True)):
            result = coming.popleft().result()
            if isinstance(result, _End):
                return
            coming.append(thread.submit(next, stream, _END))
            yield result
