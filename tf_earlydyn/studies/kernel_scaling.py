"""The paper's two bounds over a range of dimensions: kernel errors and training gaps (Hu et al. 2020, Section 3).

Two-layer networks on Gaussian inputs of identity covariance, labelled by the sign of a small network, with
n = d^(1 + alpha) examples and m = d^(1 + alpha) or d^(2 + alpha) hidden units, antisymmetric at step 0.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from tf_earlydyn import report
from tf_earlydyn.config import KernelStudyConfig, flagfile
from tf_earlydyn.distribution import describe_devices, make_strategy
from tf_earlydyn.rundir import RunDirectory, write_csv, write_json, write_origin
from tf_earlydyn.studies.kernel_errors import kernel_errors
from tf_earlydyn.studies.power_law import fit_power_law
from tf_earlydyn.studies.training_gaps import training_gaps

__all__ = ["run"]
_Measurement = Callable[[KernelStudyConfig], Iterator[list[dict]]]


def run(config: KernelStudyConfig, show_progress: bool = True) -> RunDirectory:
    """Runs ``config`` and writes its run directory.

    Args:
        config: the study.
        show_progress: whether there are progress bars.

    Raises:
        InputError: if the run directory cannot be made; nothing is written then.
        DivergenceError: if a training loss is not finite; the directory keeps what was measured, without a summary.
    """
    directory = RunDirectory.new(config.run_dir)
    make_strategy(config.execution)  # or refuse, before anything is written
    directory.make()
    description = describe(config)
    write_origin(directory, description, flagfile(config))
    started = time.monotonic()
    exponents = []
    if config.study in ("kernel", "both"):
        errors = _measure(kernel_errors, config, directory.errors, show_progress)
        exponents += fitted(errors, "error")
    if config.study in ("training", "both"):
        gaps = _measure(training_gaps, config, directory.gaps, show_progress)
        exponents += fitted(gaps, "train_gap") + fitted(gaps, "test_gap")
    write_csv(directory.exponents, exponents)
    summary = {"exponents": exponents, "seconds": round(time.monotonic() - started, 3)}
    report.draw_scaling(directory, description, summary)
    report.write([report.Record(directory, description, summary)])
    write_json(directory.summary, summary)
    return directory


def describe(config: KernelStudyConfig) -> dict:
    """The content of ``config.json``: the configuration, and the devices and sizes that followed from it."""
    sizes = [{"d": d, "n": config.examples(d), "m": config.width(d), "steps": config.steps(d)} for d in config.dims]
    return {**dataclasses.asdict(config), "devices": describe_devices(config.execution), "sizes": sizes}


def fitted(table: pd.DataFrame, quantity: str) -> list[dict]:
    """The power law in d of a column, for each choice of layers: rows of ``exponents.csv``."""
    rows = []
    for layers, part in table.groupby("layers", sort=False):
        values = part.pivot(index="d", columns="seed", values=quantity)
        law = fit_power_law(values.index.to_numpy(), values.to_numpy())
        rows.append({"quantity": quantity, "layers": layers, **dataclasses.asdict(law), "seeds": values.shape[1]})
    return rows


def _measure(measurement: _Measurement, config: KernelStudyConfig, file: Path, show_progress: bool) -> pd.DataFrame:
    """All rows of a measurement, written to ``file`` as they come."""
    rows: list[dict] = []
    options: dict[str, Any] = {"unit": "run", "leave": False, "disable": not show_progress, "desc": file.stem}
    for new in tqdm(measurement(config), total=len(config.dims) * config.seeds, **options):
        rows += new
        write_csv(file, rows)
    return pd.DataFrame(rows)
