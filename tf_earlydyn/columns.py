"""The models of a run, and the columns of its tables that are about them."""

from collections.abc import Container

NETWORK, LINEAR, TWIN = "network", "linear", "twin"
COMPANIONS = (LINEAR, TWIN)  # the paper's linear model, which columns that name none are about, and the affine twin
SPLITS = ("train", "test")
PARTS = ("in", "out")  # of the span of the inputs


def loss(model: str, split: str) -> str:
    """Of a model's loss on training or test examples."""
    return f"{model}_{split}_loss"


def gap(companion: str, split: str) -> str:
    """Of the mean squared gap between the network and a companion."""
    return _about(companion, f"{split}_gap")


def accuracy(model: str) -> str:
    """Of the share of test examples that a model classifies as their target."""
    return f"{model}_test_accuracy"


def residual(model: str, part: str) -> str:
    """Of the test loss by the part of the residual in the span of the inputs, or outside it."""
    return f"{model}_residual_{part}"


KERNEL_MOVEMENT = "kernel_movement"


def kernel_distance(companion: str) -> str:
    """Of the distance of the network's tangent kernel to a companion's."""
    return f"kernel_to_{companion}"


def kernel_alignment(companion: str) -> str:
    """Of the cosine of the network's tangent kernel with a companion's."""
    return _about(companion, "kernel_alignment")


def companions(table: Container[str]) -> list[str]:
    """Those that a table of metrics has columns of."""
    return [name for name in COMPANIONS if loss(name, "train") in table]


def _about(companion: str, column: str) -> str:
    return column if companion == LINEAR else f"{companion}_{column}"
