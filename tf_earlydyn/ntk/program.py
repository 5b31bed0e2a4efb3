"""The compiled computation of a model's terms: which variable by which method, found out once for a model."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.calls import Call, reads, recorded
from tf_earlydyn.ntk.jacobian import by_output, flat_outputs, jacobians
from tf_earlydyn.ntk.rules import NAMES, RULES, is_known
from tf_earlydyn.ntk.terms import Direct, Term, cheaper, entries_per_example, entries_per_pair, merged, traced

_LOG = logging.getLogger("tf_earlydyn")
METHODS = ("auto", "structured", "jacobian")


class Analysis(NamedTuple):
    """What tracing a model tells.

    Attributes:
        structured: ids of the variables whose every use is a call that a rule covers.
        outputs: C.
        dtype: of the outputs.
        entries: numbers per example that the forward pass makes.
    """

    structured: frozenset[int]
    outputs: int
    dtype: np.dtype
    entries: int


def check_outputs(model: keras.Model, x: np.ndarray) -> None:
    """Calls the model, which makes variables that it may lack still, and looks at its outputs.

    Raises:
        InputError: if they are not one tensor ``[n, ...]``, or an example's outputs depend on others.
    """
    two = tf.constant(x[[0, -1]])
    together = model(two, training=False)
    if not tf.is_tensor(together) or together.shape.rank < 1 or together.shape[0] != 2:
        raise InputError(f"the model must put out one tensor [n, ...]. Received: {model.name}, which does not.")
    alone = model(tf.stack([two[0], two[0]]), training=False)
    if not np.allclose(together[0], alone[0], rtol=1e-3, atol=1e-6 * float(tf.reduce_max(tf.abs(together)))):
        raise InputError(
            f"the outputs for an example must depend on that example alone. Received: {model.name}, whose outputs "
            "change with the other examples of the batch, or at random."
        )


def analyse(model: keras.Model, variables: Sequence[keras.Variable], x: np.ndarray) -> Analysis:
    """Traces the model on two examples, and sees where each variable is used."""
    found: list[Analysis] = []

    def trace(inputs: tf.Tensor) -> tf.Tensor:
        graph = tf.compat.v1.get_default_graph()
        with tf.GradientTape() as tape, recorded(_known_layers(model, variables)) as calls:
            outputs = flat_outputs(model, inputs)
        sizes = [tensor.shape for op in graph.get_operations() for tensor in op.outputs]
        entries = sum(s.num_elements() // 2 for s in sizes if s.rank and s[0] == 2 and s.num_elements())
        calls = [call for call in calls if call.inputs.graph is graph and call.outputs.graph is graph]
        seen = tape.gradient(outputs, [call.outputs for call in calls])
        calls = [call for call, gradient in zip(calls, seen, strict=True) if gradient is not None]
        structured = frozenset(id(variable) for variable in variables if _is_covered(variable, calls))
        found.append(Analysis(structured, outputs.shape[1], np.dtype(outputs.dtype.name), entries))
        return outputs

    tf.function(trace, autograph=False).get_concrete_function(tf.TensorSpec((2, *x.shape[1:]), x.dtype))
    return found[0]


def _known_layers(model: keras.Model, variables: Sequence[keras.Variable]) -> list[keras.layers.Layer]:
    wanted = {id(variable) for variable in variables}
    layers = {id(layer): layer for layer in model._flatten_layers() if is_known(layer)}
    return [layer for layer in layers.values() if wanted & {id(v) for v in layer.trainable_variables}]


def _is_covered(variable: keras.Variable, calls: Sequence[Call]) -> bool:
    """Whether all of a variable's uses are in calls of one known layer, which knows it."""
    if variable.name not in NAMES:
        return False
    uses = [call for call in calls if call.reads.get(id(variable))]
    return len({id(call.layer) for call in uses}) == 1 and reads(variable) == sum(
        call.reads[id(variable)] for call in uses
    )


class Sizes(NamedTuple):
    """How much memory a kernel takes, in numbers: the terms of an example, all that is made for them, and a pair."""

    terms: int
    example: int
    pair: int


