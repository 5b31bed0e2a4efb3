"""What a run or a study is: frozen dataclasses, checked when they are made."""

from tf_earlydyn.config.execution import ExecutionConfig
from tf_earlydyn.config.fields import flag_fields, flagfile, from_json, setting, telling_flags
from tf_earlydyn.config.kernel_study import KernelStudyConfig
from tf_earlydyn.config.run import LAYERS, DataConfig, ModelConfig, RunConfig, TrainingConfig

__all__ = [
    "LAYERS",
    "DataConfig",
    "ExecutionConfig",
    "KernelStudyConfig",
    "ModelConfig",
    "RunConfig",
    "TrainingConfig",
    "flag_fields",
    "flagfile",
    "from_json",
    "setting",
    "telling_flags",
]
