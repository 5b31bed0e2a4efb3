"""What ``config.json`` says of every run of a network on examples."""

import dataclasses

from tf_earlydyn.config import RunConfig
from tf_earlydyn.data import Dataset
from tf_earlydyn.distribution import describe_devices


def describe_run(config: RunConfig, examples: Dataset, **sizes: int) -> dict:
    """The configuration, and what followed from it, the devices and the data.

    Args:
        config: of the run.
        examples: its data.
        sizes: further ones.
    """
    return {
        **dataclasses.asdict(config),
        "devices": describe_devices(config.execution),
        "sizes": {
            "n_train": len(examples.y_train),
            "n_test": len(examples.y_test),
            "outputs": examples.outputs,
            **sizes,
        },
        "input_shape": list(examples.input_shape),
        "preprocessing": list(examples.preprocessing),
    }
