"""The loop: models stepped together by gradient descent, many steps per compiled call, callbacks at stated steps."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tf_earlydyn.errors import DivergenceError, InputError
from tf_earlydyn.xla import Compiled, convolves

STEPS_PER_CALL = 100  # of the compiled loop, so that the progress bar moves


class GradientDescent:
    """w <- w - rate(w) * gradient, with one rate per layer. Has the ``build`` and ``apply`` of a Keras optimiser.

    Args:
        learning_rate: one rate, or a rate for each layer by the layer's name, 0 for a layer that does not learn.
    """

    def __init__(self, learning_rate: float | Mapping[str, float]) -> None:
        self.learning_rate = learning_rate

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Checks the rates against the model's trainable variables.

        Raises:
            InputError: when a layer has no rate or two, or a name belongs to no layer.
        """
        for variable in variables:
            self._rate(variable)
        if isinstance(self.learning_rate, Mapping):
            unknown = set(self.learning_rate) - {part for variable in variables for part in variable.path.split("/")}
            if unknown:
                raise InputError(
                    f"learning_rate names layers. Received: {sorted(unknown)}, of which the model has none."
                )

    def apply(self, gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable]) -> None:
        """One step."""
        for gradient, variable in zip(gradients, variables, strict=True):
            rate = self._rate(variable)
            if rate:
                variable.assign_sub(rate * gradient)

    def _rate(self, variable: keras.Variable) -> float:
        if not isinstance(self.learning_rate, Mapping):
            return self.learning_rate
        rates = [rate for name, rate in self.learning_rate.items() if name in variable.path.split("/")]
        if len(rates) != 1:
            raise InputError(f"learning_rate must give one rate for {variable.path}. Received: {self.learning_rate!r}.")
        return rates[0]


@dataclasses.dataclass(frozen=True)
class Learner:
    """A model and what updates it: a ``GradientDescent`` or a Keras optimiser.

    Attributes:
        name: of the model, in messages.
        model: takes inputs ``[n, ...]`` to outputs ``[n, C]``.
        optimiser: has the ``build`` and ``apply`` of a Keras optimiser.
        targets: ``[n, C]``, those of this model alone; None for those that all share.
    """

    name: str
    model: keras.Model
    optimiser: GradientDescent | keras.optimizers.Optimizer
    targets: np.ndarray | None = None

    def build(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> None:
        """Makes all variables, and checks shapes and rates.

        Raises:
            InputError: if the model's outputs do not have the shape of the targets, or a rate fits no layer.
        """
        # A call makes the variables of every model; build() alone makes none in a subclassed model that has no build.
        outputs = self.model(keras.Input(batch_shape=x_shape, dtype=self.model.compute_dtype))
        if tuple(outputs.shape) != tuple(y_shape):
            raise InputError(
                f"y must have the shape {tuple(outputs.shape)} of the outputs. Received: {tuple(y_shape)}."
            )
        self.optimiser.build(self.model.trainable_variables)

    def step(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """One step on the loss of ``x`` and ``y``; the loss before it, ``[]``."""
        loss, gradients = self.loss_and_gradients(x, y)
        self.optimiser.apply(gradients, self.model.trainable_variables)
        return loss

    def loss_and_gradients(self, x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """(1/2n) sum_i ||f(x_i) - y_i||^2 and its gradient by each trainable variable.

        The outputs are summed, not averaged, so that each output learns at its own rate whatever their number.
        """
        with tf.GradientTape() as tape:
            residual = self.model(x, training=True) - y
            loss = tf.reduce_sum(tf.square(residual)) / (2 * x.shape[0])
        return loss, tape.gradient(loss, [variable.value for variable in self.model.trainable_variables])


Callback = Callable[[int], None]


def train(
    learners: Sequence[Learner],
    x: np.ndarray | tf.Tensor,
    y: np.ndarray | tf.Tensor,
    stops: Sequence[int],
    callbacks: Iterable[Callback] = (),
    show_progress: bool = True,
) -> None:
    """Full-batch training of all ``learners`` on ``x`` ``[n, ...]``, ``y`` ``[n, C]``.

    The models are taken to be at step ``stops[0]`` and are trained to ``stops[-1]``; at each of ``stops`` every
    callback is called with the step.

    Raises:
        InputError: if the shapes do not fit, a rate fits no layer, or ``stops`` do not rise.
        DivergenceError: at the first training loss that is not finite.
    """
    if len(stops) < 1 or any(stop <= start for start, stop in pairwise(stops)):
        raise InputError(f"stops must be rising steps. Received: stops={list(stops)}.")
    advance = _Advance(learners, x, y)
    callbacks = tuple(callbacks)
    first, last = stops[0], stops[-1]
    with tqdm(total=last, initial=first, unit="step", disable=not show_progress, leave=False) as progress:
        for callback in callbacks:
            callback(first)
        for start, stop in pairwise(stops):
            for at in range(start, stop, STEPS_PER_CALL):
                count = min(STEPS_PER_CALL, stop - at)
                losses = advance(at, count)
                progress.update(count)
                progress.set_postfix({name: f"{loss:.4g}" for name, loss in losses.items()})
            for callback in callbacks:
                callback(stop)


class _Advance:
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


def predictor(model: keras.Model) -> Callable[[tf.Tensor], np.ndarray]:
    """The outputs of ``model`` in inference, at its weights of the moment, by a compiled call."""
    compiled = Compiled(lambda x: model(x, training=False))
    return lambda x: compiled(x).numpy()


def recorded_steps(steps: int, per_decade: int, also: Iterable[int] = ()) -> list[int]:
    """0, 1 to 10, then ``per_decade`` log-spaced steps a decade, ``steps``, and ``also``; none above ``steps``.

    >>> recorded_steps(30, 10)
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 16, 20, 25, 30]
    """
    decades = np.log10(steps)
    spaced = np.rint(10 ** np.arange(1, decades, 1 / per_decade)).astype(int)
    return sorted(step for step in {0, *range(1, 11), *spaced.tolist(), steps, *also} if step <= steps)
