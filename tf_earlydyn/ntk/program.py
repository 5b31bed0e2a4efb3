"""The compiled computation of a model's terms: which variable by which method, found out once for a model."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.analysis import analyse
from tf_earlydyn.ntk.compiled import compiled
from tf_earlydyn.ntk.confirmation import confirmed
from tf_earlydyn.ntk.copies import Copies
from tf_earlydyn.ntk.jacobian import combined, jacobians
from tf_earlydyn.ntk.structured import structured_terms
from tf_earlydyn.ntk.terms import Direct, Term, cheaper, entries_per_example, entries_per_pair, operations, traced

_LOG = logging.getLogger("tf_earlydyn")
METHODS = ("auto", "structured", "jacobian")


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
        x: three inputs that differ, ``[3, ...]``.

    Attributes:
        terms: of a block of inputs, for so many pairs an example, by group; compiled.
        gradients: of the variables for combinations of a block's outputs, as ``jacobian.combined``; compiled.
        operations: multiply-adds of a pair of examples and of a backward pass, by pairs per example, as traced.

    Raises:
        InputError: if ``method`` does not go with the model.
    """

    def __init__(
        self, model: keras.Model, groups: dict[str, list[keras.Variable]], method: str, trace: bool, x: np.ndarray
    ) -> None:
        self._model = model
        self._weights = Copies(model.variables)
        self._groups = groups
        self._trace = trace
        self._method = method
        self._variables = [variable for group in groups.values() for variable in group]
        found = analyse(model, self._variables, x)
        covered = [v for v in self._variables if id(v) in found.structured and method != "jacobian"]
        self._use(confirmed(model, covered, x))
        self._prepared = {len(x)}
        self.outputs = 1 if trace else found.outputs
        self.dtype = found.dtype
        self.operations: dict[int, tuple[float, float]] = {}
        self._entries = found.entries
        self.gradients = compiled(partial(combined, model, self._variables), self._weights)

    def prepare(self, x: np.ndarray, size: int) -> None:
        """Sees whether a block of ``size`` examples is computed as one of three is: what is not goes by Jacobians."""
        if size in self._prepared or not self._structured:
            return
        found = analyse(self._model, self._structured, x, size)
        if len(found.structured) < len(self._structured):
            self._use([variable for variable in self._structured if id(variable) in found.structured])
        self._prepared.add(size)

    def _use(self, structured: list[keras.Variable]) -> None:
        """Takes rules for ``structured`` and Jacobians for the other variables."""
        known = {id(variable) for variable in structured}
        differentiated = [variable for variable in self._variables if id(variable) not in known]
        if differentiated:
            self._tell(differentiated)
        self._structured, self._differentiated = structured, differentiated
        self._sizes: dict[int, Sizes] = {}
        self.terms = compiled(self._terms, self._weights)

    def sizes(self, x: np.ndarray, pairs_per_example: int) -> Sizes:
        """The memory that blocks of ``x`` take."""
        self.prepare(x, 1)
        if pairs_per_example not in self._sizes:
            groups = self.terms(tf.constant(x[:1]), pairs_per_example)
            terms = [term for group in groups.values() for term in group]
            held = sum(map(entries_per_example, terms))
            self._sizes[pairs_per_example] = Sizes(
                held, self._entries + 2 * held, max(map(entries_per_pair, terms)) + len(groups) * self.outputs**2
            )
        return self._sizes[pairs_per_example]

    def _tell(self, differentiated: Sequence[keras.Variable]) -> None:
        paths = ", ".join(variable.path for variable in differentiated)
        if self._method == "structured":
            raise InputError(
                f"method=structured is for layers it knows, used as they are: take method=auto. Received: a model with "
                f"{paths}."
            )
        if self._method == "auto":
            _LOG.warning("the tangent kernel takes per-example Jacobians, which is slow, for %s", paths)

    def _terms(self, x: tf.Tensor, pairs_per_example: int) -> dict[str, list[Term]]:
        """The terms of a block of inputs ``[n, ...]``, by group."""
        terms = structured_terms(self._model, self._structured, x) if self._structured else {}
        if self._differentiated:
            rows = [tf.cast(part, self.dtype) for part in jacobians(self._model, self._differentiated, x)]
            terms |= {id(variable): Direct(part) for variable, part in zip(self._differentiated, rows, strict=True)}
        counts = [operations(term, pairs_per_example) for term in terms.values()]
        pair, passes = (sum(numbers) for numbers in zip(*counts, strict=True))
        self.operations[pairs_per_example] = pair, passes
        if self._trace:
            terms = {key: traced(term) for key, term in terms.items()}
        return {
            name: [part for variable in group for part in cheaper(terms[id(variable)], pairs_per_example)]
            for name, group in self._groups.items()
        }
