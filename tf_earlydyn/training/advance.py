"""Many steps of several models in one compiled call."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import tensorflow as tf

from tf_earlydyn.errors import DivergenceError
from tf_earlydyn.training.learner import Learner
from tf_earlydyn.xla import Compiled, convolves


class Advance:
    """Runs steps in one compiled call; the data lies on the device from the start."""

    def __init__(self, learners: Sequence[Learner], x: np.ndarray | tf.Tensor, y: np.ndarray | tf.Tensor) -> None:
        shared = tf.constant(y)
        self._learners = tuple(learners)
        self._x = tf.constant(x)
        self._targets = tuple(shared if own is None else tf.constant(own) for own in (k.targets for k in learners))
        for learner, targets in zip(self._learners, self._targets, strict=True):
            learner.build(tuple(self._x.shape), tuple(targets.shape))
        self._outputs = shared.shape[1]
        self._compiled = self._compile()

    def _compile(self) -> Compiled:
        """The loop, compiled by XLA.

        Within a loop, XLA's code for convolutions on a CPU is many times slower than outside of one; there, it is
        the step alone that XLA compiles, and the loop around it is TensorFlow's.
        """
        step = tf.function(self._step, jit_compile=True)
        accelerated = any(map(tf.config.list_logical_devices, ("GPU", "TPU")))
        apart = not accelerated and convolves(step, self._x, self._targets)
        return Compiled(partial(self._steps, step), xla=not apart, plain=partial(self._steps, self._step))

    def __call__(self, start: int, count: int) -> dict[str, float]:
        """The losses before the last of ``count`` steps, as means over the outputs."""
        done, losses = self._compiled(self._x, self._targets, tf.constant(count))
        losses = dict(zip((learner.name for learner in self._learners), losses.numpy().tolist(), strict=True))
        for name, loss in losses.items():
            if not np.isfinite(loss):
                raise DivergenceError(f"{name} train loss", start + int(done) - 1)
        return {name: loss / self._outputs for name, loss in losses.items()}

    def _step(self, x: tf.Tensor, targets: tuple[tf.Tensor, ...]) -> tf.Tensor:
        """A step of every learner: the losses before it."""
        return tf.stack([learner.step(x, y) for learner, y in zip(self._learners, targets, strict=True)])

    def _steps(
        self, step: Callable, x: tf.Tensor, targets: tuple[tf.Tensor, ...], count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Steps until ``count`` are done or a loss is not finite: how many, and the losses before the last."""

        def goes_on(done, losses):
            return (done < count) & tf.reduce_all(tf.math.is_finite(losses))

        def body(done, _):
            return done + 1, step(x, targets)

        first = tf.zeros(len(self._learners), targets[0].dtype)
        return tf.while_loop(goes_on, body, (tf.constant(0), first))
