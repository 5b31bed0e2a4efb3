"""Kernel errors and training gaps over a range of dimensions (Hu et al. 2020, Section 3)."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from absl import flags as absl_flags
from scipy import stats

from tests import oracles
from tf_earlydyn import activations, data, flags, models, theory
from tf_earlydyn.config import LAYERS, ExecutionConfig, KernelStudyConfig, flagfile
from tf_earlydyn.errors import DivergenceError, InputError
from tf_earlydyn.ntk import empirical_ntk
from tf_earlydyn.rundir import read_json
from tf_earlydyn.studies import kernel_errors, kernel_scaling, training_gaps
from tf_earlydyn.studies.power_law import fit_power_law
from tf_earlydyn.training import recorded_steps

PSI = {"first": "psi_1", "second": "psi_2", "both": "psi"}


def rows_of(measurement, config):
    return [row for rows in measurement(config) for row in rows]


@pytest.mark.parametrize("activation", ["erf", "relu", "gelu"])
def test_errors_are_those_of_kernels_written_out(activation):
    """Float64 NumPy from the equations, dense eigenvalues; two seeds on one model, so that its weights must change."""
    config = KernelStudyConfig(dims=(4, 9), alpha=0.5, activation=activation, seeds=2, first_seed=3)
    phi, moments = activations.get(activation), theory.moments(activation)
    rows = rows_of(kernel_errors.kernel_errors, config)
    assert [(row["d"], row["seed"], row["layers"]) for row in rows] == [
        (d, seed, layers) for d in (4, 9) for seed in (3, 4) for layers in LAYERS
    ]
    for row in rows:
        d, n, m = row["d"], row["n"], row["m"]
        assert (n, m) == {4: (8, 8), 9: (27, 28)}[d]  # d^1.5, m rounded to even
        w, v = (np.asarray(weight, np.float64) for weight in models.two_layer((d,), m // 2, seed=row["seed"]).weights)
        x = data.load(config.run(d, row["layers"], row["seed"]).data, row["seed"]).x_train.astype(np.float64)
        first, second = oracles.two_layer_kernels(w, v[:, 0], phi.value, phi.derivative, x)
        psi = oracles.psi_features(PSI[row["layers"]], moments, x)
        difference = {"first": first, "second": second, "both": first + second}[row["layers"]] - psi @ psi.T
        assert row["error"] == pytest.approx(np.linalg.norm(difference, 2) * d / n, rel=2e-5)


def test_the_antisymmetric_network_has_the_kernels_of_the_plain_one():
    config = KernelStudyConfig(dims=(6, 7), activation="gelu")
    plain = kernel_errors.plain_network(config, 6, seed=1)
    twin = models.antisymmetric(plain)
    assert sum(variable.shape[-1] for variable in twin.variables if "hidden" in variable.path) == config.width(6)
    x = np.random.default_rng(0).standard_normal((5, 6)).astype(np.float32)
    for name, kernel in empirical_ntk(plain, x, by_layer=True).items():
        np.testing.assert_allclose(empirical_ntk(twin, x, by_layer=True)[name], kernel, rtol=1e-5, atol=1e-6)


def test_a_power_law_is_found_again():
    sizes = np.array([32, 64, 128])
    law = fit_power_law(sizes, np.outer(2.5 * sizes**-0.75, [1, 1.5, 2 / 3]))
    assert (law.exponent, law.low, law.high, law.seed_low, law.seed_high) == pytest.approx((-0.75,) * 5)
    assert (law.factor, law.misfit) == pytest.approx((2.5, 1))


def test_the_exponent_is_the_slope_through_all_points_and_its_interval_that_of_the_seeds():
    """NumPy's polyfit, and SciPy's t interval of the seeds' slopes; the misfit by hand."""
    sizes, values = np.array([2, 4, 8, 16]), np.random.default_rng(0).lognormal(size=(4, 5))
    law = fit_power_law(sizes, values)
    slope, level = np.polyfit(np.log(np.repeat(sizes, 5)), np.log(values.ravel()), 1)
    assert (law.exponent, law.factor) == pytest.approx((slope, np.exp(level)))
    slopes = [np.polyfit(np.log(sizes), np.log(one), 1)[0] for one in values.T]
    interval = stats.ttest_1samp(slopes, 0).confidence_interval(0.95)
    assert (law.low, law.high) == pytest.approx((interval.low, interval.high))
    assert law.seed_high - law.exponent == pytest.approx((law.high - law.exponent) * np.sqrt(6))  # 1 + 1/5 over 1/5
    means = stats.gmean(values, axis=1)
    line = law.factor * sizes**law.exponent
    assert law.misfit == pytest.approx(max(*(means / line), *(line / means)))


