"""Keras 3 layers and networks in NTK parameterisation, and the linear model they are compared with."""

from tf_earlydyn.models.affine_features import AffineFeatures
from tf_earlydyn.models.antisymmetric import Antisymmetric, antisymmetric
from tf_earlydyn.models.layers import ActivationLayer, NTKConv2D, NTKDense, RandomSign
from tf_earlydyn.models.linear import LinearModel
from tf_earlydyn.models.networks import build, cnn, mlp, two_layer

__all__ = [
    "ActivationLayer",
    "AffineFeatures",
    "Antisymmetric",
    "LinearModel",
    "NTKConv2D",
    "NTKDense",
    "RandomSign",
    "antisymmetric",
    "build",
    "cnn",
    "mlp",
    "two_layer",
]
