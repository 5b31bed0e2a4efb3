"""Where it is computed: devices, strategies of ``tf.distribute``, and workers that compute together."""

from tf_earlydyn.distribution.devices import (
    current_strategy,
    local_devices as local_devices,
    on_cpu as on_cpu,
    on_one_device as on_one_device,
    within_process as within_process,
)
from tf_earlydyn.distribution.sharing import own_parts as own_parts, shared_out as shared_out
from tf_earlydyn.distribution.strategies import describe_devices, make_strategy, set_up
from tf_earlydyn.distribution.workers import (
    added_up as added_up,
    from_chief as from_chief,
    has_workers as has_workers,
    is_chief as is_chief,
    lost_workers_named as lost_workers_named,
    of_all_workers as of_all_workers,
    worker_number as worker_number,
)

__all__ = ["current_strategy", "describe_devices", "make_strategy", "set_up"]
