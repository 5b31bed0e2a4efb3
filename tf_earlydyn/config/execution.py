"""How a run is executed: where, and in which precision."""

import dataclasses

from tf_earlydyn.config.fields import check_fields, require, setting, with_settings_told

STRATEGIES = ("auto", "cpu", "gpu", "mirrored", "tpu", "multiworker")


@with_settings_told
@dataclasses.dataclass(frozen=True)
class ExecutionConfig:
    """How it runs."""

    strategy: str = setting(
        "auto",
        "Where it is computed: on one cpu or gpu, mirrored on all GPUs, on a tpu, or by multiworker, several processes "
        "that TF_CONFIG names; auto: on the best there is for this process.",
        STRATEGIES,
    )
    replicas: int | None = setting(
        None, "mirrored: how many GPUs or, where there are none, logical CPUs; default all GPUs, a CPU for each core."
    )
    precision: str = setting(
        "highest",
        "Of float32 matrix products on GPU and TPU: highest, all of float32; default, the device's own, of fewer bits.",
        ("highest", "default"),
    )
    dtype: str = setting("float32", "What is trained in.", ("float32", "float64"))

    def __post_init__(self) -> None:
        check_fields(self)
        require(self.replicas is None or self.replicas > 0, "replicas must be positive.", replicas=self.replicas)
        require(
            self.replicas is None or self.strategy == "mirrored",
            "replicas is for strategy=mirrored.",
            replicas=self.replicas,
            strategy=self.strategy,
        )
