"""What a type checker knows of the public names: looked at by mypy in ``make lint``, and never run."""

from typing import TYPE_CHECKING

import numpy as np

import tf_earlydyn as te

if TYPE_CHECKING:
    import keras
    from typing_extensions import assert_type


def kernels(model: "keras.Model", x: np.ndarray, by_layer: bool) -> None:
    assert_type(te.empirical_ntk(model, x), np.ndarray)
    assert_type(te.empirical_ntk(model, x, by_layer=True), dict[str, np.ndarray])
    te.empirical_ntk(model, x, outputs="mean")  # type: ignore[call-overload]


def twins(model: "keras.Model", x: np.ndarray) -> None:
    assert_type(te.affine_twin(model, x), te.AffineTwin)
    assert_type(te.affine_twin(model, x).max_learning_rate(x), float)


def runs() -> None:
    assert_type(te.RunConfig().training.steps, int)
    assert_type(te.studies.agreement.run(te.RunConfig()), te.rundir.RunDirectory | None)
    te.DataConfig(d="50")  # type: ignore[arg-type]
    te.no_such_name  # type: ignore[attr-defined]  # noqa: B018
