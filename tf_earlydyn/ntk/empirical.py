"""The whole tangent kernel of a Keras model, as an array."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, overload

import keras
import numpy as np
import tensorflow as tf

from tf_earlydyn.distribution import added_up, current_strategy, has_workers
from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk.blocks import Plan
from tf_earlydyn.ntk.kernel import WHOLE, Method, Outputs, TangentKernel
from tf_earlydyn.ntk.storage import KernelFile, fingerprint
from tf_earlydyn.ntk.tiles import DEFAULT_MEMORY_LIMIT, BlockPair, Pair, Sides, block_pairs, computed, planned, strips


@overload
def empirical_ntk(
    model: keras.Model,
    x1: np.ndarray | tf.Tensor,
    x2: np.ndarray | tf.Tensor | None = None,
    *,
    outputs: Outputs = "full",
    method: Method = "auto",
    variables: Sequence[str | keras.Variable] | None = None,
    by_layer: Literal[False] = False,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
    file: str | Path | None = None,
    show_progress: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> np.ndarray: ...
@overload
def empirical_ntk(
    model: keras.Model,
    x1: np.ndarray | tf.Tensor,
    x2: np.ndarray | tf.Tensor | None = None,
    *,
    outputs: Outputs = "full",
    method: Method = "auto",
    variables: Sequence[str | keras.Variable] | None = None,
    by_layer: Literal[True],
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
    file: None = None,
    show_progress: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, np.ndarray]: ...
def empirical_ntk(
    model: keras.Model,
    x1: np.ndarray | tf.Tensor,
    x2: np.ndarray | tf.Tensor | None = None,
    *,
    outputs: Outputs = "full",
    method: Method = "auto",
    variables: Sequence[str | keras.Variable] | None = None,
    by_layer: bool = False,
    memory_limit: int = DEFAULT_MEMORY_LIMIT,
    file: str | Path | None = None,
    show_progress: bool = True,
    strategy: tf.distribute.Strategy | None = None,
) -> np.ndarray | dict[str, np.ndarray]:
    r"""The empirical tangent kernel $\Theta(x, x') = \partial_\theta f(x) \, \partial_\theta f(x')^\top$ of a network.

    Hu et al. 2020, Section 3, for any Keras model with one input: functional, sequential or subclassed, in float32 or
    float64, at its weights of the moment. The model runs in inference mode: BatchNormalization uses its moving mean
    and variance, Dropout does nothing. Layers that are used several times count with all their uses.

    A model is traced and compiled on its first call, and again for other numbers of examples. It is kept compiled until
    its layers, their activations, their attributes that are numbers, strings or switches, or the trainable variables
    are others: what else changes its computation (the content of a list, say) takes a new model.

    Args:
        model: a built Keras model, with outputs ``[n]``, ``[n, C]`` or ``[n, ...]``, which are flattened.
        x1: inputs, ``[n1, ...]``.
        x2: inputs, ``[n2, ...]``; None means ``x1``, and half of the work.
        outputs: ``full``: all C x C pairs of outputs. ``trace``: the mean over outputs of the kernel of each.
        method: ``structured``: from the inputs and output cotangents of every layer, one forward pass and a backward
            pass for each output; for models whose every trainable layer is one of Dense, Conv2D, DepthwiseConv2D,
            BatchNormalization, LayerNormalization, NTKDense and NTKConv2D. ``jacobian``: per-example Jacobians by
            ``tf.GradientTape``, for any layer, slowly. ``auto``: structured where it can be; variables of other layers
            by their Jacobians, with a line in the log.
        variables: layer names, variables or their paths: the kernel of these alone. Equal names are taken together.
        by_layer: whether to give each layer's kernel apart. They add up to the whole; with learning rates of their own,
            $\sum_l \eta_l \Theta_l$ takes the place of $\eta \Theta$.
        memory_limit: bytes that the computation may take beside the result on each replica, as estimated ahead.
        file: an ``.npy`` file to be written, which is then given as a memory-mapped array. What a killed process left
            is taken up where it ended.
        show_progress: whether there is a progress bar, if it takes more than two seconds.
        strategy: where it is computed: by default that whose scope this is, or one device. Tiles of up to 2,048 by
            2,048 examples are shared out among its replicas, of which each on a GPU or TPU keeps a copy of the model's
            weights; of several workers all must ask, and all get the whole. Tried on logical CPUs and on processes of
            one machine; on several GPUs and on TPU it should do, which nobody has tried.

    Returns:
        The kernel, ``[n1, n2]`` for a single output or the mean over outputs, else ``[n1, n2, C, C]``, of which
        ``.transpose(0, 2, 1, 3)`` is in memory order; with ``by_layer``, a dict of them by layer name.

    Raises:
        InputError: on a model, inputs or choices that cannot be used; the message says why.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    >>> empirical_ntk(model, np.eye(3, dtype="float32"))  # of a linear model: x . x'
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    choices: dict[str, Any] = {"outputs": outputs, "method": method, "variables": variables, "by_layer": by_layer}
    rows = TangentKernel(model, x1, name="x1", **choices)
    columns = rows if x2 is None else TangentKernel(model, x2, name="x2", **choices)
    if columns.x.shape[1:] != rows.x.shape[1:]:
        raise InputError(f"x2 must have the shape of x1 but for n. Received: {columns.x.shape} and {rows.x.shape}.")
    matrix = Sides(rows, columns)
    chosen = planned([matrix], memory_limit)
    strategy = strategy or current_strategy()
    if file is None:
        kernels = {name: np.zeros(_shape(matrix), rows.dtype) for name in rows.groups}
        _fill(kernels, matrix, chosen, strategy, show_progress)
        for kernel in kernels.values():
            _add_up(kernel, chosen, strategy)
        kernels = {name: _by_pairs(kernel) for name, kernel in kernels.items()}
        return kernels if by_layer else kernels[WHOLE]
    if not isinstance(file, (str, Path)) or not Path(file).name:
        raise InputError(f"file must be the path of an .npy file. Received: file={file!r}.")
    if has_workers(strategy):
        raise InputError(f"file is for kernels that one process computes. Received: file={file}, with several workers.")
    if by_layer:
        raise InputError(f"file holds one kernel, and by_layer=True gives several. Received: file={file}.")
    return _into_file(Path(file), matrix, chosen, strategy, show_progress)


