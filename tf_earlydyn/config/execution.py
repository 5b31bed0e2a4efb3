"""How a run is executed: what does not change what is computed."""

import dataclasses
import math

from tf_earlydyn.config.fields import check_fields, require, setting


@dataclasses.dataclass(frozen=True)
class ExecutionConfig:
    """How it runs."""

    checkpoint_seconds: float = setting(
        30.0, "Between recorded steps, training is saved for --resume after so many seconds; 0: after every 100 steps."
    )

    def __post_init__(self) -> None:
        check_fields(self)
        require(
            math.isfinite(self.checkpoint_seconds) and self.checkpoint_seconds >= 0,
            "checkpoint_seconds must be a finite number that is not negative.",
            checkpoint_seconds=self.checkpoint_seconds,
        )
