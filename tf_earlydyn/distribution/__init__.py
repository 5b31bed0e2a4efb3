"""Where it is computed: devices, strategies of ``tf.distribute``, and workers that compute together."""

from tf_earlydyn.distribution.devices import cores, current_strategy, local_devices, on_cpu, on_one_device
from tf_earlydyn.distribution.strategies import make_strategy, set_up
from tf_earlydyn.distribution.workers import from_chief, is_chief, lost_workers_named

__all__ = [
    "cores",
    "current_strategy",
    "from_chief",
    "is_chief",
    "local_devices",
    "lost_workers_named",
    "make_strategy",
    "on_cpu",
    "on_one_device",
    "set_up",
]
