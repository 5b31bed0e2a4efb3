"""The moments of an activation as a two-layer network has them at step 0."""

import dataclasses

import numpy as np
import pytest

from tf_earlydyn import data, models
from tf_earlydyn.config import DataConfig, ModelConfig
from tf_earlydyn.studies.start_moments import start_moments


def made(settings, **sizes):
    examples = data.load(DataConfig(**sizes), seed=0)
    return start_moments(settings, models.build(settings, examples.input_shape, 1, seed=0), examples), examples


@pytest.mark.parametrize("start", ["zero", "drawn"])
def test_they_are_means_over_inputs_and_hidden_units(start):
    """Leaky ReLU with slope 0.3: written out, by its slopes of 1 and 0.3."""
    settings = ModelConfig(width=6, activation="leaky_relu", negative_slope=0.3, start=start)
    found, examples = made(settings, n_train=5, n_test=1, d=4)
    network = models.build(settings, (4,), 1, seed=0)
    w = np.asarray(network.weights[0], np.float64)
    assert w.shape == (4, 3 if start == "zero" else 6)
    x = examples.x_train.astype(np.float64)
    g = np.array([[sum(a * b for a, b in zip(row, unit, strict=True)) / 2 for unit in w.T] for row in x])
    slope = np.where(g > 0, 1, 0.3)
    squares = [(x[i] @ x[j]) ** 2 for i in range(5) for j in range(5) if i != j]
    expected = {
        "zeta": slope.mean(),
        "nu": (g * slope).mean() * np.sqrt(np.mean(squares) / 4),
        "theta0": (slope * g).mean(),
        "theta1": (slope * g).mean(),
        "theta2": (slope * (g**3 / 2 - g)).mean(),
    }
    assert found["network"] == pytest.approx(expected, rel=1e-6)


def test_those_of_a_wide_network_are_those_of_theory():
    """Within 0.03: what 4,000 units, 300 inputs and d = 400 leave are standard errors of about 0.01."""
    found, _ = made(ModelConfig(width=4_000, activation="gelu", start="drawn"), n_train=300, n_test=1, d=400)
    unit = 1 / np.sqrt(np.pi)  # closed forms, by partial integration
    assert found["theory"] == pytest.approx(
        {"zeta": 0.5, "nu": 0.75 * unit, "theta0": unit / 2, "theta1": 0.75 * unit, "theta2": unit / 16}
    )
    assert found["network"] == pytest.approx(found["theory"], abs=0.03)


@pytest.mark.parametrize(
    ("settings", "n_train"), [(ModelConfig(model="mlp", width=4, depth=1), 5), (ModelConfig(width=4), 1)]
)
def test_networks_without_psi_of_moments_have_none(settings, n_train):
    assert made(settings, n_train=n_train, n_test=1, d=3)[0] is None


def test_a_saved_network_has_none():
    settings = ModelConfig(width=4)
    examples = data.load(DataConfig(n_train=5, n_test=1, d=3), seed=0)
    network = models.build(settings, (3,), 1, seed=0)
    assert start_moments(dataclasses.replace(settings, network_file="a.keras"), network, examples) is None
