"""A run with several seeds: medians, ranges and intervals over them."""

import dataclasses
import statistics

import pandas as pd

import tf_earlydyn.studies.agreement as agreement
from tf_earlydyn import exits, report
from tf_earlydyn.config import RunConfig
from tf_earlydyn.config.fields import settled
from tf_earlydyn.distribution import is_chief, make_strategy
from tf_earlydyn.rundir import RunDirectory, read_csv, read_json, write_csv, write_json
from tf_earlydyn.studies.claiming import Claim, claimed
from tf_earlydyn.studies.event_file import EventFile
from tf_earlydyn.studies.origin import record_origin
from tf_earlydyn.studies.together import follow, to_be_run

__all__ = ["run"]


def run(config: RunConfig, show_progress: bool = True, *, resume: bool = False) -> RunDirectory | None:
    """Runs ``config``: with several seeds, in a directory each, below that of what they have in common.

    Of several workers the first one writes; the others get None.

    Args:
        config: the run.
        show_progress: whether progress bars are shown.
        resume: whether to go on where the run in ``config.run_dir`` was left; seeds that have finished are left alone.

    Raises:
        InputError: if the configuration, the data or the run directory cannot be used; nothing is written then.
        DivergenceError: if a training loss is not finite; the directory keeps what was recorded, without a summary.
        WriteError, Stopped, WorkerError: as ``agreement.run`` does.
    """
    if config.seeds == 1:
        return agreement.run(config, show_progress, resume=resume)
    strategy = make_strategy(config.execution)
    if not is_chief(strategy):
        if to_be_run(config, strategy):
            for one in _configs(config):
                follow(one, strategy)
        return None
    with claimed(config, resume) as claim:
        if to_be_run(config, strategy, claim.directory.finished):
            _run(config, claim, show_progress, resume)
    return claim.directory


def _configs(config: RunConfig, directory: RunDirectory | None = None) -> list[RunConfig]:
    """A run for each seed, in a directory below ``directory`` where there is one."""
    return [
        dataclasses.replace(
            config, seed=seed, seeds=1, run_dir=None if directory is None else str(directory.of_seed(seed))
        )
        for seed in range(config.seed, config.seed + config.seeds)
    ]


def _run(config: RunConfig, claim: Claim, show_progress: bool, resume: bool) -> None:
    directory = claim.directory
    configs = _configs(config, directory)
    runs = [RunDirectory(settled(one.run_dir)) for one in configs]

    def begin() -> None:
        """When the first seed has looked at the input, and made its directory and with it the one above."""
        claim.hold()
        record_origin(directory, {**read_json(runs[0].config), **dataclasses.asdict(config)}, config)

    for one in configs:
        agreement.run(one, show_progress, resume=resume, begun=begin)
    description = read_json(directory.config)
    summary = summarise([read_json(run.summary) for run in runs])
    write_csv(
        directory.metrics, _together({one.seed: read_csv(run.metrics) for one, run in zip(configs, runs, strict=True)})
    )
    figures = report.draw_figures(directory, description, summary)
    EventFile(directory, description).finish(config.training.steps, figures)
    report.write([report.Record(directory, description, summary)])
    write_json(directory.summary, summary)


def summarise(summaries: list[dict]) -> dict:
    """The content of ``summary.json``: medians over the seeds, and the interval of each exit.

    Of the linear models that all seeds have, since a sample may be too small for the twin of some. None for the
    half-way step's figures where a run does not reach it.
    """
    return {
        **{name: _median([summary[name] for summary in summaries]) for name in _MEDIANS},
        "companions": {
            name: _of_companion([summary["companions"][name] for summary in summaries])
            for name in summaries[0]["companions"]
            if all(name in summary["companions"] for summary in summaries)
        },
        "span_dimension": summaries[0]["span_dimension"],
        "seeds": len(summaries),
    }


_MEDIANS = ("half_step", "half_test_gap", "half_test_gap_relative", "linear_optimum", "training_seconds")


def _of_companion(summaries: list[dict]) -> dict:
    medians = {name: _median([summary[name] for summary in summaries]) for name in summaries[0] if name != "exits"}
    found = {
        kind: exits.over_seeds([summary["exits"][kind] for summary in summaries])._asdict()
        for kind in summaries[0]["exits"]
    }
    return {**medians, "exits": found}


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if len(known) == len(values) else None


def _together(tables: dict[int, pd.DataFrame]) -> list[dict]:
    """One table's rows with a column of seeds, of the steps and columns that all have: half-way steps differ."""
    steps = set.intersection(*(set(table["step"]) for table in tables.values()))
    shared = set.intersection(*(set(table) for table in tables.values()))
    return [
        {"seed": seed, **row}
        for seed, table in tables.items()
        for row in table.loc[table["step"].isin(steps), [name for name in table if name in shared]].to_dict("records")
    ]
