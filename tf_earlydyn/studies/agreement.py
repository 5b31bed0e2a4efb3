"""Figures 1 and 2: a network and its linear models side by side (Hu et al. 2020)."""

from collections.abc import Callable

from tf_earlydyn import columns, report, signals
from tf_earlydyn.config import RunConfig
from tf_earlydyn.distribution import is_chief, make_strategy, within_process
from tf_earlydyn.errors import DivergenceError, InputError
from tf_earlydyn.rundir import RunDirectory, read_json, write_json, write_model
from tf_earlydyn.studies.claiming import claimed
from tf_earlydyn.studies.description import describe_run
from tf_earlydyn.studies.ending import Ending
from tf_earlydyn.studies.kernel_probe import KernelProbe
from tf_earlydyn.studies.origin import record_origin
from tf_earlydyn.studies.recording import Recorder
from tf_earlydyn.studies.setup import Setup, learning_layers, prepare
from tf_earlydyn.studies.start_moments import start_moments
from tf_earlydyn.studies.survival import Survival
from tf_earlydyn.studies.tensorboard import TensorBoardWriter
from tf_earlydyn.studies.together import agreed_start, follow, learners_of, to_be_run, train

__all__ = ["run"]


def run(
    config: RunConfig, show_progress: bool = True, *, resume: bool = False, begun: Callable[[], None] = lambda: None
) -> RunDirectory | None:
    """Runs ``config`` and writes its run directory.

    Of several workers the first one writes; the others get None.

    Args:
        config: the run.
        show_progress: whether a progress bar is shown.
        resume: whether to go on from the last checkpoint in ``config.run_dir``, of the same run, and from step 0 where
            there is none; of a finished run nothing is changed.
        begun: called when the input has been found good and the directory says what it is of.

    Raises:
        InputError: if the configuration, the data or the run directory cannot be used, or a worker was given another
            run than the first; nothing is written then.
        DivergenceError: if a training loss is not finite; the directory keeps what was recorded, without a summary.
        WriteError: if a file cannot be written; the run can be resumed.
        Stopped: if SIGINT has come or, in training, SIGTERM; the run can be resumed.
        WorkerError: if another worker has ended, or was given another run; the run can be resumed.
    """
    if config.seeds > 1:
        raise InputError(f"this is for one seed: take studies.seeds.run. Received: seeds={config.seeds}.")
    strategy = make_strategy(config.execution)
    if not is_chief(strategy):
        follow(config, strategy)
        return None
    with claimed(config, resume) as claim:
        directory = claim.directory
        if to_be_run(config, strategy, directory.finished):
            setup = prepare(config)
            claim.make()
            _run(setup, directory, show_progress, resume, begun)
    return directory


def _run(setup: Setup, directory: RunDirectory, show_progress: bool, resume: bool, begun: Callable[[], None]) -> None:
    record_origin(directory, describe(setup), setup.config)
    description = read_json(directory.config)
    begun()
    probe = _kernel_probe(setup) if len(setup.probe) else None
    recorder = Recorder(
        directory, setup.data, setup.predict, setup.companions, setup.start, setup.tracked, setup.detectors, probe
    )
    survival, events = _train(setup, directory, description, recorder, show_progress, resume)
    write_model(directory.network, setup.network)
    for companion in setup.companions:
        companion.save(directory, setup.stops[-1])
    summary = {**summarise(setup, recorder), "training_seconds": round(survival.seconds, 3)}
    events.finish(report.draw_figures(directory, description, summary))
    report.write([report.Record(directory, description, summary)])
    write_json(directory.summary, summary)
    survival.end()


def _train(
    setup: Setup, directory: RunDirectory, description: dict, recorder: Recorder, show_progress: bool, resume: bool
) -> tuple[Survival, TensorBoardWriter]:
    """Trains what learns, side by side; what is to be told of the end of the run."""
    learners = learners_of(setup)
    notice = signals.Notice()
    ending = Ending(notice, setup.strategy)
    survival = Survival(directory, setup.config, setup.stops, learners, recorder, ending)
    start = agreed_start(setup.strategy, survival.resume() if resume else None)
    events = TensorBoardWriter(directory, description, recorder)
    try:
        with notice:
            train(setup, learners, (recorder, events), show_progress, start=start, pauses=[survival])
    except DivergenceError as error:
        first = min(setup.companions, key=lambda companion: companion.max_learning_rate)
        advice = (
            f"the {first.name} model is stable up to learning_rate={first.max_learning_rate:.4g}: take less, "
            f"or look at the scale of inputs and targets ({directory.path} holds what was recorded). "
            f"Received: learning_rate={setup.config.training.learning_rate:g}."
        )
        raise DivergenceError(error.quantity, error.step, advice) from error
    return survival, events


def _kernel_probe(setup: Setup) -> KernelProbe:
    x = setup.data.x_train[setup.probe]
    kernels = {companion.name: companion.kernel(x) for companion in setup.companions}
    own = within_process(setup.strategy)  # other workers do not record
    return KernelProbe(setup.network, kernels, x, learning_layers(setup.config), own)


def describe(setup: Setup) -> dict:
    """The content of ``config.json``: the configuration, and what followed from it and the data."""
    return {
        **describe_run(setup.config, setup.data, probe=len(setup.probe)),
        "companions": {companion.name: companion.describe() for companion in setup.companions},
        "moments": start_moments(setup.config.model, setup.network, setup.data),
    }


def summarise(setup: Setup, recorder: Recorder) -> dict:
    """The content of ``summary.json``: None for the half-way step's figures where the run does not reach it."""
    first = setup.companions[0]
    row = next((row for row in recorder.rows if row["step"] == first.half_step), None)
    companions = {}
    for companion, detector in zip(setup.companions, setup.detectors, strict=True):
        gap = row[columns.gap(companion.name, "test")] if row else None
        mean_square = recorder.mean_squares[companion.name].get(row["step"]) if row else None
        companions[companion.name] = {
            "half_test_gap": gap,
            "half_test_gap_relative": gap / mean_square if gap is not None and mean_square else None,
            "optimum": companion.optimum,
            "max_learning_rate": companion.max_learning_rate,
            "exits": detector.exits._asdict(),
        }
    return {
        "half_step": first.half_step,
        "half_test_gap": companions[first.name]["half_test_gap"],
        "half_test_gap_relative": companions[first.name]["half_test_gap_relative"],
        "linear_optimum": first.optimum,
        "companions": companions,
        "span_dimension": recorder.span.dimension,
        "last": recorder.rows[-1],
    }