@pytest.mark.parametrize("seeds", [2, 5, 20])
def test_intervals_cover_as_often_as_they_say(seeds):
    """The true exponent, and that of one more seed, with noise that is larger at small sizes and shared by the sizes of
    a seed; 2,000 times, so that a share's standard error is 0.005.
    """
    rng, sizes = np.random.default_rng(seeds), np.array([32.0, 64.0, 128.0, 256.0])[:, None]
    covered = []
    for _ in range(2_000):
        noise = 0.03 * np.log(sizes / 90) * rng.standard_normal(seeds + 1) + rng.standard_normal((4, seeds + 1)) / sizes
        values = sizes**-0.3 * np.exp(noise)
        law = fit_power_law(sizes[:, 0], values[:, 1:])
        further = np.polyfit(np.log(sizes[:, 0]), np.log(values[:, 0]), 1)[0]
        covered.append((law.low <= -0.3 <= law.high, law.seed_low <= further <= law.seed_high))
    assert np.mean(covered, axis=0) == pytest.approx([0.95, 0.95], abs=0.015)


def test_sizes_by_hand():
    config = KernelStudyConfig(width_exponent=2, time_factor=0.5, learning_rate=2)
    assert [config.examples(d) for d in (16, 256)] == [32, 1024]  # 2^(4 * 5/4), 2^(8 * 5/4)
    assert [config.width(d) for d in (16, 256)] == [512, 262_144]  # 2^(4 * 9/4), 2^(8 * 9/4)
    assert config.width(32) == 2_436  # 2435.5
    assert config.steps(256) == 354  # 0.5 * 256 * 5.5452 / 2 = 354.9
    run = config.run(32, "second", 7)
    assert (run.data.d, run.data.n_train, run.model.width, run.training.steps, run.seed) == (32, 76, 2_436, 27, 7)
    assert (run.data.covariance, run.data.labels, run.model.model, run.training.train) == (
        "identity",
        "sign",
        "two_layer",
        "second",
    )


SMALL = KernelStudyConfig(dims=(6, 7), alpha=0.75, seeds=2, n_test=50, learning_rate=0.5, time_factor=3.0)


def test_gaps_are_those_of_descent_written_out():
    """Float64 NumPy with the gradients by hand; the largest over the steps that are recorded."""
    config = dataclasses.replace(SMALL, activation="gelu", first_seed=4)
    phi, moments = activations.get("gelu"), theory.moments("gelu")
    rows = next(training_gaps.training_gaps(config))
    assert [row["layers"] for row in rows] == list(LAYERS)
    for row, rates in zip(rows, [(0.5, 0), (0, 0.5), (0.5, 0.5)], strict=True):
        assert (row["d"], row["n"], row["m"], row["seed"]) == (6, 23, 24, 4)  # 6^1.75 = 23.0
        assert row["steps"] == 64  # 3 * 6 * 1.7918 / 0.5 = 64.5
        run = config.run(6, row["layers"], 4)
        examples, network = data.load(run.data, 4), models.build(run.model, (6,), 1, 4)
        w, v = (np.asarray(weight, np.float64) for weight in network.positive.get_weights())
        descent = (np.hstack([w, w]), np.concatenate([v, -v])[:, 0], phi.value, phi.derivative)
        x, x_test, y = (np.asarray(a, np.float64) for a in (examples.x_train, examples.x_test, examples.y_train))
        psi, psi_test = (oracles.psi_features(PSI[row["layers"]], moments, a) for a in (x, x_test))
        linear = oracles.linear_descent(psi, y, 0.5, 64)
        beta = np.linalg.lstsq(psi, np.hstack(linear), rcond=None)[0].T
        for split, at, features in (("train", x, psi), ("test", x_test, psi_test)):
            f = oracles.two_layer_descent(*descent, x, y[:, 0], rates, 64, at)
            gaps = [np.mean((f[step] - features @ beta[step]) ** 2) for step in recorded_steps(64, 20)]
            assert row[f"{split}_gap"] == pytest.approx(max(gaps), rel=1e-3)
        first, last, optimum = (
            np.sum((y - g) ** 2) for g in (0, linear[-1], psi @ np.linalg.lstsq(psi, y, rcond=None)[0])
        )
        assert row["learned"] == pytest.approx((first - last) / (first - optimum), rel=1e-4)


def test_a_rate_that_diverges_is_named_with_the_stable_one(tmp_path):
    config = dataclasses.replace(SMALL, learning_rate=100, time_factor=2_000.0, run_dir=str(tmp_path / "run"))
    with pytest.raises(
        DivergenceError, match=r"is not finite at step \d+: with d=6 the linear models are stable up to"
    ):
        kernel_scaling.run(config, show_progress=False)
    assert not (tmp_path / "run" / "summary.json").exists()
    assert len(pd.read_csv(tmp_path / "run" / "errors.csv")) == 12


