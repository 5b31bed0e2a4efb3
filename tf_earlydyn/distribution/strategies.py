"""Strategies of ``tf.distribute`` by name."""

import functools
import os

import tensorflow as tf

from tf_earlydyn.config import ExecutionConfig
from tf_earlydyn.distribution.devices import local_devices
from tf_earlydyn.distribution.rendezvous import await_workers
from tf_earlydyn.distribution.workers import cluster, losses_named
from tf_earlydyn.errors import InputError
from tf_earlydyn.provenance import cores


def set_up(execution: ExecutionConfig) -> None:
    """Settings of the whole process: devices, and the precision of matrix products. Before TensorFlow computes.

    Args:
        execution: where, and in which precision.

    Raises:
        InputError: if TensorFlow has computed already, and its devices cannot be changed any more.
    """
    _set_precision(execution)
    name = chosen(execution)
    try:
        if name == "cpu":
            tf.config.set_visible_devices([], "GPU")
        if name == "mirrored" and not tf.config.list_physical_devices("GPU"):
            cpus = [tf.config.LogicalDeviceConfiguration()] * (execution.replicas or cores())
            tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], cpus)
    except RuntimeError as error:
        raise InputError(
            f"devices are chosen before TensorFlow computes, in a new process. Received: strategy={name} after that."
        ) from error


def chosen(execution: ExecutionConfig) -> str:
    """The strategy's name: what this machine has, for ``auto``."""
    if execution.strategy != "auto":
        return execution.strategy
    if tf.config.list_physical_devices("TPU"):
        return "tpu"
    return ("cpu", "gpu", "mirrored")[min(len(tf.config.list_physical_devices("GPU")), 2)]


def make_strategy(execution: ExecutionConfig) -> tf.distribute.Strategy:
    """The strategy that is asked for, made once in a process; from now on its products have the precision asked for.

    Args:
        execution: where, and in which precision.

    Raises:
        InputError: if there are no such devices, or ``TF_CONFIG`` does not say what it must.
        WorkerError: if another worker does not begin, or has ended.
    """
    name = chosen(execution)
    if name == "tpu" and execution.dtype == "float64":
        raise InputError("a TPU has no float64: take dtype=float32. Received: dtype=float64 with strategy=tpu.")
    _set_precision(execution)
    return _made(name, _mirrors(execution.replicas) if name == "mirrored" else ())


def _set_precision(execution: ExecutionConfig) -> None:
    """That of the whole process, in what is compiled from now on."""
    tf.config.experimental.enable_tensor_float_32_execution(execution.precision == "default")


@functools.cache
def _made(name: str, mirrors: tuple[str, ...]) -> tf.distribute.Strategy:
    """One for the same devices, however they are asked for: the sums of two would meet."""
    return {
        "cpu": lambda: tf.distribute.OneDeviceStrategy("/cpu:0"),
        "gpu": _gpu,
        "mirrored": lambda: tf.distribute.MirroredStrategy(mirrors),
        "multiworker": _multiworker,
        "tpu": _tpu,
    }[name]()


def describe_devices(execution: ExecutionConfig) -> dict[str, str | int]:
    """What the strategy that is asked for is here, for the record of a run.

    Args:
        execution: where, and in which precision.
    """
    strategy = make_strategy(execution)
    return {
        "strategy": chosen(execution),
        "device": tf.DeviceSpec.from_string(local_devices(strategy)[0]).device_type,
        "replicas": strategy.num_replicas_in_sync,
        "workers": strategy.num_replicas_in_sync // len(local_devices(strategy)),
    }


def _gpu() -> tf.distribute.Strategy:
    if not tf.config.list_physical_devices("GPU"):
        raise InputError("strategy=gpu needs a GPU, and TensorFlow finds none: take strategy=cpu. Received: no GPU.")
    return tf.distribute.OneDeviceStrategy("/gpu:0")


def _mirrors(replicas: int | None) -> tuple[str, ...]:
    """The devices of so many replicas; by default all of their kind."""
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    devices = tf.config.list_logical_devices(kind)
    replicas = replicas or len(devices)
    if replicas > len(devices):
        raise InputError(
            "replicas must be at most the number of devices that TensorFlow has; where there is no GPU, "
            f"distribution.set_up makes that many logical CPUs. Received: replicas={replicas}, with {len(devices)} of "
            f"kind {kind}."
        )
    return tuple(f"{kind}:{number}" for number in range(replicas))


def _tpu() -> tf.distribute.Strategy:
    if not tf.config.list_physical_devices("TPU"):
        raise InputError("strategy=tpu needs a TPU, and TensorFlow finds none: take strategy=auto. Received: no TPU.")
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu="local")
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)


def _multiworker() -> tf.distribute.Strategy:
    await_workers(*cluster(os.environ.get("TF_CONFIG")))
    with losses_named():
        return tf.distribute.MultiWorkerMirroredStrategy()
