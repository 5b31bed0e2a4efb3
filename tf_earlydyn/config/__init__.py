"""What a run or a study is: frozen dataclasses, checked when they are made."""

from tf_earlydyn.config.execution import ExecutionConfig
from tf_earlydyn.config.fields import (
    flag_fields as flag_fields,
    flagfile,
    from_json as from_json,
    telling_flags as telling_flags,
)
from tf_earlydyn.config.kernel_study import KernelStudyConfig
from tf_earlydyn.config.run import LAYERS as LAYERS, DataConfig, ModelConfig, RunConfig, TrainingConfig

__all__ = [
    "DataConfig",
    "ExecutionConfig",
    "KernelStudyConfig",
    "ModelConfig",
    "RunConfig",
    "TrainingConfig",
    "flagfile",
]
