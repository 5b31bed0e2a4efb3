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


def checked_inputs(model: keras.Model, x, name: str) -> np.ndarray | tf.Tensor:
    """Inputs ``[n, ...]``, floating-point ones in the dtype the model computes in.

    Raises:
        InputError: if they are not one array of finite numbers, of a shape and dtype that the model takes.
    """
    if not isinstance(x, (np.ndarray, tf.Tensor, tf.Variable)):
        raise InputError(f"{name} must be a NumPy array or a tensor. Received: {type(x).__name__}.")
    x = np.asarray(x)
    expected, dtype = _signature(model)
    if x.ndim < 1 or len(x) == 0 or not _fits(x.shape, expected):
        wanted = "[n, ...] with n > 0" if expected is None else f"[n{''.join(f', {s}' for s in expected[1:])}], n > 0"
        raise InputError(f"{name} must have the shape {wanted}. Received: {x.shape}.")
    integers = np.issubdtype(x.dtype, np.integer) and (dtype is None or "int" in dtype)
    if not (np.issubdtype(x.dtype, np.floating) or integers):
        raise InputError(f"{name} must hold numbers of dtype {dtype or model.compute_dtype}. Received: {x.dtype}.")
    if integers:
        return x
    x = x.astype(dtype if dtype in ("float32", "float64") else model.compute_dtype, copy=False)
    if not np.isfinite(x).all():
        first = tuple(map(int, np.argwhere(~np.isfinite(x))[0]))
        raise InputError(f"{name} must hold finite numbers. Received: {x[first]} at {first}.")
    return x


def _signature(model: keras.Model) -> tuple[tuple | None, str | None]:
    """The shape and dtype of the model's input, as far as it tells."""
    declared = getattr(model, "inputs", None)
    if declared:
        if len(declared) > 1:
            raise InputError(f"the model must take one input. Received: {model.name}, which takes {len(declared)}.")
        return tuple(declared[0].shape), keras.backend.standardize_dtype(declared[0].dtype)
    shape = (model.get_build_config() or {}).get("input_shape")
    return (tuple(shape) if isinstance(shape, (list, tuple)) else None), None


def _fits(shape: tuple[int, ...], expected: tuple | None) -> bool:
    if expected is None:
        return True
    return len(shape) == len(expected) and all(
        wanted in (None, size) for wanted, size in zip(expected[1:], shape[1:], strict=True)
    )
