"""What the paper derives: moments, psi features, infinite-width kernels, and the dynamics of a linear model."""

from tf_earlydyn.theory.features import LinearFeatures, psi, psi_1, psi_2
from tf_earlydyn.theory.gaussian_moments import Moments, moments, moments_from_inputs, trace_of_squared_covariance
from tf_earlydyn.theory.linear_dynamics import LinearDynamics
from tf_earlydyn.theory.tangent_kernel import cnn_tangent_kernel, mlp_tangent_kernel

__all__ = [
    "LinearDynamics",
    "LinearFeatures",
    "Moments",
    "cnn_tangent_kernel",
    "mlp_tangent_kernel",
    "moments",
    "moments_from_inputs",
    "psi",
    "psi_1",
    "psi_2",
    "trace_of_squared_covariance",
]
