"""The end that a signal asks for: of several workers all end at the same step, whichever of them it was sent to."""

import numpy as np
import tensorflow as tf

from tf_earlydyn import signals
from tf_earlydyn.distribution import added_up
from tf_earlydyn.errors import Stopped, WorkerError


class Ending:
    """Whether the workers of a run have been asked to end.

    Args:
        notice: of this process's signals.
        strategy: of the run.
    """

    def __init__(self, notice: signals.Notice, strategy: tf.distribute.Strategy) -> None:
        self._notice, self._strategy = notice, strategy
        self._asked = False

    def asked(self) -> bool:
        """Whether any worker has been; each of them has to ask, at the same step.

        Raises:
            WorkerError: if a worker has ended.
        """
        self._asked = bool(added_up(self._strategy, np.array(self._notice.signal is not None, np.int32)))
        return self._asked

    def end(self, where: str, advice: str) -> None:
        """Ends the training where that was so.

        Raises:
            Stopped: if this process was asked.
            WorkerError: if another was; it says where, too.
        """
        if not self._asked:
            return
        if (number := self._notice.signal) is None:
            raise WorkerError(f"another worker was asked to end, and this one stopped {where}: {advice}.")
        raise Stopped(number, f"Stopped by {signals.name(number)} {where}: {advice}.")
