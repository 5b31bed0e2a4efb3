"""Kernel matrices as linear operators: products by one reverse and one forward pass."""

import logging
from collections.abc import Sequence
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from scipy.sparse.linalg import LinearOperator

from tf_earlydyn.blocks import Blocks
from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.analysis import analyse, check_outputs, examples
from tf_earlydyn.ntk.compiled import compiled
from tf_earlydyn.ntk.copies import Copies
from tf_earlydyn.ntk.inputs import (
    checked_features,
    checked_inputs,
    checked_memory_limit,
    checked_model,
    checked_outputs,
)
from tf_earlydyn.ntk.jacobian import directional, flat_outputs
from tf_earlydyn.ntk.kernel import filled_up, padded
from tf_earlydyn.ntk.tiles import DEFAULT_MEMORY_LIMIT
from tf_earlydyn.ntk.variables import chosen
from tf_earlydyn.ntk.weights import moved

_LOG = logging.getLogger("tf_earlydyn")


def ntk_operator(
    model: keras.Model,
    x: np.ndarray | tf.Tensor,
    *,
    variables: Sequence[str | keras.Variable] | None = None,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
) -> LinearOperator:
    r"""The tangent kernel $\Theta = J J^\top$ of a Keras model as an operator on vectors over (example, output) pairs.

    A product takes a reverse pass, $J^\top v$, and a forward pass, $J (J^\top v)$, in time and memory of n; $\Theta$ is
    never formed.
    The model runs in inference mode, at its weights of the moment of the product.

    Args:
        model: any built Keras model with one input and one output ``[n, ...]``, flattened to ``[n, C]``.
        x: inputs, ``[n, ...]``.
        variables: layer names, variables or their paths: the kernel of these alone.
        memory_limit: bytes that the passes may take, as estimated ahead; examples are taken in blocks that fit.

    Returns:
        A symmetric ``[n C, n C]`` operator in the dtype of the model.

    Raises:
        InputError: on a model or inputs that cannot be used, or a limit that does not hold one example.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    >>> ntk_operator(model, np.eye(3, dtype="float32")) @ np.ones(3, "float32")  # of a linear model: X X'
    array([1., 1., 1.], dtype=float32)
    """
    return _TangentOperator(model, x, variables, memory_limit)


class _TangentOperator(LinearOperator):
    def __init__(
        self,
        model: keras.Model,
        x: np.ndarray | tf.Tensor,
        variables: Sequence[str | keras.Variable] | None,
        memory_limit: int,
    ) -> None:
        self._model = checked_model(model)
        self._x = checked_inputs(model, x, "x")
        three = examples(self._x)
        check_outputs(model, three)
        self._variables = chosen(model, variables)
        found = analyse(model, self._variables, three)
        self._outputs = found.outputs
        super().__init__(found.dtype, 2 * (len(self._x) * found.outputs,))
        self._blocks = _blocks(len(self._x), 3 * found.entries * found.dtype.itemsize, memory_limit)
        self._inputs = [tf.constant(filled_up(self._x[block], self._blocks.size)) for block in self._blocks]
        weights = Copies(model.variables)
        self._pull = compiled(self._pulled, weights)
        self._push = compiled(self._pushed, weights)
        one_by_one = partial(directional, model, self._variables, tf.as_dtype(self.dtype))
        self._push_one_by_one = compiled(one_by_one, weights)
        if not self._can_push(tf.constant(three)):
            _LOG.warning(
                "products with %s take a pass an example, which is slow: an op has no forward mode", model.name
            )
            self._push = self._push_one_by_one

    def _matvec(self, v: np.ndarray) -> np.ndarray:
        rows = np.asarray(v, self.dtype).reshape(len(self._x), self._outputs)
        size = self._blocks.size
        parts = [padded(rows[block], size) for block in self._blocks]
        directions = None
        for inputs, part in zip(self._inputs, parts, strict=True):
            pulled = self._pull(inputs, tf.constant(part))
            directions = pulled if directions is None else [a + b for a, b in zip(directions, pulled, strict=True)]
        pushed = [self._push(inputs, directions).numpy() for inputs in self._inputs]
        return np.concatenate(pushed)[: len(self._x)].reshape(-1)

    def _adjoint(self) -> LinearOperator:
        return self

    def _pulled(self, x: tf.Tensor, v: tf.Tensor) -> list[tf.Tensor]:
        """J'v of a block."""
        values = [variable.value for variable in self._variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            outputs = flat_outputs(self._model, x)
        return [tf.convert_to_tensor(part) for part in tape.gradient(outputs, values, v, "zero")]

    def _pushed(self, x: tf.Tensor, directions: list[tf.Tensor]) -> tf.Tensor:
        """J u of a block: the derivative of <J'w, u> by w, of which the graph keeps no more than a forward pass.

        Unlike ``tf.autodiff.ForwardAccumulator``, this follows custom gradients.
        """
        values = [variable.value for variable in self._variables]
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            weights = tf.zeros((x.shape[0], self._outputs), self.dtype)
            outer.watch(weights)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                inner.watch(values)
                outputs = flat_outputs(self._model, x)
            pulled = inner.gradient(outputs, values, weights, "zero")
            pulled = [tf.convert_to_tensor(part) for part in pulled]
        return outer.gradient(pulled, weights, directions, "zero")

    def _can_push(self, x: tf.Tensor) -> bool:
        """Whether the fast forward pass is right: an op whose gradient has none fails it somehow, or is left out."""
        rng = np.random.default_rng(0)
        directions = [tf.constant(rng.standard_normal(v.shape), v.dtype) for v in self._variables]
        with moved(self._model):
            expected = self._push_one_by_one(x, directions)
            try:
                found = self._push(x, directions)
            except Exception:
                return False
        return bool(tf.norm(found - expected) <= 1e-3 * tf.norm(expected))


def _blocks(n: int, per_example: int, memory_limit: int) -> Blocks:
    memory_limit = checked_memory_limit(memory_limit)
    if per_example > memory_limit:
        raise InputError(
            f"memory_limit must be at least {per_example} bytes, what one example takes. "
            f"Received: memory_limit={memory_limit}."
        )
    return Blocks.even(n, memory_limit // per_example)


def feature_operator(features: np.ndarray, outputs: int = 1) -> LinearOperator:
    r"""The kernel $\Psi \Psi^\top$ of a linear model, for each of C outputs alone.

    Args:
        features: $\Psi$, ``[n, p]``.
        outputs: C.

    Returns:
        A ``[n C, n C]`` operator; ``ntk_operator(model, x) - feature_operator(psi(x))`` is one, too.

    Raises:
        InputError: if ``features`` are not finite numbers of that shape, or ``outputs`` is no positive number.
    """
    features, outputs = checked_features(features), checked_outputs(outputs)
    n = len(features)

    def matvec(v: np.ndarray) -> np.ndarray:
        return (features @ (features.T @ v.reshape(n, outputs))).reshape(-1)

    return LinearOperator((n * outputs, n * outputs), matvec, rmatvec=matvec, dtype=features.dtype)
