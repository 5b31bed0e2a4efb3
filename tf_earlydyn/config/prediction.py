"""What a prediction is."""

import dataclasses

from tf_earlydyn.config.fields import check_fields, require, setting
from tf_earlydyn.config.run import RunConfig


@dataclasses.dataclass(frozen=True)
class PredictionConfig:
    """What to foretell: a run, or the training of a saved network on its data."""

    run: RunConfig = dataclasses.field(default_factory=RunConfig)
    network_file: str | None = setting(
        None, "A saved Keras model (.keras) in place of --model, with --data=npz and a --data_file, say."
    )
    sample: int | None = setting(
        None, "Training inputs that the twin is derived from; default 4,000, or 4 (d + 1) if that is more."
    )

    def __post_init__(self) -> None:
        check_fields(self)
        require(self.sample is None or self.sample >= 2, "sample must be at least 2 examples.", sample=self.sample)
        require(
            self.network_file is None or self.run.training.train == "both",
            "train=first and train=second are for model=two_layer; take train=both.",
            train=self.run.training.train,
            network_file=self.network_file,
        )
