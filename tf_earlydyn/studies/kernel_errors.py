"""How far a two-layer network's tangent kernel at step 0 is from its linear model's (Hu et al. 2020, Section 3)."""

from collections.abc import Iterator

import keras
import numpy as np

from tf_earlydyn import companion, data, models
from tf_earlydyn.config import KernelStudyConfig
from tf_earlydyn.distribution import make_strategy
from tf_earlydyn.ntk import empirical_ntk, spectral_norm
from tf_earlydyn.studies.setup import keras_dtype

TOLERANCE = 1e-6  # of spectral norms, relative


def kernel_errors(config: KernelStudyConfig) -> Iterator[list[dict]]:
    """||Theta(W_0) - Theta_lin|| d / n in spectral norm, for each choice of layers: rows of ``errors.csv``.

    One list for each dimension and seed. The kernels are computed in float32 by default: set beside float64 ones,
    errors differ by a relative 3e-6.
    """
    for d in config.dims:
        with keras_dtype(config.execution.dtype):
            network = plain_network(config, d, config.first_seed)  # one for all seeds, since its kernel is compiled
        for seed in range(config.first_seed, config.first_seed + config.seeds):
            network.set_weights(plain_network(config, d, seed).get_weights())
            yield _rows(config, d, seed, network)


def plain_network(config: KernelStudyConfig, d: int, seed: int) -> keras.Model:
    """The network of m/2 neurons whose antisymmetric twin has m, and the same tangent kernel at step 0."""
    units = config.width(d) // 2
    return models.two_layer((d,), units, config.activation, negative_slope=config.negative_slope, seed=seed)


def _rows(config: KernelStudyConfig, d: int, seed: int, network: keras.Model) -> list[dict]:
    runs = {layers: config.run(d, layers, seed) for layers in config.layers}
    examples = data.load(next(iter(runs.values())).data, seed).as_type(config.execution.dtype)
    x = examples.x_train
    strategy = make_strategy(config.execution)
    kernels = _by_choice(empirical_ntk(network, x, by_layer=True, show_progress=False, strategy=strategy))
    rows = []
    for layers, run in runs.items():
        features = np.asarray(companion.linear_features(run, examples)(x), np.float64)
        error = spectral_norm(kernels[layers] - features @ features.T, tolerance=TOLERANCE) * d / len(x)
        rows.append({"d": d, "n": len(x), "m": run.model.width, "seed": seed, "layers": layers, "error": error})
    return rows


def _by_choice(kernels: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    first, second = kernels["hidden"], kernels["readout"]
    return {"first": first, "second": second, "both": first + second}
