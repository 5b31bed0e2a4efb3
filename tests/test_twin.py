"""The affine twin against its definition by dense float64 Jacobians, dense gradient descent, and its laws."""

import logging
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest

import tf_earlydyn as te
from tests import kernel_models, oracles
from tests.cases import PEAK_MEMORY, needs_proc
from tf_earlydyn import ntk
from tf_earlydyn.errors import InputError
from tf_earlydyn.ntk import projection
from tf_earlydyn.seeds import Stream, generator
from tf_earlydyn.studies import agreement
from tf_earlydyn.training import GradientDescent, Learner, train
from tf_earlydyn.twin import derive

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 7))
Y = RNG.standard_normal((120, 3))
STEPS = [0, 1, 7, 60]


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.ERROR, "tf_earlydyn")  # of slow layers and dropped features, in tests of their own


@pytest.fixture(scope="module")
def model():
    return kernel_models.make("mlp of three outputs")


@pytest.fixture(scope="module")
def twin(model):
    return te.affine_twin(model, X)


def with_one(x):
    return np.hstack([x.reshape(len(x), -1), np.ones((len(x), 1))])


def dense_kernel(twin, x1, x2=None):
    """The twin's kernel over (example, output) pairs."""
    kernel = twin.kernel(x1, x2)
    if kernel.ndim == 2:
        return kernel
    n1, n2, c, _ = kernel.shape
    return kernel.transpose(0, 2, 1, 3).reshape(n1 * c, n2 * c)


def by_definition(model, x, seed=0):
    """A of [x; 1] for all pairs of outputs, before clipping: M_1'M_2 of regressions on the halves, made symmetric."""
    drawn = generator(seed, Stream.TWIN).permutation(len(x))
    first, second = np.reshape(drawn, (2, -1))
    fits = []
    for half in (first, second):
        jacobian = oracles.jacobian(model, x[half])
        fits.append(
            [np.linalg.lstsq(with_one(x[half]), jacobian[:, a], rcond=None)[0] for a in range(jacobian.shape[1])]
        )
    a = np.einsum("aip,bjp->aibj", *map(np.array, fits))
    return (a + a.transpose(2, 3, 0, 1)) / 2


@pytest.mark.parametrize("route", ["kernels", "passes"])
@pytest.mark.parametrize(
    "name", ["two_layer relu", "mlp of three outputs", "a layer it has never seen", "cnn of two outputs"]
)
def test_it_is_the_regression_of_the_jacobian_by_either_route(name, route):
    model = kernel_models.make(name)
    x = kernel_models.inputs(model, 120)
    twin = te.affine_twin(model, x, route=route)
    (part,) = sum(twin._parts.values())  # of w = Q'[x; 1]
    a, q = by_definition(model, x), twin.coordinates.basis
    found = np.einsum("ir,arbs,js->aibj", q, part.reshape(twin.outputs, len(q), twin.outputs, len(q)), q)
    np.testing.assert_allclose(found, a, rtol=1e-8, atol=1e-10 * np.abs(a).max())


def test_what_is_negative_is_clipped_in_whitened_coordinates(float64):
    """Of a network whose gradients the inputs hardly explain."""
    model = te.two_layer((7,), 30, "relu", seed=1)
    x = RNG.standard_normal((20, 7)) ** 3
    twin = te.affine_twin(model, x)
    (part,) = sum(twin._parts.values())
    values, vectors = np.linalg.eigh(part)
    assert values[0] < 0
    assert twin.clipped == pytest.approx(-values[values < 0].sum() / np.abs(values).sum())
    w = twin.coordinates(x)
    np.testing.assert_allclose(np.cov(w.T, bias=True) + np.outer(w.mean(0), w.mean(0)), np.eye(w.shape[1]), atol=1e-10)
    clipped = (vectors * np.clip(values, 0, None)) @ vectors.T
    np.testing.assert_allclose(twin.kernel(x), w @ clipped @ w.T, rtol=1e-9, atol=1e-12)