class Program:
    """The terms of a model's examples.

    Args:
        model: the model.
        groups: the variables that the kernel is of, by name of the group whose kernel is asked for.
        method: one of ``METHODS``.
        trace: whether the outputs are averaged over.
        x: some inputs, of which the first and the last are used.

    Raises:
        InputError: if ``method`` does not go with the model.
    """

    def __init__(
        self, model: keras.Model, groups: dict[str, list[keras.Variable]], method: str, trace: bool, x: np.ndarray
    ) -> None:
        self._model = model
        self._groups = groups
        self._trace = trace
        variables = [variable for group in groups.values() for variable in group]
        found = analyse(model, variables, x)
        known = frozenset() if method == "jacobian" else found.structured
        self._structured = [variable for variable in variables if id(variable) in known]
        self._differentiated = [variable for variable in variables if id(variable) not in known]
        self._layers = _known_layers(model, self._structured)
        self.outputs = 1 if trace else found.outputs
        self.dtype = found.dtype
        self._entries = found.entries
        self._sizes: dict[int, Sizes] = {}
        if method != "jacobian" and self._differentiated:
            self._tell(method)
        self.terms = tf.function(self._terms, autograph=False)

    def sizes(self, x: np.ndarray, pairs_per_example: int) -> Sizes:
        """The memory that blocks of ``x`` take."""
        if pairs_per_example not in self._sizes:
            two = tf.TensorSpec((2, *x.shape[1:]), x.dtype)
            groups = self.terms.get_concrete_function(two, pairs_per_example).structured_outputs
            terms = [term for group in groups.values() for term in group]
            held = sum(map(entries_per_example, terms))
            self._sizes[pairs_per_example] = Sizes(
                held, self._entries + 2 * held, max(map(entries_per_pair, terms)) + len(groups) * self.outputs**2
            )
        return self._sizes[pairs_per_example]

    def _tell(self, method: str) -> None:
        paths = ", ".join(variable.path for variable in self._differentiated)
        if method == "structured":
            raise InputError(
                f"method=structured is for layers it knows, used as they are: take method=auto. Received: a model with "
                f"{paths}."
            )
        _LOG.warning("the tangent kernel takes per-example Jacobians, which is slow, for %s", paths)

    def _terms(self, x: tf.Tensor, pairs_per_example: int) -> dict[str, list[Term]]:
        """The terms of a block of inputs ``[n, ...]``, by group."""
        terms = {**self._structured_terms(x), **self._jacobian_terms(x)}
        if self._trace:
            terms = {key: traced(term) for key, term in terms.items()}
        return {
            name: [cheaper(terms[id(variable)], pairs_per_example) for variable in group]
            for name, group in self._groups.items()
        }

    def _jacobian_terms(self, x: tf.Tensor) -> dict[int, Term]:
        if not self._differentiated:
            return {}
        rows = jacobians(self._model, self._differentiated, x)
        return {id(variable): Direct(part) for variable, part in zip(self._differentiated, rows, strict=True)}

    def _structured_terms(self, x: tf.Tensor) -> dict[int, Term]:
        if not self._structured:
            return {}
        with (
            tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape,
            recorded(self._layers) as calls,
        ):
            tape.watch([variable.value for variable in self._structured])
            outputs = flat_outputs(self._model, x)
        calls = [call for call in calls if call.outputs.graph is outputs.graph]
        terms: dict[int, list[Term]] = {id(variable): [] for variable in self._structured}
        for call, cotangents in zip(calls, _cotangents(tape, outputs, [c.outputs for c in calls]), strict=True):
            by_name = RULES[type(call.layer)](call.layer, call.inputs, cotangents)
            for variable in call.layer.trainable_variables:
                if id(variable) in terms:
                    terms[id(variable)].append(by_name[variable.name])
        return {key: merged(uses) for key, uses in terms.items()}


def _cotangents(tape: tf.GradientTape, outputs: tf.Tensor, tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """The derivatives of ``outputs`` ``[n, C]`` by each tensor ``[n, ...]``, ``[n, C, ...]``.

    Since no example's outputs depend on another example, one backward pass gives those of a whole batch.
    """
    return [
        tf.transpose(stacked, (1, 0, *range(2, stacked.shape.rank))) for stacked in by_output(tape, outputs, tensors)
    ]
