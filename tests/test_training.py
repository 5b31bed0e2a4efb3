import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from tests.graphs import traced_once
from tests.oracles import linear_descent, psi_features, two_layer_descent
from tf_earlydyn import models, theory, training
from tf_earlydyn.blocks import filled_up
from tf_earlydyn.config import ModelConfig
from tf_earlydyn.distribution import current_strategy
from tf_earlydyn.errors import DivergenceError, InputError
from tf_earlydyn.training import GradientDescent, Learner, predict
from tf_earlydyn.training.traits import entries_per_example

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5))
Y = np.sign(RNG.standard_normal((60, 1)))
STEPS = 30


def outputs_by_step(model, optimiser, x=X, y=Y, steps=STEPS):
    """The model's outputs at every step of a run."""
    found = {}
    stops = list(range(steps + 1))
    callback = lambda step: found.update({step: np.asarray(model(x))})  # noqa: E731
    training.train([Learner("model", model, optimiser)], x, y, stops, [callback], show_progress=False)
    return [found[step] for step in stops]


@pytest.mark.parametrize("kind", ["psi_1", "psi_2", "psi"])
@pytest.mark.parametrize("name", ["erf", "relu", "gelu", "softplus"])
def test_linear_model_is_float64_descent_step_by_step(kind, name, float64):
    moments = theory.moments(name)
    model = models.LinearModel(getattr(theory, kind)(moments))
    measured = outputs_by_step(model, GradientDescent(0.7))
    expected = linear_descent(psi_features(kind, moments, X), Y, 0.7, STEPS)
    np.testing.assert_allclose(measured, expected, rtol=1e-9, atol=1e-12)


RATES = {"first": (0.5, 0.0), "second": (0.0, 0.5), "both": (0.5, 0.5), "unequal": (0.5, 0.2)}


@pytest.mark.parametrize(("first", "second"), RATES.values(), ids=RATES)
def test_network_is_descent_with_gradients_by_hand(first, second, float64):
    """Two-layer erf, m = 8, each layer with its own rate, in float64."""
    f = models.build(ModelConfig(width=8), (5,), 1, seed=0)
    w, v = f.positive.get_weights()
    both_w, both_v = np.hstack([w, w]), np.concatenate([v[:, 0], -v[:, 0]])
    dphi = lambda u: 2 / np.sqrt(np.pi) * np.exp(-(u**2))  # noqa: E731
    expected = two_layer_descent(both_w, both_v, special.erf, dphi, X, Y[:, 0], (first, second), STEPS)
    measured = outputs_by_step(f, GradientDescent({"hidden": first, "readout": second}))
    np.testing.assert_allclose(np.array(measured)[..., 0], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("rates", "still"), [({"hidden": 1.0, "readout": 0.0}, 1), ({"hidden": 0.0, "readout": 1.0}, 0)]
)
def test_layers_without_a_rate_stay_where_they_are(rates, still):
    f = models.build(ModelConfig(width=8), (5,), 1, seed=0)
    before = f.positive.get_weights()
    outputs_by_step(f, GradientDescent(rates), X.astype(np.float32), Y.astype(np.float32), 3)
    after = f.positive.get_weights()
    np.testing.assert_array_equal(after[still], before[still])
    assert np.abs(after[1 - still] - before[1 - still]).max() > 1e-4


def test_several_outputs_learn_as_each_would_alone(float64):
    """The loss is summed over outputs: two outputs of a linear model move as two models with one output do."""
    y = np.hstack([Y, RNG.standard_normal((60, 1))])
    features = theory.psi(theory.moments("relu"))
    together = outputs_by_step(models.LinearModel(features, 2), GradientDescent(0.5), y=y)
    alone = [outputs_by_step(models.LinearModel(features), GradientDescent(0.5), y=y[:, [k]]) for k in range(2)]
    np.testing.assert_allclose(together, np.concatenate(alone, axis=2), rtol=1e-12, atol=1e-14)


def test_a_keras_optimiser_takes_the_place_of_gradient_descent(float64):
    ours, theirs = (models.LinearModel(theory.psi(theory.moments("erf"))) for _ in range(2))
    measured = outputs_by_step(theirs, keras.optimizers.SGD(0.5))
    np.testing.assert_allclose(measured, outputs_by_step(ours, GradientDescent(0.5)), rtol=1e-12, atol=1e-14)


