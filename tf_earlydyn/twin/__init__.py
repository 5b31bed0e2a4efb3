"""The affine twin: the linear model of any Keras network, and what it foretells of the network's training."""

from tf_earlydyn.twin.affine import AffineTwin
from tf_earlydyn.twin.derive import affine_twin
from tf_earlydyn.twin.descent import TwinDescent
from tf_earlydyn.twin.linearity import Linearity, linearity
from tf_earlydyn.twin.monitor import ExitMonitor

__all__ = ["AffineTwin", "ExitMonitor", "Linearity", "TwinDescent", "affine_twin", "linearity"]