REFUSED = {
    "one dimension": ({"dims": (32,)}, "dims must be two or more rising dimensions"),
    "no dimension": ({"dims": ()}, "dims must be two or more rising"),
    "falling dimensions": ({"dims": (64, 32)}, "dims must be two or more rising"),
    "the same twice": ({"dims": (32, 32)}, "dims must be two or more rising"),
    "dimension 1": ({"dims": (1, 2)}, "dims must be two or more rising dimensions from 2"),
    "endless dimension": ({"dims": (2, 10**400)}, "dims must be two or more rising"),
    "too large": ({"dims": (2, 10**9)}, "dims must give at most 2147483647 examples and units"),
    "dims that are text": ({"dims": ("32", "64")}, "dims must be a tuple, each an integer"),
    "alpha 0": ({"alpha": 0.0}, r"alpha must lie in (0, 1]"),
    "alpha NaN": ({"alpha": float("nan")}, "alpha must lie in"),
    "width": ({"width_exponent": -1.0}, "width_exponent must lie in [0, 3]"),
    "activation": ({"activation": "swish"}, "activation must be one of erf"),
    "slope": ({"negative_slope": float("inf")}, "negative_slope must lie in"),
    "layers": ({"layers": ("third",)}, "layers must be one of first, second, both"),
    "no layers": ({"layers": ()}, "layers must be different ones of first, second, both"),
    "layers twice": ({"layers": ("both", "both")}, "layers must be different ones"),
    "one seed": ({"seeds": 1}, "seeds must be at least 2"),
    "negative seed": ({"first_seed": -1}, "first_seed must not be negative"),
    "time": ({"time_factor": 0.0}, "time_factor must be a positive finite number"),
    "rate": ({"learning_rate": float("inf")}, "learning_rate must be a positive finite number"),
    "no step": ({"time_factor": 1e-3}, "time_factor * d log d / learning_rate must be from 1 to"),
    "endless": ({"time_factor": 1e9}, "time_factor * d log d / learning_rate must be from 1 to"),
    "no test examples": ({"n_test": 0}, "n_test must be a positive number"),
    "study": ({"study": "none"}, "study must be one of kernel, training, both"),
}


@pytest.mark.parametrize(("settings", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_one_sentence(settings, message):
    with pytest.raises(InputError) as raised:
        KernelStudyConfig(**settings)
    assert str(raised.value).startswith(message)
    assert "Received: " in str(raised.value)
    assert "\n" not in str(raised.value)


def test_flags_say_what_the_configuration_does(tmp_path):
    config = KernelStudyConfig(dims=(3, 5), layers=("both", "first"), activation="leaky_relu", alpha=0.125, run_dir="x")
    (tmp_path / "flags.txt").write_text(flagfile(config))
    flag_values = absl_flags.FlagValues()
    for part in (KernelStudyConfig, ExecutionConfig):
        flags.define_flags(part, flag_values)
    flag_values(["kernels.py", f"--flagfile={tmp_path / 'flags.txt'}"])
    read = flags.read(KernelStudyConfig, flag_values, execution=flags.read(ExecutionConfig, flag_values))
    assert read == dataclasses.replace(config, run_dir=None)


def test_the_kernel_can_be_had_alone(tmp_path):
    config = dataclasses.replace(SMALL, study="kernel", layers=("first",), activation="linear")
    directory = kernel_scaling.run(dataclasses.replace(config, run_dir=str(tmp_path / "run")), show_progress=False)
    assert not directory.gaps.exists()
    assert {file.name for file in directory.figures.iterdir()} == {"error.png", "error.pdf"}
    errors = pd.read_csv(directory.errors)
    assert errors["error"].max() < 1e-6  # of a linear network's first layer the theory is exact


def exponents(tmp_path, **settings):
    """The rows of ``exponents.csv`` by choice of layers, of a study of the kernel alone."""
    config = KernelStudyConfig(study="kernel", run_dir=str(tmp_path / "run"), **settings)
    directory = kernel_scaling.run(config, show_progress=False)
    return {row["layers"]: row for row in read_json(directory.summary)["exponents"]}


N_EQUAL_M = {"dims": (32, 64, 128, 256, 512), "alpha": 0.25, "width_exponent": 1.0, "seeds": 20}


@pytest.mark.slow
def test_exponents_of_erf_are_those_measured_without_this_package(tmp_path):
    """-0.48, -0.11, -0.11, measured once, in float64."""
    rows = exponents(tmp_path, **N_EQUAL_M, activation="erf")
    for layers, measured in zip(LAYERS, (-0.48, -0.11, -0.11), strict=True):
        assert rows[layers]["low"] <= measured <= rows[layers]["high"] < 0


@pytest.mark.slow
def test_the_second_layer_of_relu_grows_where_the_network_is_narrow(tmp_path):
    """By d^0.20 to d^0.36 over single seeds, measured without this package. The other two are means of 20 seeds, which
    NumPy in float64 gives too, within the noise of 20 other seeds: -0.50 and 0.27, with standard errors of 0.01.
    """
    rows = exponents(tmp_path, **N_EQUAL_M, activation="relu")
    assert 0.20 <= rows["second"]["low"] < rows["second"]["high"] <= 0.36
    assert [rows[layers]["exponent"] for layers in ("first", "both")] == pytest.approx([-0.49, 0.25], abs=0.03)


@pytest.mark.slow
def test_the_second_layer_of_relu_takes_a_wider_network(tmp_path):
    """Its E[phi(g)] is not 0: at m = d^1.25 the error grows, at m = d^2.25 it falls (d = 32 to 256: by d^-0.23)."""
    rows = exponents(tmp_path, dims=(32, 64, 128), activation="relu", width_exponent=2.0, seeds=8)
    assert all(row["high"] < 0 for row in rows.values())