class Subclassed(keras.Model):
    """A model whose variables only a call makes."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")

    def call(self, x):
        return self.dense(x)


def test_subclassed_models_train(float64):
    """It is the linear model on the inputs themselves."""
    measured = outputs_by_step(Subclassed(), GradientDescent(0.3))
    np.testing.assert_allclose(measured, linear_descent(X, Y, 0.3, STEPS), rtol=1e-9, atol=1e-12)


def test_steps_per_call_do_not_change_the_run(monkeypatch):
    def last(per_call):
        monkeypatch.setattr(training.loop, "STEPS_PER_CALL", per_call)
        f = models.build(ModelConfig(width=8), (5,), 1, seed=0)
        learner = Learner("f", f, GradientDescent(0.5))
        training.train([learner], X.astype(np.float32), Y.astype(np.float32), [0, 10, 17], show_progress=False)
        return f.get_weights()

    for one, other in zip(last(1), last(100), strict=True):
        np.testing.assert_array_equal(one, other)


def test_steps_are_traced_once(advances, monkeypatch):
    """However many calls, of however many steps: a block is traced a single time, and the loop around the steps."""
    traced = []
    sums = Learner.sums
    monkeypatch.setattr(Learner, "sums", lambda self, *arguments: traced.append(1) or sums(self, *arguments))
    model = models.LinearModel(theory.psi_1(theory.moments("erf")))
    learner = Learner("model", model, GradientDescent(0.5))
    training.train(
        [learner], X.astype(np.float32), Y.astype(np.float32), [0, 1, 5, 250, 300], show_progress=False, start=2
    )
    assert len(traced) == 1
    traced_once(*advances)


class Counting(keras.layers.Layer):
    """Counts its calls in Python, which a compiled model makes when it is traced alone."""

    calls = 0

    def call(self, x):
        Counting.calls += 1
        return x


@pytest.mark.parametrize(("at_once", "blocks"), [(60, [60]), (7, [7] * 8 + [4])])
def test_outputs_are_traced_once_for_as_many_examples(at_once, blocks, monkeypatch):
    """Whether these are taken at once or in blocks of one size, the last of which is filled up."""
    model = keras.Sequential([keras.Input((5,)), Counting(), keras.layers.Dense(1)])
    outputs, x = training.predictor(model), X.astype(np.float32)
    monkeypatch.setattr(predict, "_AT_ONCE", at_once * entries_per_example(model, x))
    found = []
    monkeypatch.setattr(predict, "filled_up", lambda rows, size: found.append(len(rows)) or filled_up(rows, size))
    outputs(x)
    assert sorted(found, reverse=True) == blocks
    before = Counting.calls
    model.set_weights([0.5 * weight for weight in model.get_weights()])
    np.testing.assert_allclose(outputs(2 * x), model(2 * x), rtol=1e-5, atol=1e-6)
    assert Counting.calls == before + 1  # the model's own call, in Python


def test_a_loss_that_is_not_finite_stops_at_its_step():
    """With rate 10^18 a float32 loss overflows: the step named is the first at which the loss is not finite."""
    x, y = X.astype(np.float32), Y.astype(np.float32)
    model = models.LinearModel(theory.psi_1(theory.moments("erf")))
    with pytest.raises(
        DivergenceError, match="the linear train loss is not finite at step 2: take a smaller"
    ) as raised:
        training.train([Learner("linear", model, GradientDescent(1e18))], x, y, [0, 50], show_progress=False)
    beta = linear_descent(psi_features("psi_1", theory.moments("erf"), X), Y, 1e18, 2)
    assert np.sum((beta[1] - Y) ** 2) < np.finfo(np.float32).max <= np.sum((beta[2] - Y) ** 2)
    assert raised.value.step == 2


def test_callbacks_are_called_at_their_steps():
    called = []
    model = models.LinearModel(theory.psi_1(theory.moments("erf")))
    learner = Learner("linear", model, GradientDescent(0.1))
    stops = [0, 1, 5, 250]
    training.train([learner], X.astype(np.float32), Y.astype(np.float32), stops, [called.append], show_progress=False)
    assert called == stops


def test_training_goes_on_from_a_later_step(float64):
    """Two runs, 0 to 4 and 4 to 9, are one run from 0 to 9."""
    model = models.LinearModel(theory.psi_1(theory.moments("erf")))
    learner = Learner("linear", model, GradientDescent(0.5))
    called = []
    for stops in ([0, 4], [4, 9]):
        training.train([learner], X, Y, stops, [called.append], show_progress=False)
    expected = linear_descent(psi_features("psi_1", theory.moments("erf"), X), Y, 0.5, 9)[-1]
    np.testing.assert_allclose(np.asarray(model(X)), expected, rtol=1e-9)
    assert called == [0, 4, 4, 9]


def test_training_goes_on_from_where_the_models_are(float64):
    """At step 6, which is no stop: callbacks are called at the stops after it, and the rest of the way is the same."""
    model = models.LinearModel(theory.psi_1(theory.moments("erf")))
    learner = Learner("linear", model, GradientDescent(0.5))
    training.train([learner], X, Y, [0, 6], show_progress=False)
    called = []
    training.train([learner], X, Y, [0, 4, 8, 9], [called.append], show_progress=False, start=6)
    expected = linear_descent(psi_features("psi_1", theory.moments("erf"), X), Y, 0.5, 9)[-1]
    np.testing.assert_allclose(np.asarray(model(X)), expected, rtol=1e-9)
    assert called == [8, 9]
    training.train([learner], X, Y, [0, 4, 8, 9], [called.append], show_progress=False, start=9)
    np.testing.assert_allclose(np.asarray(model(X)), expected, rtol=1e-9)
    assert called == [8, 9]


class Every200:
    """A pause at every second call of 100 steps."""

    def __init__(self):
        self.asked, self.called = [], []

    def due(self, step):
        self.asked.append(step)
        return step % 200 == 0

    def __call__(self, step):
        self.called.append(step)


def test_a_pause_is_asked_after_every_call_and_made_where_it_is_due(monkeypatch):
    monkeypatch.setattr(training.loop, "_SECONDS_PER_CALL", 1e9)  # so that a call has as many steps as it may
    learner = Learner("linear", models.LinearModel(theory.psi_1(theory.moments("erf"))), GradientDescent(0.1))
    pause, x, y = Every200(), X.astype(np.float32), Y.astype(np.float32)
    training.train([learner], x, y, [0, 1, 400, 500], [pause.called.append], show_progress=False, pauses=[pause])
    assert pause.asked == [1, 101, 201, 301, 400, 500]
    assert pause.called == [0, 1, 400, 400, 500]  # at stops as a callback, and then as a pause


def test_a_call_takes_about_as_long_as_it_shall():
    """Steps of 20 ms, at most 50 of which fit into a second; they may take longer on a busy machine."""
    pace = training.loop._Pace(current_strategy())
    assert pace.steps(1000) == 1  # of which nothing is known yet
    with pace.timed(1):
        time.sleep(0.02)
    assert 1 <= pace.steps(1000) <= 50
    assert pace.steps(3) <= 3
    with pace.timed(1):
        time.sleep(1.1)
    assert pace.steps(1000) == 1


@pytest.mark.parametrize("stops", [[], [0, 5, 5], [3, 1]])
def test_stops_that_do_not_rise_are_refused(stops):
    learner = Learner("linear", models.LinearModel(theory.psi_1(theory.moments("erf"))), GradientDescent(0.5))
    with pytest.raises(InputError, match="stops must be rising steps"):
        training.train([learner], X, Y, stops, show_progress=False)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"hiden": 1.0, "hidden": 1.0, "readout": 1.0}, r"\['hiden'\], of which the model has none"),
        ({"hidden": 1.0}, "one rate for .*readout"),
    ],
)
def test_rates_that_fit_no_layer_are_refused(rates, message):
    f = models.build(ModelConfig(width=8), (5,), 1, seed=0)
    with pytest.raises(InputError, match=message):
        outputs_by_step(f, GradientDescent(rates), X.astype(np.float32), Y.astype(np.float32), 1)


def test_targets_never_broadcast():
    model = models.LinearModel(theory.psi_1(theory.moments("erf")))
    with pytest.raises(InputError, match=r"shape \(60, 1\) of the outputs. Received: \(60,\)"):
        outputs_by_step(model, GradientDescent(1.0), X, Y[:, 0])


@pytest.mark.parametrize("per_decade", [10, 20, 37])
def test_recorded_steps_are_dense_on_a_log_scale(per_decade):
    steps = np.array(training.recorded_steps(30_000, per_decade, also=[21, 333]))
    assert {0, 1, 21, 333, 30_000} <= set(steps)
    for start in (100, 1000, 3000):
        assert np.sum((steps >= start) & (steps < 10 * start)) >= per_decade
    assert np.sum((steps >= 10) & (steps < 100)) >= min(per_decade, 35)  # integers, so some coincide
    assert set(range(1, 11)) <= set(steps)
    assert list(steps) == sorted(set(steps))


@pytest.mark.parametrize("steps", [1, 2, 10, 11])
def test_recorded_steps_never_pass_the_last(steps):
    recorded = training.recorded_steps(steps, 10, also=[21])
    assert recorded == list(range(steps + 1))


def test_networks_compile_under_xla():
    f = models.antisymmetric(models.cnn((4, 4, 2), 3, 2))
    x = np.zeros((2, 4, 4, 2), np.float32)
    compiled = tf.function(f, jit_compile=True)
    assert compiled(x).shape == (2, 1)


class OnTheHost(keras.layers.Layer):
    """x + 1, the 1 from a function of Python, for which XLA has no code."""

    def call(self, x):
        one = tf.numpy_function(lambda: np.float32(1), [], tf.float32, stateful=False)
        return x + tf.reshape(one, [])


def test_what_does_not_learn_takes_no_gradient(monkeypatch):
    """Which would take as long as that of a layer that learns."""
    found, gradient = [], tf.GradientTape.gradient

    def noted(tape, target, sources, **options):
        found.append([source.shape.as_list() for source in sources])
        return gradient(tape, target, sources, **options)

    monkeypatch.setattr(tf.GradientTape, "gradient", noted)
    layers = [keras.layers.Dense(4, use_bias=False, name=name) for name in ("still", "moving")]
    model = keras.Sequential([keras.Input((3,)), *layers])
    x = np.ones((5, 3), np.float32)
    learner = Learner("network", model, GradientDescent({"still": 0, "moving": 0.1}))
    training.train([learner], x, np.ones((5, 4), np.float32), [0, 2], show_progress=False)
    assert found
    assert all(shapes == [[4, 4]] for shapes in found)


def images():
    rng = np.random.default_rng(0)
    return rng.standard_normal((12, 4, 4, 2)).astype(np.float32), rng.standard_normal((12, 1)).astype(np.float32)


@pytest.mark.parametrize(
    ("layer", "xla_can"),
    [(keras.layers.Conv2D(3, 3), True), (keras.layers.Dense(3, "tanh"), True), (OnTheHost(), False)],
    ids=["convolution", "dense", "what XLA has no code for"],
)
def test_whatever_the_network_the_steps_are_those_of_descent_written_out(layer, xla_can, caplog):
    x, y = images()
    model = keras.Sequential([keras.Input((4, 4, 2)), layer, keras.layers.Flatten(), keras.layers.Dense(1)])
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    training.train([Learner("network", model, GradientDescent(0.1))], x, y, [0, 1, 5], show_progress=False)
    for _ in range(5):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((other(x) - y) ** 2) / (2 * 12)
        for variable, gradient in zip(
            other.trainable_variables, tape.gradient(loss, other.trainable_variables), strict=True
        ):
            variable.assign_sub(0.1 * gradient)
    for one, another in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, another, rtol=1e-4, atol=1e-6)
    assert ("XLA cannot compile the network" in caplog.text) == (not xla_can)


class Noise(keras.layers.Layer):
    """Noise of Keras' global generator, which is none of the model's variables."""

    def call(self, x, training=False):
        return x + keras.random.normal(keras.ops.shape(x)) if training else x


def test_noise_is_drawn_anew_in_each_step():
    """Of a model that hardly moves, losses differ by the noise alone."""
    x, y = images()
    model = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Flatten(), keras.layers.Dense(1), Noise()])
    strategy = current_strategy()
    advance = training.advance.Advance([Learner("network", model, GradientDescent(1e-12))], x, y, strategy)
    losses = {advance(step, 1)["network"] for step in range(4)}
    assert len(losses) == 4


def test_a_learner_may_have_targets_of_its_own():
    """As if it were trained alone on them."""
    x, y = X.astype(np.float32), Y.astype(np.float32)
    together, alone = (models.LinearModel(theory.psi_1(theory.moments("erf"))) for _ in range(2))
    beside = models.LinearModel(theory.psi_1(theory.moments("erf")))
    rate = GradientDescent(0.5)
    training.train(
        [Learner("a", beside, rate), Learner("b", together, rate, -2 * y)], x, y, [0, 7], show_progress=False
    )
    training.train([Learner("b", alone, rate)], x, -2 * y, [0, 7], show_progress=False)
    np.testing.assert_allclose(together(x), alone(x), rtol=1e-6)
    assert not np.allclose(beside(x), alone(x))
