"""Processes that compute together: the first of them, the chief, writes, and tells the others what is to be done."""

import contextlib
import json
import re
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_earlydyn.distribution.devices import local_devices
from tf_earlydyn.errors import InputError, WorkerError

_ADDRESS = re.compile(r"[^/\s]+:[0-9]{1,5}")
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)


def cluster(text: str | None) -> tuple[list[str], int]:
    """The workers' addresses and the own place among them, as ``TF_CONFIG`` gives them.

    It is {"cluster": {"worker": [address, ...]}, "task": {"type": "worker", "index": 0}}.

    Raises:
        InputError: if it says something else.
    """
    try:
        content = json.loads(text or "")
        workers, task = content["cluster"]["worker"], content["task"]
        right = (
            set(content["cluster"]) == {"worker"}
            and isinstance(workers, list)
            and task["type"] == "worker"
            and type(task["index"]) is int
            and task["index"] in range(len(workers))
            and all(_ADDRESS.fullmatch(address) and int(address.rpartition(":")[2]) < 2**16 for address in workers)
            and len(set(workers)) == len(workers)
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        right = False
    if not right:
        raise InputError(
            'strategy=multiworker needs TF_CONFIG={"cluster": {"worker": ["host:port", ...]}, "task": {"type": '
            f'"worker", "index": 0}}}}, the index being the own place in the list. Received: TF_CONFIG={text}.'
        )
    return workers, task["index"]


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes: of several workers, the first."""
    return worker_number(strategy) == 0


def worker_number(strategy: tf.distribute.Strategy) -> int:
    """The place of this process among several workers; 0 where there is but one."""
    return strategy.cluster_resolver.task_id if has_workers(strategy) else 0


def from_chief(strategy: tf.distribute.Strategy, value: np.ndarray | int | bool) -> np.ndarray:
    """The chief's value of a number or an array, on every worker; each of them has to ask.

    Raises:
        WorkerError: if a worker has ended.
    """
    value = np.asarray(value)
    numbers = value.astype(np.int32) if value.dtype == bool else value
    return added_up(strategy, numbers if is_chief(strategy) else np.zeros_like(numbers)).astype(value.dtype)


def added_up(strategy: tf.distribute.Strategy, value: np.ndarray) -> np.ndarray:
    """The sum over all workers of an array that each of them has, on every worker; each of them has to ask.

    Raises:
        WorkerError: if a worker has ended.
    """
    if not has_workers(strategy):
        return value

    def own(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
        first = context.replica_id_in_sync_group % len(local_devices(strategy)) == 0
        return tf.constant(value if first else np.zeros_like(value))

    with lost_workers_named(strategy):
        values = strategy.experimental_distribute_values_from_function(own)
        return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None).numpy()


def of_all_workers(strategy: tf.distribute.Strategy, value: np.ndarray) -> np.ndarray:
    """The array of each worker, all of one shape, in their order, on every worker; each of them has to ask.

    Raises:
        WorkerError: if a worker has ended.
    """
    workers = strategy.num_replicas_in_sync // len(local_devices(strategy))
    rows = np.zeros((workers, *value.shape), value.dtype)
    rows[worker_number(strategy)] = value
    return added_up(strategy, rows)


@contextlib.contextmanager
def lost_workers_named(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Within this context, what TensorFlow raises when another worker has ended becomes one sentence.

    Raises:
        WorkerError: that.
    """
    with losses_named() if has_workers(strategy) else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def losses_named() -> Iterator[None]:
    """The same where it is known that there are workers, before there is a strategy.

    Raises:
        WorkerError: as ``lost_workers_named`` does.
    """
    try:
        yield
    except _LOST as error:
        raise WorkerError from error


def has_workers(strategy: tf.distribute.Strategy) -> bool:
    """Whether several processes compute together."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