def _into_file(
    path: Path, matrix: Sides, chosen: Plan, strategy: tf.distribute.Strategy, show_progress: bool
) -> np.ndarray:
    c = matrix.rows.outputs
    shape = (len(matrix.rows), len(matrix.columns), *((c, c) if c > 1 else ()))
    tiles = len(block_pairs(chosen, matrix.rows is matrix.columns))
    store = KernelFile(path, shape, matrix.rows.dtype, fingerprint(matrix, chosen), tiles)
    kernel = store.array.reshape(*shape[:2], c, c).transpose(0, 2, 1, 3)
    _fill({WHOLE: kernel}, matrix, chosen, strategy, show_progress, store)
    return store.finish()


def _fill(
    kernels: dict[str, np.ndarray],
    matrix: Sides,
    chosen: Plan,
    strategy: tf.distribute.Strategy,
    show_progress: bool,
    store: KernelFile | None = None,
) -> None:
    """Computes the tiles of the kernels ``[n1, C, n2, C]`` that are this process's: all, but for several workers."""
    symmetric = matrix.rows is matrix.columns

    def of(pair: Pair) -> dict[str, list[tf.Tensor]]:
        return strips(*pair.terms[0], symmetric and pair.rows == pair.columns)

    done = store.tiles if store else 0
    for pair, tiles in computed([matrix], chosen, of, strategy, skip=done, show_progress=show_progress):
        for name, kernel in kernels.items():
            _write(kernel, pair, tiles[name], symmetric)
        if store:
            store.tile_written()


def _add_up(kernel: np.ndarray, chosen: Plan, strategy: tf.distribute.Strategy) -> None:
    """Puts the tiles of all workers together, of which each has zeros in place of the others'."""
    for rows in chosen.rows if has_workers(strategy) else ():
        kernel[rows] = added_up(strategy, kernel[rows])


def _write(kernel: np.ndarray, pair: BlockPair, tile: list[tf.Tensor], symmetric: bool) -> None:
    """Puts a tile, and its mirror image, into its place; what it holds beyond the last example is left out."""
    (start, last), columns = (pair[0].start, pair[0].stop), pair[1]
    diagonal = symmetric and pair[0] == columns
    for strip in tile:
        rows = slice(start, min(start + strip.shape[0], last))
        if diagonal:
            columns = slice(start, columns.stop)
        if rows.stop <= rows.start:
            break
        strip = strip.numpy()[: rows.stop - start, :, : columns.stop - columns.start]
        kernel[rows, :, columns] = strip
        if symmetric:
            kernel[columns, :, rows] = strip.transpose(2, 3, 0, 1)
        start = rows.stop


def _shape(matrix: Sides) -> tuple[int, int, int, int]:
    return len(matrix.rows), matrix.rows.outputs, len(matrix.columns), matrix.rows.outputs


def _by_pairs(kernel: np.ndarray) -> np.ndarray:
    """``[n1, C, n2, C]`` as ``[n1, n2, C, C]``, or as ``[n1, n2]`` if C = 1."""
    return kernel[:, 0, :, 0] if kernel.shape[1] == 1 else kernel.transpose(0, 2, 1, 3)
