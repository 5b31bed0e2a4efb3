"""Checks of a model and of inputs for it, with what to do in the message."""

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.errors import InputError


def checked_model(model: keras.Model) -> keras.Model:
    """A built Keras model that computes in float32 or float64.

    Raises:
        InputError: if it is not.
    """
    if not isinstance(model, keras.layers.Layer):
        raise InputError(f"model must be a Keras model or layer. Received: {type(model).__name__}.")
    if not model.built or not (model.variables or getattr(model, "inputs", None)):
        raise InputError(f"the model must be built: call it on data once. Received: {model.name}, not built.")
    for layer in model._flatten_layers():
        if layer.compute_dtype not in ("float32", "float64"):
            raise InputError(
                f"the model must compute in float32 or float64. Received: {layer.name}, in {layer.compute_dtype}."
            )
    return model


def checked_inputs(model: keras.Model, x: np.ndarray | tf.Tensor, name: str) -> np.ndarray | tf.Tensor:
    """Inputs ``[n, ...]``, floating-point ones in the dtype the model computes in.

    Raises:
        InputError: if they are not one array of finite numbers, of a shape and dtype that the model takes.
    """
    if not isinstance(x, (np.ndarray, tf.Tensor, tf.Variable)) or isinstance(x, np.ma.MaskedArray):
        raise InputError(f"{name} must be a NumPy array or a tensor. Received: {type(x).__name__}.")
    if tf.inside_function():
        raise InputError(f"{name} must be numbers, so that kernels are asked for outside of a tf.function.")
    x = np.asarray(x)
    expected, dtype = _signature(model)
    if x.ndim < 1 or len(x) == 0 or not _fits(x.shape, expected):
        wanted = "[n, ...] with n > 0" if expected is None else f"[n{''.join(f', {s}' for s in expected[1:])}], n > 0"
        raise InputError(f"{name} must have the shape {wanted}. Received: {x.shape}.")
    kinds = [np.integer, np.floating] if dtype is None else [np.integer if "int" in dtype else np.floating]
    if not any(np.issubdtype(x.dtype, kind) for kind in kinds):
        raise InputError(f"{name} must hold numbers of dtype {dtype or model.compute_dtype}. Received: {x.dtype}.")
    if np.issubdtype(x.dtype, np.integer):
        return x
    return checked_finite(x.astype(dtype if dtype in ("float32", "float64") else model.compute_dtype, copy=False), name)


def checked_features(features: np.ndarray | tf.Tensor) -> np.ndarray:
    """Features ``[n, p]`` of a linear model, in float32 or float64.

    Raises:
        InputError: if they are not finite floating-point numbers of such a shape.
    """
    features = np.asarray(features)
    if features.ndim != 2 or features.size == 0:
        raise InputError(f"features must have the shape [n, p]. Received: {features.shape}.")
    if features.dtype not in (np.float32, np.float64):
        raise InputError(f"features must be float32 or float64. Received: {features.dtype}.")
    return checked_finite(features, "features")


def checked_outputs(outputs: int) -> int:
    """A number of outputs.

    Raises:
        InputError: if it is not a positive integer.
    """
    return _positive(outputs, "outputs must be a positive number", "outputs")


def checked_memory_limit(memory_limit: int) -> int:
    """A number of bytes.

    Raises:
        InputError: if it is not a positive integer.
    """
    return _positive(memory_limit, "memory_limit must be a positive number of bytes", "memory_limit")


def _positive(value: int, demand: str, name: str) -> int:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise InputError(f"{demand}. Received: {name}={value!r}.")
    return int(value)


def checked_finite(x: np.ndarray, name: str) -> np.ndarray:
    """``x``, if all of its numbers are finite.

    Raises:
        InputError: if one is not.
    """
    if not np.isfinite(x).all():
        first = tuple(map(int, np.argwhere(~np.isfinite(x))[0]))
        raise InputError(f"{name} must hold finite numbers. Received: {x[first]} at {first}.")
    return x


def _signature(model: keras.Model) -> tuple[tuple | None, str | None]:
    """The shape and dtype of the model's input, if it declares one."""
    declared = getattr(model, "inputs", None)
    if not declared:
        return None, None
    if len(declared) > 1:
        raise InputError(f"the model must take one input. Received: {model.name}, which takes {len(declared)}.")
    return tuple(declared[0].shape), keras.backend.standardize_dtype(declared[0].dtype)


def _fits(shape: tuple[int, ...], expected: tuple | None) -> bool:
    if expected is None:
        return True
    return len(shape) == len(expected) and all(
        wanted in (None, size) for wanted, size in zip(expected[1:], shape[1:], strict=True)
    )