def test_an_affine_network_is_its_own_twin(float64):
    """At every step, to rounding."""
    model = keras.Sequential([keras.Input((7,), dtype="float64"), keras.layers.Dense(3, kernel_initializer="zeros")])
    twin = te.affine_twin(model, X)
    np.testing.assert_allclose(twin.kernel(X), te.empirical_ntk(model, X), rtol=1e-10, atol=1e-12)
    assert twin.clipped == pytest.approx(0, abs=1e-12)
    foretold = iter(twin.trajectory(X, Y, 0.1, STEPS))
    check = lambda step: np.testing.assert_allclose(model(X), next(foretold), rtol=0, atol=1e-12)  # noqa: E731
    train([Learner("network", model, GradientDescent(0.1))], X, Y, STEPS, [check], show_progress=False)
    assert next(foretold, None) is None


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.05])
@pytest.mark.parametrize("crossed", [True, False])
def test_trajectories_are_those_of_descent_written_out(model, monkeypatch, momentum, decay, crossed):
    """f = K a over (example, output) pairs with v <- momentum v - rate ((f - y)/n + decay a), a <- a + v."""
    if not crossed:
        monkeypatch.setattr(derive, "LARGEST", 1)
    twin = te.affine_twin(model, X)
    assert twin.crossed == crossed
    held_out = RNG.standard_normal((9, 7))
    kernel, across = dense_kernel(twin, X), dense_kernel(twin, held_out, X)
    rate = 0.3 * twin.max_learning_rate(X)
    found = twin.trajectory(X, Y, rate, STEPS, momentum=momentum, decay=decay)
    elsewhere = twin.trajectory(X, Y, rate, STEPS, held_out, momentum=momentum, decay=decay)
    a = velocity = np.zeros(Y.size)
    for step in range(STEPS[-1] + 1):
        if step in STEPS:
            at = STEPS.index(step)
            np.testing.assert_allclose(found[at].ravel(), kernel @ a, rtol=1e-7, atol=1e-10)
            np.testing.assert_allclose(elsewhere[at].ravel(), across @ a, rtol=1e-7, atol=1e-10)
        velocity = momentum * velocity - rate * ((kernel @ a - Y.ravel()) / len(X) + decay * a)
        a = a + velocity


def test_layers_learn_at_rates_of_their_own(model):
    """A(eta) = sum_l eta_l A_l: the same as a twin of the layers that learn, and as rates that are equal."""
    twin = te.affine_twin(model, X)
    rates = dict.fromkeys(twin.layers, 0.0)
    first = te.affine_twin(model, X, variables=["hidden_1"])
    np.testing.assert_allclose(
        twin.trajectory(X, Y, {**rates, "hidden_1": 0.2}, STEPS),
        first.trajectory(X, Y, 0.2, STEPS),
        rtol=1e-7,
        atol=1e-9,
    )
    equal = twin.trajectory(X, Y, dict.fromkeys(twin.layers, 0.1), STEPS)
    np.testing.assert_array_equal(equal, twin.trajectory(X, Y, 0.1, STEPS))


def test_steps_and_shapes(model, twin):
    found = twin.trajectory(X, Y, 0.1, [5, 0, 5])
    assert found.shape == (3, 120, 3)
    np.testing.assert_array_equal(found[0], found[2])
    assert not found[1].any()
    one = te.affine_twin(kernel_models.make("mlp"), X)
    assert one.trajectory(X, Y[:, 0], 0.1, STEPS).shape == (4, 120)
    assert one.trajectory(X, Y[:, :1], 0.1, STEPS, X[:5]).shape == (4, 5, 1)


