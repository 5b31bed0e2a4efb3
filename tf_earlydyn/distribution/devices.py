"""The devices of this process, and what is computed on which."""

import tensorflow as tf


def current_strategy() -> tf.distribute.Strategy:
    """The strategy whose scope this is, or else that of one device: the first GPU, or the CPU."""
    if tf.distribute.has_strategy():
        return tf.distribute.get_strategy()
    return tf.distribute.OneDeviceStrategy("/gpu:0" if tf.config.list_logical_devices("GPU") else "/cpu:0")


def on_one_device(strategy: tf.distribute.Strategy) -> bool:
    """Whether variables are what they are without a strategy."""
    return isinstance(strategy, tf.distribute.OneDeviceStrategy)


def local_devices(strategy: tf.distribute.Strategy) -> tuple[str, ...]:
    """The device of each of this process's replicas."""
    return tuple(strategy.extended.worker_devices)


def within_process(strategy: tf.distribute.Strategy) -> tf.distribute.Strategy:
    """The strategy, or for one of several workers that of its own device alone, which asks nothing of the others."""
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return tf.distribute.OneDeviceStrategy(local_devices(strategy)[0])
    return strategy


def on_cpu(strategy: tf.distribute.Strategy) -> bool:
    """Whether its replicas are on CPUs."""
    return all("CPU" in device.upper() for device in local_devices(strategy))
