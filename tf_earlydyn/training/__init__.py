"""Models trained side by side by full-batch gradient descent, many steps per compiled call."""

from tf_earlydyn.training.learner import GradientDescent, Learner
from tf_earlydyn.training.loop import recorded_steps, train
from tf_earlydyn.training.predict import predictor
from tf_earlydyn.training.traits import traits

__all__ = ["GradientDescent", "Learner", "predictor", "recorded_steps", "train", "traits"]
