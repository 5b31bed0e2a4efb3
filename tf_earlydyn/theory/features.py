"""The feature maps psi of the linear models, as Keras layers (Hu et al. 2020, Sections 3 and 4)."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tf_earlydyn.errors import InputError
from tf_earlydyn.theory.gaussian_moments import Moments


@keras.saving.register_keras_serializable(package="tf_earlydyn")
class LinearFeatures(keras.layers.Layer):
    r"""$\psi(x) = [ a x / \sqrt{d} \, ; b / \sqrt{d} \, ; q(x) ]$, without the features that are 0 for every x.

    $q(x) = c_0 + c_1 (r - 1) + c_2 (r - 1)^2$ with $r = \|x\| / \sqrt{d}$. Input ``[n, ...]``, output ``[n, p]`` with
    p = d, d + 1 or d + 2.

    Args:
        linear: a, one coefficient, or an array that broadcasts against an input.
        constant: b.
        norm: c, the three coefficients of q.
    """

    def __init__(
        self,
        linear: float | np.ndarray,
        constant: float = 0.0,
        norm: Sequence[float] = (0.0, 0.0, 0.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(norm) != 3:
            raise InputError(f"norm must hold three coefficients. Received: norm={norm!r}.")
        self.linear = np.asarray(linear, np.float64)
        self.constant = float(constant)
        self.norm = tuple(float(coefficient) for coefficient in norm)

    @property
    def has_constant(self) -> bool:
        """Whether the features hold a constant: their own, or that of q."""
        return self.constant != 0 or self.norm[0] != 0

    def call(self, x: tf.Tensor) -> tf.Tensor:
        d = math.prod(x.shape[1:])
        scaled = x / math.sqrt(d)
        flat = ops.reshape(scaled, (-1, d))
        features = [ops.reshape(ops.cast(self.linear, x.dtype) * scaled, (-1, d))]
        if self.constant:
            features.append(ops.full_like(flat[:, :1], self.constant / math.sqrt(d)))
        if any(self.norm):
            excess = ops.sqrt(ops.sum(ops.square(flat), axis=1, keepdims=True)) - 1
            features.append(self.norm[0] + self.norm[1] * excess + self.norm[2] * ops.square(excess))
        return ops.concatenate(features, axis=1)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return (input_shape[0], math.prod(input_shape[1:]) + bool(self.constant) + any(self.norm))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "linear": self.linear.tolist(),
            "constant": self.constant,
            "norm": list(self.norm),
        }


def psi_1(moments: Moments) -> LinearFeatures:
    r"""Only the first layer trained: $\psi(x) = [ \zeta x \, ; \nu ] / \sqrt{d}$.

    Args:
        moments: of the activation.
    """
    return LinearFeatures(moments.zeta, moments.nu)


def psi_2(moments: Moments) -> LinearFeatures:
    r"""Only the second layer trained: $\psi(x) = [ \zeta x / \sqrt{d} \, ; \nu / \sqrt{2d} \, ; q(x) ]$.

    Args:
        moments: of the activation.
    """
    return LinearFeatures(moments.zeta, moments.nu / math.sqrt(2), _norm(moments))


def psi(moments: Moments) -> LinearFeatures:
    r"""Both layers trained: $\psi(x) = [ \sqrt{2/d} \, \zeta x \, ; \sqrt{3/(2d)} \, \nu \, ; q(x) ]$.

    Args:
        moments: of the activation.
    """
    return LinearFeatures(math.sqrt(2) * moments.zeta, math.sqrt(1.5) * moments.nu, _norm(moments))


def _norm(moments: Moments) -> tuple[float, float, float]:
    return moments.theta0, moments.theta1, moments.theta2