@pytest.mark.parametrize(
    "rates",
    [None, {"hidden_1": 0.05, "hidden_2": 0.0, "readout": 0.2}, {"hidden_1": 0.05, "hidden_2": 0.05, "readout": 0.05}],
)
def test_the_keras_model_goes_where_the_closed_form_says(model, twin, tmp_path, rates):
    """1,000 steps in float64, and saved and loaded."""
    linear = twin.linear_model(rates, dtype="float64")
    assert np.abs(linear(X)).max() == 0
    rate = 1.0 if rates else 0.1
    train([Learner("linear", linear, GradientDescent(rate))], X, Y, [0, 1000], show_progress=False)
    linear.save(tmp_path / "linear.keras")
    expected = twin.trajectory(X, Y, rates or rate, [1000])[0]
    for trained in (linear, keras.saving.load_model(tmp_path / "linear.keras")):
        np.testing.assert_allclose(trained(X), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_largest_rate_is_where_descent_turns_into_ascent(twin, momentum):
    limit = twin.max_learning_rate(X, momentum)
    largest = np.linalg.eigvalsh(dense_kernel(twin, X))[-1] / len(X)
    assert limit == pytest.approx(2 * (1 + momentum) / largest, rel=1e-9)
    for factor, grows in ((0.99, False), (1.01, True)):
        early, late = twin.trajectory(X, Y, factor * limit, [1000, 2000], momentum=momentum)
        assert (np.abs(late).max() > 2 * np.abs(early).max()) == grows


def test_scaling_and_rotating_the_inputs_changes_nothing(float64):
    """If the network undoes it."""
    rotation, _ = np.linalg.qr(RNG.standard_normal((7, 7)))
    model = kernel_models.make("mlp")
    undoes = keras.layers.Dense(7, use_bias=False, trainable=False)
    other = keras.Sequential([keras.Input((7,), dtype="float64"), undoes, model])
    undoes.kernel.assign(rotation.T / 1000)
    twin, turned = te.affine_twin(model, X), te.affine_twin(other, 1000 * X @ rotation)
    np.testing.assert_allclose(turned.kernel(1000 * X @ rotation), twin.kernel(X), rtol=1e-8, atol=1e-10)


def test_features_that_follow_from_others_are_left_out_and_said(caplog, float64):
    """A constant, a copy, a sum, and what is not zero for one example alone."""
    caplog.set_level(logging.WARNING, "tf_earlydyn")
    more = np.hstack([X, np.full((120, 1), 3.0), X[:, :1], X[:, :1] + X[:, 1:2], np.eye(120)[:, :1]])
    model = te.two_layer((11,), 20, "tanh")
    twin = te.affine_twin(model, more)
    assert twin.dropped == 4
    assert twin.coordinates.rank == 8
    assert caplog.messages == [
        "of the twin's 12 features, 4 are constant, follow from others or are of few examples, and are left out"
    ]
    np.testing.assert_allclose(twin.coordinates(more).T @ twin.coordinates(more) / 120, np.eye(8), atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_features_of_few_examples_do_no_harm(seed):
    """Pixels that are rarely not zero, whose regression on a half of the sample says nothing."""
    rng = np.random.default_rng(seed)
    rare = (rng.uniform(size=(600, 10)) < 0.004) * rng.standard_normal((600, 10))
    x = np.hstack([rng.standard_normal((600, 7)), rare]).astype(np.float32)
    model = te.two_layer((17,), 400, "erf", seed=seed)
    theta = te.empirical_ntk(model, x)
    limit = 2 / (np.linalg.eigvalsh(theta)[-1] / len(x))
    assert te.affine_twin(model, x, seed=seed).max_learning_rate(x) == pytest.approx(limit, rel=0.1)


@pytest.mark.parametrize("column", [np.full(120, 1e7), 1e6 * X[:, 0], 1e-4 * X[:, 0] + 3])
def test_a_column_of_another_scale_hides_no_other(column, float64):
    """An affine network is its own twin whatever its inputs' units are."""
    x = np.column_stack([X, column + RNG.standard_normal(120) * column.std()])
    normalise = keras.layers.Normalization(mean=x.mean(axis=0), variance=x.var(axis=0) + 1e-300, dtype="float64")
    model = keras.Sequential([keras.Input((8,), dtype="float64"), normalise, keras.layers.Dense(1)])
    np.testing.assert_allclose(te.affine_twin(model, x).kernel(x), te.empirical_ntk(model, x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("crossed", [True, False])
def test_the_optimum_is_that_of_least_squares(model, monkeypatch, crossed):
    """Of all affine functions, since the twin's kernel has all of them; and where long trajectories end."""
    if not crossed:
        monkeypatch.setattr(derive, "LARGEST", 1)
    twin = te.affine_twin(model, X)
    held_out = RNG.standard_normal((9, 7))
    kernel, across = dense_kernel(twin, X), dense_kernel(twin, held_out, X)
    a = np.linalg.pinv(kernel, rcond=1e-12) @ Y.ravel()
    descent = twin.descent(X, Y, 0.1)
    np.testing.assert_allclose(descent.optimum().ravel(), kernel @ a, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(descent.optimum(held_out).ravel(), across @ a, rtol=1e-6, atol=1e-8)
    assert descent.least_loss == pytest.approx(np.mean((kernel @ a - Y.ravel()) ** 2) / 2, rel=1e-6)


@pytest.mark.parametrize("crossed", [True, False])
@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.6, 0.0), (0.0, 1e-3)])
def test_losses_are_those_of_its_predictions(model, monkeypatch, momentum, decay, crossed):
    if not crossed:
        monkeypatch.setattr(derive, "LARGEST", 1)
    descent = te.affine_twin(model, X).descent(X, Y, 1.0, momentum=momentum, decay=decay)
    expected = np.mean((descent.at(range(500)) - Y) ** 2, axis=(1, 2)) / 2
    np.testing.assert_allclose(descent.losses(range(500)), expected, rtol=1e-10)
    assert expected[0] == pytest.approx(descent.first_loss)
    half = np.argmax(expected <= (descent.first_loss + descent.least_loss) / 2)
    assert descent.half_step(499) == half > 1


def test_the_route_is_the_cheaper_one():
    """Passes for few features and many examples of a small network; kernels for a wide one, or where gradients of all
    combinations take more than the memory limit.
    """
    routes = {}
    for name, width, n, limit in (("small", 4, 4_000, 2**30), ("wide", 256, 100, 2**30), ("short", 4, 4_000, 2**10)):
        x = RNG.standard_normal((n, 7)).astype(np.float32)
        halves = [ntk.TangentKernel(te.mlp((7,), width, 3), x, by_layer=True)] * 2
        routes[name] = projection.cheaper_route(*halves, 8, crossed=True, memory_limit=limit)
    assert routes == {"small": "passes", "wide": "kernels", "short": "kernels"}


def test_it_can_be_pickled(twin):
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(twin)).kernel(X), twin.kernel(X))


