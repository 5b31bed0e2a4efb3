"""Empirical tangent kernels of any Keras model: as an array, block by block, and as an operator."""

from tf_earlydyn.ntk.empirical import empirical_ntk
from tf_earlydyn.ntk.kernel import FeatureKernel, TangentKernel
from tf_earlydyn.ntk.statistics import Comparison, compare, product, trace

__all__ = ["Comparison", "FeatureKernel", "TangentKernel", "compare", "empirical_ntk", "product", "trace"]
