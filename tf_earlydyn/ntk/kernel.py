"""Kernel matrices that are computed block by block: a model's tangent kernel, and a linear model's kernel."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.blocks import filled_up
from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.analysis import check_outputs, examples
from tf_earlydyn.ntk.inputs import checked_features, checked_inputs, checked_model, checked_outputs
from tf_earlydyn.ntk.program import METHODS, Program, Sizes
from tf_earlydyn.ntk.terms import Product, Term
from tf_earlydyn.ntk.variables import chosen, layer_name

Outputs = Literal["full", "trace"]
Method = Literal["auto", "structured", "jacobian"]
WHOLE = "all"  # the name of the only group where kernels are not asked for by layer


class TangentKernel:
    r"""The tangent kernel of a Keras model on inputs x, $J J^\top$ over (example, output) pairs.

    At the model's weights of the moment.

    Args:
        model: any built Keras model with one input and one output ``[n, ...]``, flattened to ``[n, C]``.
        x: inputs, ``[n, ...]``.
        outputs: ``full`` for all C x C pairs of outputs, or ``trace`` for the mean over outputs.
        method: ``auto``, ``structured`` or ``jacobian``, as in ``empirical_ntk``.
        variables: layer names, or variables, that the kernel is of; all trainable ones by default.
        by_layer: whether each layer's kernel is kept apart.
        name: of the inputs, in messages.

    Raises:
        InputError: on a model, inputs or choices that cannot be used; the message says why.
    """

    def __init__(
        self,
        model: keras.Model,
        x: np.ndarray | tf.Tensor,
        *,
        outputs: Outputs = "full",
        method: Method = "auto",
        variables: Sequence[str | keras.Variable] | None = None,
        by_layer: bool = False,
        name: str = "x",
    ) -> None:
        for option, value, choices in (("outputs", outputs, ("full", "trace")), ("method", method, METHODS)):
            if not isinstance(value, str) or value not in choices:
                raise InputError(f"{option} must be one of {', '.join(choices)}. Received: {option}={value!r}.")
        self.model = checked_model(model)
        self.x = checked_inputs(model, x, name)
        three = examples(self.x)
        programs = _programs(model, three)
        groups: dict[str, list[keras.Variable]] = {}
        for variable in chosen(model, variables):
            groups.setdefault(layer_name(variable) if by_layer else WHOLE, []).append(variable)
        self.groups = groups
        paths = {name: [variable.path for variable in group] for name, group in groups.items()}
        self.description = [outputs, method, paths]
        ids = tuple((group, tuple(map(id, members))) for group, members in groups.items())
        key = (method, outputs, ids, self.x.shape[1:], self.x.dtype)
        if key not in programs:
            programs[key] = Program(model, groups, method, outputs == "trace", three)
        self._program = programs[key]

    @property
    def outputs(self) -> int:
        """C, or 1 for the mean over outputs."""
        return self._program.outputs

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the model's outputs."""
        return self._program.dtype

    def __len__(self) -> int:
        return len(self.x)

    def sizes(self, pairs_per_example: int) -> Sizes:
        """The memory that blocks take."""
        return self._program.sizes(self.x, pairs_per_example)

    def operations(self, pairs_per_example: int) -> tuple[float, float]:
        """Multiply-adds for a pair of examples, and for a backward pass through one example from one output."""
        self.sizes(pairs_per_example)
        return self._program.operations[pairs_per_example]

    def prepare(self, size: int) -> None:
        """Sees what blocks of ``size`` examples take, before the first of them."""
        self._program.prepare(self.x, size)

    def terms(self, rows: slice, size: int, pairs_per_example: int) -> dict[str, list[Term]]:
        """The terms of a block, by group, with its last example repeated until there are ``size``."""
        return self._program.terms(tf.constant(filled_up(self.x[rows], size)), pairs_per_example)

    def gradients(self, rows: slice, size: int, weights: np.ndarray) -> list[tf.Tensor]:
        """J' ``weights`` ``[n, k]`` of a block's n examples, of at most ``size``: ``[C, k, p]`` of each variable."""
        x, weights = filled_up(self.x[rows], size), padded(weights, size)
        return self._program.gradients(tf.constant(x), tf.constant(weights, self.dtype))


class FeatureKernel:
    r"""The kernel of a linear model, $\Psi \Psi^\top$, for each of C outputs alone.

    Args:
        features: Psi, ``[n, p]``, float32 or float64.
        outputs: C.

    Raises:
        InputError: if ``features`` are not finite numbers of that shape, or ``outputs`` is no positive number.
    """

    def __init__(self, features: np.ndarray | tf.Tensor, outputs: int = 1) -> None:
        self.features = checked_features(features)
        self.outputs = checked_outputs(outputs)
        self.groups: dict[str, list[keras.Variable]] = {WHOLE: []}

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the features."""
        return self.features.dtype

    def __len__(self) -> int:
        return len(self.features)

    def sizes(self, pairs_per_example: int) -> Sizes:
        """The memory that blocks take."""
        held = self.features.shape[1] + self.outputs**2
        return Sizes(held, held, 1 + 3 * self.outputs**2)

    def prepare(self, size: int) -> None:
        """Nothing: blocks of all sizes are alike."""

    def terms(self, rows: slice, size: int, pairs_per_example: int) -> dict[str, list[Term]]:
        """The terms of a block, by group, with its last example repeated until there are ``size``."""
        features = tf.constant(filled_up(self.features[rows], size))
        identity = tf.eye(self.outputs, batch_shape=[size], dtype=features.dtype)
        return {WHOLE: [Product((features[:, None, None],), identity[:, :, None, None])]}


def padded(rows: np.ndarray, size: int) -> np.ndarray:
    """``rows`` ``[n, k]`` with zeros until there are ``size``: the weights of what ``filled_up`` repeats."""
    return np.pad(rows, ((0, size - len(rows)), (0, 0)))


def _programs(model: keras.Model, three: np.ndarray) -> dict[tuple, Program]:
    """What was compiled for the model as it is built now: it is kept with the model, and goes with it."""
    kept: _Kept | None = vars(model).get("_tangent_programs")
    if kept is None or not kept.is_of(model):
        check_outputs(model, three)
        kept = vars(model)["_tangent_programs"] = _Kept(_parts(model), _attributes(model), {})
    return kept.programs


class _Kept(NamedTuple):
    """Programs, and the model they were compiled for: its parts, which are kept so that no other takes their id, and
    plain attributes such as a slope or a switch, which a trace takes for constants.
    """

    parts: list
    attributes: list[tuple[str, object]]
    programs: dict[tuple, Program]

    def is_of(self, model: keras.Model) -> bool:
        return self.attributes == _attributes(model) and list(map(id, self.parts)) == list(map(id, _parts(model)))


def _parts(model: keras.Model) -> list:
    layers = model._flatten_layers()
    return [*layers, *(getattr(layer, "activation", None) for layer in layers), *model.trainable_variables]


def _attributes(model: keras.Model) -> list[tuple[str, object]]:
    plain = (bool, int, float, str, np.generic)
    return [
        (name, value)
        for layer in model._flatten_layers()
        for name, value in vars(layer).items()
        if isinstance(value, plain)
    ]