def test_outputs_one_by_one_are_said(model, twin, monkeypatch, caplog):
    caplog.set_level(logging.WARNING, "tf_earlydyn")
    monkeypatch.setattr(derive, "LARGEST", 23)
    apart = te.affine_twin(model, X)
    assert caplog.messages == [
        "the twin takes the 3 outputs one by one: all together would be 24 features, more than 23"
    ]
    kernel = apart.kernel(X)
    assert not kernel[:, :, 0, 1].any()
    (together,) = sum(twin._parts.values())
    blocks = [together.reshape(3, 8, 3, 8)[a, :, a] for a in range(3)]
    np.testing.assert_allclose(sum(apart._parts.values()), blocks, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("further", [["norm"], ["energy", "norm"]])
def test_further_features_explain_more(further, float64):
    """Of a ReLU network, whose gradients grow with the norm; and as a Keras model."""
    model = te.two_layer((3, 2, 2), 60, "relu")
    x = RNG.standard_normal((400, 3, 2, 2)) * RNG.uniform(0.2, 2, (400, 1, 1, 1))
    plain, richer = (te.affine_twin(model, x, further=names) for names in ([], further))
    held_out = RNG.standard_normal((50, 3, 2, 2)) * RNG.uniform(0.2, 2, (50, 1, 1, 1))
    theta = te.empirical_ntk(model, held_out)
    distances = [np.linalg.norm(twin.kernel(held_out) - theta) for twin in (plain, richer)]
    assert distances[1] < 0.8 * distances[0]
    y = RNG.standard_normal((400, 1))
    linear = richer.linear_model(dtype="float64")
    train([Learner("linear", linear, GradientDescent(0.05))], x, y, [0, 50], show_progress=False)
    np.testing.assert_allclose(linear(x), richer.trajectory(x, y, 0.05, [50])[0], rtol=1e-8, atol=1e-10)


def test_the_sampling_error_falls_as_one_over_its_root():
    """Against a twin of 40 times as many, over ten samples: a quarter of the examples, twice the error."""
    model = te.two_layer((5,), 50, "erf")
    x = RNG.standard_normal((32_000, 5)).astype(np.float32)
    exact = te.affine_twin(model, x, sample=32_000).kernel(X[:, :5])
    errors = {}
    for sample in (200, 800):
        kernels = [te.affine_twin(model, x, sample=sample, seed=seed).kernel(X[:, :5]) for seed in range(10)]
        errors[sample] = np.sqrt(np.mean([np.sum((kernel - exact) ** 2) for kernel in kernels]))
    assert 1.5 < errors[200] / errors[800] < 2.7


@pytest.mark.parametrize("activation", ["erf", "relu"])
def test_the_twin_of_a_wide_network_tends_to_psi(activation):
    """Up to O(1/d): the affine parts of their kernels, by the coefficients of x.x'."""
    errors = []
    for d in (8, 32):
        x = np.random.default_rng(1).standard_normal((6_000, d)).astype(np.float32)
        twin = te.affine_twin(te.two_layer((d,), 4_000, activation), x, sample=6_000)
        basis = np.linalg.pinv(twin.coordinates.basis)
        a = basis.T @ np.einsum("kr,ks->rs", twin._roots(None)[0][0], twin._roots(None)[0][0]) @ basis
        slope = np.trace(a[:d, :d]) / d
        errors.append(abs(slope * d / (2 * te.theory.moments(activation).zeta ** 2) - 1))
    assert errors[1] < 0.6 * errors[0] < 0.3
    assert errors[1] < 2 / 32


def _two_inputs():
    a, b = keras.Input((7,)), keras.Input((7,))
    return keras.Model([a, b], keras.layers.Dense(1)(a + b))


COUNT = np.arange(840).reshape(120, 7)
WRONG = {
    "sample too small": (
        {"sample": 14},
        r"must hold at least 18 examples, in each half more than features. Received: 14 examples",
    ),
    "inputs too few": ({"x": X[:9]}, "must hold at least 18 examples"),
    "sample": ({"sample": 2.5}, "sample must be a number of examples"),
    "NaN": (
        {"x": np.where(np.arange(840).reshape(120, 7) == 9, np.nan, X)},
        r"finite numbers. Received: nan at \(1, 2\)",
    ),
    "integers": ({"x": np.arange(840).reshape(120, 7)}, "x must hold floating-point numbers.* Received: int64"),
    "several inputs": ({"model": _two_inputs}, "must take one input"),
    "shape": ({"x": X[:, :3]}, r"x must have the shape \[n, 7\]"),
    "route": ({"route": "fast"}, "route must be one of auto, kernels, passes"),
    "further": ({"further": ["cube"]}, "further must be some of norm, energy"),
    "further as a word": ({"further": "norm"}, "further must be some of norm, energy"),
    "further of another kind": ({"further": [["norm"]]}, "further must be some of norm, energy"),
    "seed": ({"seed": -1}, "seed must be an integer from 0 on"),
    "memory": ({"memory_limit": 10, "route": "kernels"}, "memory_limit must be at least"),
    "memory of passes": (
        {"memory_limit": 10, "route": "passes"},
        "memory_limit must be .* for backward passes",
    ),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
def test_bad_input_is_one_sentence(changes, message, model):
    arguments = {"model": lambda: model, "x": X, **changes}
    with pytest.raises(InputError, match=message) as refused:
        te.affine_twin(arguments.pop("model")(), arguments.pop("x"), **arguments)
    assert "\n" not in str(refused.value)


ASKED_WRONG = {
    "x": ({"x": X[:, :3]}, r"x must have the shape \[n, 7\]"),
    "y": ({"y": Y[:, 0]}, r"y must have the shape \[120, 3\]. Received: \(120,\)"),
    "fewer y": ({"y": Y[:50]}, r"y must have the shape \[120, 3\]"),
    "NaN in y": ({"y": np.full((120, 3), np.nan)}, r"y must hold finite numbers. Received: nan at \(0, 0\)"),
    "words for y": ({"y": np.full((120, 3), "a")}, "y must hold real numbers"),
    "steps of steps": ({"steps": [[1], [2, 3]]}, "steps must be a list of integers from 0 on"),
    "x_eval": ({"x_eval": X[0]}, r"x_eval must have the shape \[n, 7\]"),
    "rate": ({"learning_rate": -1}, "learning_rate must be a positive number"),
    "layers": (
        {"learning_rate": {"hidden_1": 1.0}},
        "learning_rate must give a rate for each of hidden_1, hidden_2, readout",
    ),
    "steps": ({"steps": [1.5]}, "steps must be a list of integers from 0 on"),
    "negative steps": ({"steps": [-1]}, "steps must be a list of integers from 0 on"),
    "momentum": ({"momentum": 1.0}, r"momentum must lie in \[0, 1\)"),
    "decay": ({"decay": -0.1}, "decay must be a number from 0 on"),
    "decay with unequal rates": (
        {"decay": 0.1, "learning_rate": {"hidden_1": 1.0, "hidden_2": 1.0, "readout": 0.5}},
        "decay goes with equal rates",
    ),
}


@pytest.mark.parametrize(("changes", "message"), ASKED_WRONG.values(), ids=ASKED_WRONG)
def test_bad_questions_are_answered_in_one_sentence(changes, message, twin):
    arguments = {"x": X, "y": Y, "learning_rate": 0.1, "steps": STEPS, **changes}
    with pytest.raises(InputError, match=message):
        twin.trajectory(**arguments)


def test_rates_of_the_keras_model_are_by_layer(twin):
    with pytest.raises(InputError, match="learning_rate must give rates by layer, or be None"):
        twin.linear_model(0.1)


def first_steps(config):
    """Outputs at steps 1 and half-way of network, psi and twin, by split and name; the targets; the half-way step."""
    setup = agreement.prepare(config)
    inputs = {"train": setup.data.x_train, "test": setup.data.x_test}
    x, y, half = setup.data.x_train, setup.data.y_train, setup.companions[0].half_step
    twin = te.affine_twin(setup.network, x, seed=config.seed)
    found = {
        split: {"twin": dict(zip((1, half), twin.trajectory(x, y, 1.0, [1, half], at), strict=True))}
        for split, at in inputs.items()
    }
    models = {"network": setup.network, "psi": setup.companions[0].model}

    def record(step):
        for split, at in inputs.items():
            for name, model in models.items():
                found[split].setdefault(name, {})[step] = np.asarray(model(at))

    learners = [Learner(name, model, GradientDescent(1.0)) for name, model in models.items()]
    train(learners, x, y, [0, 1, half], [record], show_progress=False)
    return found, y, half


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "share", "apart"),
    [("erf", 0.25, 2e-4), ("relu", 0.4, 5e-5), ("tanh", 0.45, 2e-4), ("gelu", 0.45, 5e-5)],
)
def test_figure_1_stays_with_its_twin_longer_than_with_psi(activation, share, apart):
    """Medians of three seeds: of the twin's test gap at the half-way step over psi's, and of how far the first step's
    training losses are apart, which are near 0.49: in the fifth digit or, where the network learns from what is cubic
    in the labels from the start on, by one or two in the fourth.
    """
    ratios, distances = [], []
    for seed in range(3):
        found, y, half = first_steps(
            te.RunConfig(model=te.ModelConfig(activation=activation), seed=seed, companion="psi")
        )
        test, losses = found["test"], {name: np.mean((f[1] - y) ** 2) / 2 for name, f in found["train"].items()}
        twin, psi = (te.metrics.mean_squared_gap(test["network"][half], test[name][half]) for name in ("twin", "psi"))
        ratios.append(twin / psi)
        distances.append([abs(losses[name] - losses["network"]) for name in ("twin", "psi")])
    assert np.median(ratios) <= share
    twin, psi = np.median(distances, axis=0)
    assert twin < apart
    assert psi > 2.5 * twin


LARGE = """
import time, numpy as np, tf_earlydyn as te
rng = np.random.default_rng(0)
x = rng.standard_normal((1_000_000, 50), dtype=np.float32)
y = np.sign(x[:, 0] + x[:, 1] * x[:, 2])
started = time.monotonic()
twin = te.affine_twin(te.two_layer((50,), 256, "erf"), x)
f = twin.trajectory(x, y, 1.0, range(0, 100, 10))
assert f.shape == (10, 1_000_000) and np.mean((f[-1] - y) ** 2) < np.mean(y**2)
print(time.monotonic() - started, peak_memory())
"""


@pytest.mark.slow
@needs_proc
def test_a_million_examples_in_a_minute_and_4_gb():
    done = subprocess.run([sys.executable, "-c", PEAK_MEMORY + LARGE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seconds, peak = done.stdout.split()
    assert float(seconds) < 60
    assert int(peak) < 4e9
