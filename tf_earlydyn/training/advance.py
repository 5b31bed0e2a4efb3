"""Many steps of several models in one compiled call: blocks of rows, in streams side by side, on every replica."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import numpy as np
import tensorflow as tf

from tf_earlydyn.distribution import local_devices, lost_workers_named, on_cpu, on_one_device
from tf_earlydyn.errors import DivergenceError
from tf_earlydyn.provenance import cores
from tf_earlydyn.training.layout import Layout
from tf_earlydyn.training.learner import Learner, Values
from tf_earlydyn.training.replicas import Weights, placed
from tf_earlydyn.training.traits import Traits, traits
from tf_earlydyn.xla import Compiled, by_xla

_CACHE = 3 * 2**19  # bytes that the forward pass of a block makes: they fit into a core's own cache of 2 MB
_DEVICE = 2**30  # the same where there is no such cache
_GAIN = 4  # numbers that a block makes for each weight, at least: its gradients are added up, which must not cost much


Sums = list[tuple[tf.Tensor, list[tf.Tensor]]]  # each learner's loss, and its gradients


class Advance:
    """Steps of gradient descent on all examples, the same whatever the replicas, streams and blocks.

    Each replica sums loss and gradients over the rows of its share, block by block; the sums of all replicas are added
    up, divided by n, and every replica makes the same step.

    Args:
        learners: what is trained.
        x: inputs, ``[n, ...]``.
        y: targets, ``[n, C]``.
        strategy: where it is computed.

    Raises:
        InputError: if shapes do not fit, a rate fits no layer, or the models cannot be trained under the strategy.
        WorkerError: if another worker has ended.
    """

    def __init__(self, learners: Sequence[Learner], x: np.ndarray, y: np.ndarray, strategy: tf.distribute.Strategy):
        x, y = np.asarray(x), np.asarray(y)
        targets = [y if learner.targets is None else learner.targets for learner in learners]
        for learner, own in zip(learners, targets, strict=True):
            learner.build(x.shape, own.shape)
        self._learners, self._strategy = tuple(learners), strategy
        self._outputs, self._dtype = y.shape[1], y.dtype
        found = traits([learner.model for learner in learners], x, shared=not on_one_device(strategy))
        self._apart = found.apart
        self._weights = [Weights(learner, strategy) for learner in learners]
        self.layout = _layout(x, found, sum(learner.model.count_params() for learner in learners), strategy)
        self._n = self.layout.n
        arrays = (self.layout.spread(x), self.layout.weights(y.dtype), *map(self.layout.spread, targets))
        self._shares = list(zip(*(placed(strategy, array) for array in arrays), strict=True))
        self._compiled = self._compile(found)

    def _compile(self, found: Traits) -> Compiled:
        """What XLA compiles as a whole; the loops around it are run by TensorFlow, which asks its host at every turn.

        On one accelerator: all steps, which are a single program then.
        On several: a stream, for TensorFlow adds up what they find. (On TPUs ``strategy.run`` compiles a step besides.)
        On CPUs: a stream, and of convolutions a block, for within a loop XLA's code for them is many times slower.
        """
        stream = partial(self._stream, self._block)
        at_once = by_xla(partial(self._steps, stream))
        in_streams = tf.function(partial(self._steps, by_xla(stream)))
        in_blocks = tf.function(partial(self._steps, partial(self._stream, by_xla(self._block))))
        without = tf.function(partial(self._steps, stream))
        if on_cpu(self._strategy):
            return Compiled(in_blocks if found.convolves else in_streams, without)
        if on_one_device(self._strategy):
            return Compiled(at_once, in_streams, without)
        return Compiled(in_streams, without)

    def __call__(self, start: int, count: int) -> dict[str, float]:
        """The losses before the last of ``count`` steps, as means over the outputs.

        Raises:
            DivergenceError: if a loss is not finite.
            WorkerError: if another worker has ended.
        """
        with lost_workers_named(self._strategy):
            done, losses = self._compiled(tf.constant(count), self._shares)
        losses = dict(zip((learner.name for learner in self._learners), losses.numpy().tolist(), strict=True))
        for name, loss in losses.items():
            if not np.isfinite(loss):
                raise DivergenceError(f"{name} train loss", start + int(done) - 1)
        return {name: loss / self._outputs for name, loss in losses.items()}

    def write_back(self) -> None:
        """Gives the models the weights of the moment."""
        for weights in self._weights:
            weights.write_back()

    def _steps(self, stream: Callable, count: tf.Tensor, shares: list) -> tuple[tf.Tensor, tf.Tensor]:
        """Steps until ``count`` are done or a loss is not finite: how many, and the losses before the last."""

        def goes_on(done: tf.Tensor, losses: tf.Tensor) -> tf.Tensor:
            return (done < count) & tf.reduce_all(tf.math.is_finite(losses))

        def body(done: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            losses = self._strategy.run(partial(self._step, stream), args=(shares,))
            return done + 1, self._strategy.experimental_local_results(losses)[0]

        first = tf.zeros(len(self._learners), self._dtype)
        return tf.while_loop(goes_on, body, (tf.constant(0), first))

    def _step(self, stream: Callable, shares: list) -> tf.Tensor:
        """A step of every learner, in a replica: the losses before it."""
        values = [weights.read() if self._apart else None for weights in self._weights]
        sums = tf.nest.map_structure(lambda *parts: tf.add_n(parts), *(stream(values, *share) for share in shares))
        context = tf.distribute.get_replica_context()
        sums = tf.nest.pack_sequence_as(sums, context.all_reduce(tf.distribute.ReduceOp.SUM, tf.nest.flatten(sums)))
        for learner, weights, (_, gradients) in zip(self._learners, self._weights, sums, strict=True):
            learner.optimiser.apply([gradient / self._n for gradient in gradients], learner.learning(weights.trainable))
        return tf.stack([loss / self._n for loss, _ in sums])

    def _stream(
        self, block: Callable, values: list[Values | None], x: tf.Tensor, weights: tf.Tensor, *targets: tf.Tensor
    ) -> Sums:
        """The sums of every learner over all blocks."""
        if self.layout.blocks == 1:
            return block(values, x[0], weights[0], *(y[0] for y in targets))

        def body(number: tf.Tensor, sums: Sums) -> tuple[tf.Tensor, Sums]:
            more = block(values, x[number], weights[number], *(y[number] for y in targets))
            return number + 1, tf.nest.map_structure(tf.add, sums, more)

        given = cast(list[Values], values)  # there is but one block where they are not
        zeros = [
            (tf.zeros([], self._dtype), [tf.zeros_like(value) for value in learner.learning(trainable)])
            for learner, (trainable, _) in zip(self._learners, given, strict=True)
        ]
        return tf.while_loop(lambda number, _: number < self.layout.blocks, body, (tf.constant(0), zeros))[1]

    def _block(self, values: list[Values | None], x: tf.Tensor, weights: tf.Tensor, *targets: tf.Tensor) -> Sums:
        """The sums of every learner over a block of rows."""
        return [
            learner.sums(own, x, y, weights) for learner, own, y in zip(self._learners, values, targets, strict=True)
        ]


def _layout(x: np.ndarray, found: Traits, weights: int, strategy: tf.distribute.Strategy) -> Layout:
    replicas = strategy.num_replicas_in_sync
    if not found.apart:
        return Layout.of(len(x), 1, 1, len(x))
    cached = on_cpu(strategy)
    streams = max(1, cores() // len(local_devices(strategy))) if cached else 1
    entries = max((_CACHE if cached else _DEVICE) // x.itemsize, _GAIN * weights)
    return Layout.of(len(x), replicas, streams, max(1, entries // found.entries))
