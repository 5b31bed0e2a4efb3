"""What lets a run go on after its process has ended: checkpoints in time, and an end where a signal asks for one."""

import sys
import time
from collections.abc import Sequence

from tf_earlydyn.checkpoints import Checkpoints
from tf_earlydyn.config import RunConfig
from tf_earlydyn.errors import InputError
from tf_earlydyn.rundir import RunDirectory
from tf_earlydyn.studies.ending import Ending
from tf_earlydyn.studies.identity import files_of
from tf_earlydyn.studies.recording import Recorder
from tf_earlydyn.training import Learner

_LEAST_SECONDS = 1.0  # between two checkpoints: the first recorded steps follow each other closely


class Survival:
    """A training pause: saves the learners and what has been recorded of them, and stops where a signal asks for it.

    At recorded steps and, after ``checkpoint_seconds``, between them.

    Args:
        directory: where the run is written.
        config: the run.
        stops: the recorded steps.
        learners: built, at step 0.
        recorder: of the run, that has recorded nothing.
        ending: what signals ask for.

    Attributes:
        before: seconds that earlier parts of the run have taken.
    """

    def __init__(
        self,
        directory: RunDirectory,
        config: RunConfig,
        stops: Sequence[int],
        learners: Sequence[Learner],
        recorder: Recorder,
        ending: Ending,
    ) -> None:
        self.before = 0.0
        self._directory, self._recorder, self._ending = directory, recorder, ending
        self._recorded, self._last = set(stops), stops[-1]
        self._seconds = config.checkpoint_seconds
        self._identity = files_of(config)
        self._checkpoints = Checkpoints(directory.checkpoints, variables_of(learners))
        self._begun = self._saved = time.monotonic()

    @property
    def seconds(self) -> float:
        """What the run has taken in all its parts."""
        return self.before + time.monotonic() - self._begun

    def resume(self) -> int | None:
        """Restores the learners and the recorder from the newest whole checkpoint; its step, or None where none is.

        Raises:
            InputError: if a file that the run is of is another one now, or the checkpoints cannot be read.
        """
        state = self._checkpoints.restore(self._require_the_same_files)
        if state is None:
            _say(f"No checkpoint in {self._directory.path}: starting at step 0.")
            return None
        _say(f"Resuming {self._directory.path} at step {state['step']}.")
        self.before = state["seconds"]
        self._recorder.restore(state["recorder"])
        return state["step"]

    def _require_the_same_files(self, state: dict) -> None:
        others = [f"another {name}" for name, of in self._identity.items() if state["identity"][name] != of]
        if others:
            raise InputError(f"a run is resumed with the files that it was begun with. Received: {', '.join(others)}.")

    def due(self, step: int) -> bool:
        """As ``training.Pause`` has it."""
        if self._ending.asked() or step == self._last:
            return True
        enough = min(_LEAST_SECONDS, self._seconds) if step in self._recorded else self._seconds
        return time.monotonic() - self._saved >= enough

    def __call__(self, step: int) -> None:
        """Writes a checkpoint.

        Raises:
            Stopped, WorkerError: afterwards, if a signal has asked for it.
            WriteError: if it cannot be written.
        """
        state = {"step": step, "seconds": self.seconds, "identity": self._identity, "recorder": self._recorder.state()}
        self._checkpoints.save(step, state)
        self._saved = time.monotonic()
        self._ending.end(f"at step {step} of {self._directory.path}", "go on with --resume")

    def end(self) -> None:
        """Removes the checkpoints, of which a finished run needs none: its models and tables say all that they say."""
        self._checkpoints.remove()


def variables_of(learners: Sequence[Learner]) -> dict[str, list]:
    """The raw TensorFlow variables of models and optimisers; a ``GradientDescent`` has none."""
    parts = {learner.name: learner.model.variables for learner in learners}
    parts |= {f"{learner.name} optimiser": getattr(learner.optimiser, "variables", ()) for learner in learners}
    return {name: [variable.value for variable in variables] for name, variables in parts.items()}


def _say(text: str) -> None:
    print(text, file=sys.stderr)
