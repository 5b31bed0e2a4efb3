"""What every worker of a run does alike: the first one records and writes beside it, the others nothing."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_earlydyn import columns, signals, training
from tf_earlydyn.config import RunConfig
from tf_earlydyn.config.fields import settings
from tf_earlydyn.distribution import from_chief, has_workers, of_all_workers, worker_number
from tf_earlydyn.errors import InputError, WorkerError
from tf_earlydyn.studies.ending import Ending
from tf_earlydyn.studies.identity import identity
from tf_earlydyn.studies.setup import Setup, network_rates, prepare
from tf_earlydyn.training.loop import Callback

_NO_STEP = -1


def to_be_run(config: RunConfig, strategy: tf.distribute.Strategy, finished: bool = False) -> bool:
    """Whether the chief's run is not ``finished``; each worker has to ask, before it does anything of the run.

    Raises:
        InputError, WorkerError: as ``require_one_run`` does, where it is not.
    """
    if from_chief(strategy, finished):
        return False
    require_one_run(config, strategy)
    return True


def require_one_run(config: RunConfig, strategy: tf.distribute.Strategy) -> None:
    """Returns where all workers have been given the same run; each of them has to ask.

    Raises:
        InputError: if this one has been given another than the first, or a file cannot be read.
        WorkerError: if another one has, or has ended.
    """
    if not has_workers(strategy):
        return
    own = identity(config)
    all_of_them = of_all_workers(strategy, np.array([_number(value) for value in own.values()]))
    differs = all_of_them != all_of_them[0]
    given = settings(config)
    others = [name for name, other in zip(own, differs[worker_number(strategy)], strict=True) if other]
    if others:
        raise InputError(
            "all workers must be given the same flags, and files of the same content. Received: "
            f"{', '.join(f'{name}={given[name]}' for name in others)}, unlike the first worker."
        )
    if differs.any():
        raise WorkerError("another worker was given other flags or files than the first: start all with the same ones.")


def _number(value: object) -> int:
    """One that tells a value from others, the same in every process."""
    return int.from_bytes(hashlib.blake2b(repr(value).encode(), digest_size=8).digest(), "little", signed=True)


def learners_of(setup: Setup) -> list[training.Learner]:
    """What learns, side by side, with all its variables."""
    learners = [
        training.Learner(columns.NETWORK, setup.network, training.GradientDescent(network_rates(setup.config))),
        *(learner for companion in setup.companions if (learner := companion.learner())),
    ]
    for learner in learners:
        learner.build(setup.data.x_train.shape, setup.data.y_train.shape)
    return learners


def agreed_start(strategy: tf.distribute.Strategy, step: int | None) -> int | None:
    """The step that the chief goes on from; None for none."""
    agreed = int(from_chief(strategy, np.array(_NO_STEP if step is None else step, np.int64)))
    return None if agreed == _NO_STEP else agreed


def train(
    setup: Setup,
    learners: list[training.Learner],
    callbacks: Iterable[Callback] = (),
    show_progress: bool = False,
    **options: Any,
) -> None:
    """``training.train`` of the run's examples, with its further ``options``."""
    x, y = setup.data.x_train, setup.data.y_train
    training.train(learners, x, y, setup.stops, callbacks, show_progress, strategy=setup.strategy, **options)


def follow(config: RunConfig, strategy: tf.distribute.Strategy) -> None:
    """The part of a worker that is not the chief: it computes what its share is, and writes nothing.

    Raises:
        InputError, DivergenceError, Stopped, WorkerError: as ``agreement.run`` does.
    """
    if not to_be_run(config, strategy):
        return
    setup = prepare(config)
    learners = learners_of(setup)
    start = agreed_start(strategy, None)
    with signals.Notice() as notice:
        train(setup, learners, start=start, pauses=[_End(Ending(notice, strategy))])


class _End:
    """A training pause that ends a worker where a signal asks for it."""

    def __init__(self, ending: Ending) -> None:
        self._ending = ending

    def due(self, _: int) -> bool:
        """As ``training.Pause`` has it."""
        return self._ending.asked()

    def __call__(self, step: int) -> None:
        """Raises ``Stopped``, or ``WorkerError`` where another worker was asked."""
        self._ending.end(f"at step {step}", "start all workers with --resume")
