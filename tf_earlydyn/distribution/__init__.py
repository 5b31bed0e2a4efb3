"""Where it is computed: devices, strategies of ``tf.distribute``, and workers that compute together."""

from tf_earlydyn.distribution.devices import (
    cores,
    current_strategy,
    local_devices,
    on_cpu,
    on_one_device,
    within_process,
)
from tf_earlydyn.distribution.sharing import own_parts, shared_out
from tf_earlydyn.distribution.strategies import describe_devices, make_strategy, set_up
from tf_earlydyn.distribution.workers import added_up, from_chief, has_workers, is_chief, lost_workers_named

__all__ = [
    "added_up",
    "cores",
    "current_strategy",
    "describe_devices",
    "from_chief",
    "has_workers",
    "is_chief",
    "local_devices",
    "lost_workers_named",
    "make_strategy",
    "on_cpu",
    "on_one_device",
    "own_parts",
    "set_up",
    "shared_out",
    "within_process",
]
