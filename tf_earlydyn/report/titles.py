"""What was run, in the two lines above its figures."""

from tf_earlydyn import names
from tf_earlydyn.config import KernelStudyConfig, from_json


def title(config: dict) -> str:
    """What was run, in two lines."""
    network, source, rate = names.network(config), names.source(config["data"]), config["training"]["learning_rate"]
    seeds = f"seed{'s' * (config['seeds'] > 1)} {names.seeds(config['seed'], config['seeds'])}"
    return f"{network.short}, $\\eta$ = {rate:g}\n{source.short}, n = {config['sizes']['n_train']:,}, {seeds}"


def scaling_title(config: dict) -> str:
    """What a study of kernels was, in two lines."""
    study = from_json(KernelStudyConfig, config)
    n, m = study.n_exponent, study.m_exponent
    sizes = f"$n = d^{{{n:g}}}$, $m = d^{{{m:g}}}$" if n != m else f"$n = m = d^{{{n:g}}}$"
    return f"two-layer {names.activation(config)}, {sizes}\ngeometric mean and range over {study.seeds} seeds"
