"""The kinds of run directories, each left by a script, and what a report says of them."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tf_earlydyn.config import KernelStudyConfig, RunConfig
from tf_earlydyn.report.figures import draw_figures
from tf_earlydyn.report.findings import findings
from tf_earlydyn.report.notes import prediction_notes, scaling_notes, training_notes
from tf_earlydyn.report.records import Record
from tf_earlydyn.report.rows import Row
from tf_earlydyn.report.study_figures import draw_prediction, draw_scaling
from tf_earlydyn.report.study_findings import prediction_findings, scaling_findings
from tf_earlydyn.report.study_rows import prediction_rows, scaling_rows
from tf_earlydyn.report.training_rows import rows
from tf_earlydyn.report.words import network, prediction_settings, scaling_network, scaling_settings, settings
from tf_earlydyn.rundir import RunDirectory


class Kind(NamedTuple):
    """What a report needs of a kind of run.

    Attributes:
        script: that leaves such directories.
        config_class: of what ``config.json`` holds.
        heading: what it is, with a place for its network.
        network: its network in words, of ``config.json``.
        draw: writes its figures, as ``draw_figures`` does.
        settings: what was run: terms and descriptions.
        rows: what theory foretells beside what was measured.
        findings: what each figure shows.
        notes: how its rows are read, of ``config.json``.
    """

    script: str
    config_class: type
    heading: str
    network: Callable[[dict], str]
    draw: Callable[[RunDirectory, dict, dict], list[Path]]
    settings: Callable[[Record], list[tuple[str, str]]]
    rows: Callable[[Record], list[Row]]
    findings: Callable[[Record], dict[str, str]]
    notes: Callable[[dict], tuple[str, ...]]


_TRAINING = Kind(
    script="train.py",
    config_class=RunConfig,
    heading="A network beside its linear models: {}",
    network=network,
    draw=draw_figures,
    settings=settings,
    rows=rows,
    findings=findings,
    notes=training_notes,
)
_PREDICTION = _TRAINING._replace(
    script="predict.py",
    heading="What is foretold of a network: {}",
    draw=draw_prediction,
    settings=prediction_settings,
    rows=prediction_rows,
    findings=prediction_findings,
    notes=prediction_notes,
)
_SCALING = Kind(
    script="kernels.py",
    config_class=KernelStudyConfig,
    heading="Linear kernels over dimensions: {}",
    network=scaling_network,
    draw=draw_scaling,
    settings=scaling_settings,
    rows=scaling_rows,
    findings=scaling_findings,
    notes=scaling_notes,
)


def kind_of(directory: RunDirectory) -> Kind:
    """By the table that lies in it."""
    if directory.metrics.is_file():
        return _TRAINING
    return _PREDICTION if directory.prediction.is_file() else _SCALING
