"""Keras models of every kind that tangent kernels must be right for, by name. A new kind joins the tests by joining."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

import tf_earlydyn as te
from tf_earlydyn.models import ActivationLayer

IMAGE, VECTOR = (6, 5, 4), (7,)


def _input(shape):
    return keras.Input(shape, dtype=keras.config.dtype_policy().name)


class Recomputed(keras.layers.Layer):
    """A layer whose custom gradient finds its weights as the variables that were read."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4, "tanh")

    def call(self, x):
        return tf.recompute_grad(lambda inputs: self.dense(inputs))(x)


def _sequential(shape, *parts):
    return keras.Sequential([_input(shape), *parts])


class Unseen(layers.Layer):
    """A trainable layer that nothing knows: a sine with a frequency for each feature."""

    def build(self, shape):
        self.frequency = self.add_weight(name="frequency", shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return ops.sin(self.frequency * x)


class Doubled(layers.Dense):
    """A subclass of a known layer that computes something else."""

    def call(self, x):
        return 2.0 * super().call(x) + ops.sum(self.kernel**2)


class Subclassed(keras.Model):
    """Layers in a list, a Python loop, a skip connection."""

    def __init__(self):
        super().__init__()
        self.first = layers.Dense(6, "tanh")
        self.blocks = [layers.Dense(6, "gelu") for _ in range(2)]
        self.last = layers.Dense(2)

    def call(self, x):
        h = self.first(x)
        for block in self.blocks:
            h = h + block(h)
        return self.last(h)


class Tied(keras.Model):
    """An autoencoder whose decoder reads the encoder's kernel behind the layer's back."""

    def __init__(self):
        super().__init__()
        self.encoder = layers.Dense(3, "tanh")

    def call(self, x):
        return ops.matmul(self.encoder(x), ops.transpose(self.encoder.kernel))


class Compiled(keras.Model):
    """A model whose layers are called inside a graph of their own."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(5, "tanh")
        self.last = layers.Dense(1)

    def build(self, shape):
        self.hidden.build(shape)
        self.last.build((None, 5))

    def call(self, x):
        return self.last(tf.function(self.hidden)(x))


class ByKeyword(keras.Model):
    """Layers that are given their inputs by name, among other arguments."""

    def __init__(self):
        super().__init__()
        self.normalise, self.hidden, self.last = layers.BatchNormalization(), te.NTKDense(3), layers.Dense(2)

    def call(self, x):
        return self.last(inputs=self.hidden(x=self.normalise(training=False, inputs=x)))


class Unused(keras.Model):
    """A layer is called, and what it gives is dropped."""

    def __init__(self):
        super().__init__()
        self.used, self.unused = layers.Dense(2), layers.Dense(3)

    def call(self, x):
        self.unused(x)
        return self.used(x)


class TimeMajor(keras.Model):
    """A dense layer that sees time first, three steps of it, and the examples second."""

    def __init__(self):
        super().__init__()
        self.hidden, self.last = layers.Dense(4, "tanh"), layers.Dense(1)

    def call(self, x):
        h = self.hidden(ops.transpose(x, (1, 0, 2)))
        return self.last(ops.reshape(ops.transpose(h, (1, 0, 2)), (-1, 12)))


class Flattening(keras.Model):
    """A dense layer on all time steps of all examples in one batch."""

    def __init__(self):
        super().__init__()
        self.hidden, self.last = layers.Dense(4, "tanh"), layers.Dense(2)

    def call(self, x):
        h = self.hidden(ops.reshape(x, (-1, x.shape[-1])))
        return self.last(ops.reshape(h, (-1, 12)))


class Constant(keras.Model):
    """A dense layer on a constant, in a row of its own, as hypernetworks and learnt queries have them."""

    def __init__(self):
        super().__init__()
        self.query, self.hidden = layers.Dense(5, "tanh"), layers.Dense(5)

    def call(self, x):
        return ops.sum(self.query(ops.ones((1, 3))) * self.hidden(x), axis=1, keepdims=True)


class Backwards(keras.Model):
    """The examples go through a layer in the opposite order."""

    def __init__(self):
        super().__init__()
        self.hidden, self.last = layers.Dense(5, "tanh"), layers.Dense(1)

    def call(self, x):
        return self.last(ops.flip(self.hidden(ops.flip(x, axis=0)), axis=0))


class Sorting(keras.Model):
    """The examples go through a layer in the order of their first entry, as routed or packed ones do."""

    def __init__(self):
        super().__init__()
        self.hidden, self.last = layers.Dense(5, "tanh"), layers.Dense(1)

    def call(self, x):
        order = ops.argsort(x[:, 0])
        return self.last(ops.take(self.hidden(ops.take(x, order, axis=0)), ops.argsort(order), axis=0))


class InPieces(keras.Model):
    """Batches of more than four examples go through a layer one by one."""

    def __init__(self):
        super().__init__()
        self.hidden, self.last = layers.Dense(5, "tanh"), layers.Dense(1)

    def call(self, x):
        pieces = [x] if x.shape[0] <= 4 else ops.split(x, x.shape[0])
        return self.last(ops.concatenate([self.hidden(piece) for piece in pieces]))


class Scaled(keras.Model):
    """A layer that is called with weights that are not its own, as hypernetworks do."""

    def __init__(self):
        super().__init__()
        self.hidden, self.last = layers.Dense(5, "tanh"), layers.Dense(1)

    def call(self, x):
        if not self.hidden.built:
            self.hidden.build(x.shape)
        weights = [2.0 * ops.convert_to_tensor(weight) for weight in self.hidden.trainable_variables]
        return self.last(self.hidden.stateless_call(weights, [], x)[0])


def _built(model, shape):
    model(np.zeros((1, *shape), keras.config.dtype_policy().name))
    return model


def _residual():
    x = _input(IMAGE)
    h = layers.Conv2D(4, 3, padding="same", activation="tanh")(x)
    h = layers.Add()([h, x])
    h = layers.LayerNormalization()(h)
    return keras.Model(x, layers.Dense(1)(layers.GlobalAveragePooling2D()(h)))


def _branches():
    x = _input(IMAGE)
    left = layers.Conv2D(3, (1, 3), activation="tanh")(x)
    right = layers.MaxPooling2D(2)(layers.Conv2D(2, 3, padding="same")(x))
    both = layers.Concatenate()([layers.Flatten()(left), layers.Flatten()(right)])
    return keras.Model(x, layers.Dense(2)(layers.Dropout(0.5)(both)))


def _shared():
    x = _input(VECTOR)
    twice = layers.Dense(7, "tanh", name="twice")
    return keras.Model(x, layers.Dense(1)(twice(twice(x))))


def _shared_convolution():
    x = _input(IMAGE)
    conv = layers.Conv2D(4, 3, padding="same", activation="tanh")
    normalise = layers.BatchNormalization()
    return keras.Model(x, layers.Dense(1)(layers.Flatten()(normalise(conv(normalise(conv(x)))))))


def _frozen():
    model = _sequential(VECTOR, layers.Dense(5, "tanh"), layers.Dense(5, "tanh"), layers.Dense(1))
    model.layers[1].trainable = False
    return model


def _only_biases():
    model = _sequential(IMAGE, layers.Conv2D(3, 2, activation="tanh"), layers.Flatten(), layers.Dense(2))
    for layer in model.layers:
        if layer.weights:
            layer.kernel.trainable = False
    return model


def _sequence(*parts):
    return _sequential((4, 5), *parts, layers.Dense(3, "tanh"), layers.Flatten(), layers.Dense(2))


def _attention():
    x = _input((4, 6))
    return keras.Model(x, layers.Dense(1)(layers.Flatten()(layers.MultiHeadAttention(2, 3)(x, x))))


MODELS = {
    "mlp": lambda: te.mlp(VECTOR, 8, 3),
    "mlp of three outputs": lambda: te.mlp(VECTOR, 8, 2, "gelu", outputs=3),
    "two_layer relu": lambda: te.two_layer(VECTOR, 10, "relu"),
    "antisymmetric": lambda: te.antisymmetric(te.two_layer(VECTOR, 10)),
    "dense with biases": lambda: _sequential(VECTOR, layers.Dense(6, "softplus"), layers.Dense(3, "sigmoid")),
    "ntk dense with biases": lambda: _sequential(VECTOR, te.NTKDense(6, use_bias=True), ActivationLayer("tanh")),
    "cnn": lambda: te.cnn((4, 4, 2), 5, 2),
    "cnn of two outputs": lambda: te.cnn((4, 4, 2), 3, 2, outputs=2),
    "strides": lambda: _sequential(
        IMAGE, layers.Conv2D(3, 3, strides=2, padding="same", activation="tanh"), layers.Flatten(), layers.Dense(1)
    ),
    "strides that leave a rest": lambda: _sequential(
        IMAGE, layers.Conv2D(3, 2, strides=(2, 3), activation="tanh"), layers.Flatten(), layers.Dense(1)
    ),
    "dilation": lambda: _sequential(
        IMAGE, layers.Conv2D(3, 2, dilation_rate=(2, 3), padding="same"), ActivationLayer("erf"), layers.Flatten()
    ),
    "groups": lambda: _sequential(
        IMAGE, te.NTKConv2D(6, 3, groups=2, use_bias=True), ActivationLayer("erf"), layers.Flatten(), layers.Dense(1)
    ),
    "even window, same padding": lambda: _sequential(
        IMAGE, te.NTKConv2D(3, (2, 4), padding="same"), ActivationLayer("erf"), layers.GlobalAveragePooling2D()
    ),
    "wide convolution of few positions": lambda: _sequential(
        (2, 2, 8), layers.Conv2D(12, 2, padding="same", activation="tanh"), layers.Flatten(), layers.Dense(1)
    ),
    "wide grouped convolution of few positions, two outputs": lambda: _sequential(
        (2, 1, 16), layers.Conv2D(16, 1, groups=2, activation="tanh"), layers.Flatten(), layers.Dense(2)
    ),
    "pooling": lambda: _sequential(
        IMAGE, layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(1)
    ),
    "depthwise": lambda: _sequential(
        IMAGE,
        layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="tanh"),
        layers.AveragePooling2D(2),
        layers.DepthwiseConv2D(2, strides=1, use_bias=False),
        layers.Flatten(),
        layers.Dense(2),
    ),
    "batch normalisation": lambda: _sequential(
        IMAGE,
        layers.Conv2D(4, 3),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dense(5),
        layers.BatchNormalization(scale=False),
        layers.Activation("tanh"),
        layers.Dense(1),
    ),
    "layer normalisation over two axes": lambda: _sequential(
        IMAGE, layers.LayerNormalization(axis=(1, -1)), layers.Flatten(), layers.Dense(4, "tanh"), layers.Dense(1)
    ),
    "batch normalisation of rows": lambda: _sequential(
        IMAGE, layers.BatchNormalization(axis=1), layers.Flatten(), layers.Dense(1)
    ),
    "residual": _residual,
    "branches": _branches,
    "shared layer": _shared,
    "shared convolution": _shared_convolution,
    "frozen layer": _frozen,
    "only biases": _only_biases,
    "dense on a sequence": lambda: _sequence(layers.Dense(4, "tanh")),
    "subclassed": lambda: _built(Subclassed(), VECTOR),
    "nested": lambda: _sequential(VECTOR, te.mlp(VECTOR, 5, 1, outputs=4), layers.Dense(2)),
    "outputs of an image": lambda: _sequential((3, 3, 2), layers.Conv2D(2, 2)),
    "a layer it has never seen": lambda: _sequential(VECTOR, layers.Dense(5), Unseen(), layers.Dense(2)),
    "subclass of a known layer": lambda: _sequential(VECTOR, Doubled(5, "tanh"), layers.Dense(1)),
    "tied weights": lambda: _built(Tied(), VECTOR),
    "a graph within": lambda: _built(Compiled(), VECTOR),
    "time distributed": lambda: _sequential(
        (4, 5), layers.TimeDistributed(layers.Dense(3, "tanh")), layers.Flatten(), layers.Dense(1)
    ),
    "masked recurrent": lambda: _sequential(
        (4, 5), layers.Masking(), layers.LayerNormalization(), layers.SimpleRNN(2), layers.Dense(1)
    ),
    "attention": _attention,
    "an op without a second derivative": lambda: _sequential(
        IMAGE, layers.Conv2D(2, 3), layers.UpSampling2D(interpolation="bilinear"), layers.Flatten(), layers.Dense(1)
    ),
    "called by keyword": lambda: _built(ByKeyword(), VECTOR),
    "trainable activation": lambda: _sequential(VECTOR, layers.Dense(5, layers.PReLU()), layers.Dense(1)),
    "time first": lambda: _built(TimeMajor(), (3, 5)),
    "time and examples in one": lambda: _built(Flattening(), (3, 5)),
    "layer on a constant": lambda: _built(Constant(), VECTOR),
    "examples in opposite order": lambda: _built(Backwards(), VECTOR),
    "unused branch": lambda: _built(Unused(), VECTOR),
    "examples in order": lambda: _built(Sorting(), VECTOR),
    "examples in pieces": lambda: _built(InPieces(), VECTOR),
    "weights from elsewhere": lambda: _built(Scaled(), VECTOR),
    "another precision within": lambda: _sequential(
        VECTOR, layers.Dense(5), layers.LayerNormalization(dtype="float64"), layers.Dense(1)
    ),
    "a bias that is normalised away": lambda: _sequence(
        layers.Dense(4), layers.LayerNormalization(axis=1, scale=False, center=False)
    ),
}


NEEDS_JACOBIANS = {
    "a layer it has never seen",
    "subclass of a known layer",
    "tied weights",
    "a graph within",
    "masked recurrent",
    "attention",
    "trainable activation",
    "time first",
    "time and examples in one",
    "layer on a constant",
    "examples in opposite order",
    "unused branch",
    "examples in order",
    "examples in pieces",
    "weights from elsewhere",
}


def make(name, dtype="float64"):
    """A model with every weight drawn at random (moving variances positive), the same in every dtype."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        model = MODELS[name]()
        model(inputs(model, 1).astype(dtype))  # a PReLU that is an activation has no variable before
    finally:
        keras.config.set_dtype_policy(before)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        drawn = rng.standard_normal(weight.shape) * (0.7 if len(weight.shape) > 1 else 1.0)
        if np.issubdtype(np.dtype(weight.dtype), np.floating):
            weight.assign(np.abs(drawn) + 0.3 if weight.name == "moving_variance" else drawn)
    return model


def inputs(model, n, seed=1):
    """Inputs in float64, ``[n, ...]``."""
    shape = (model.inputs[0].shape if getattr(model, "inputs", None) else model.get_build_config()["input_shape"])[1:]
    return np.random.default_rng(seed).standard_normal((n, *shape))
