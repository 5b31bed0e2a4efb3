"""Empirical tangent kernels of any Keras model: as an array, block by block, and as an operator."""

from tf_earlydyn.ntk.empirical import empirical_ntk
from tf_earlydyn.ntk.kernel import FeatureKernel, TangentKernel
from tf_earlydyn.ntk.operator import feature_operator, ntk_operator
from tf_earlydyn.ntk.spectrum import Eigenvalues, leading_eigenvalues, spectral_norm
from tf_earlydyn.ntk.statistics import Comparison, compare, product, trace

__all__ = [
    "Comparison",
    "Eigenvalues",
    "FeatureKernel",
    "TangentKernel",
    "compare",
    "empirical_ntk",
    "feature_operator",
    "leading_eigenvalues",
    "ntk_operator",
    "product",
    "spectral_norm",
    "trace",
]
