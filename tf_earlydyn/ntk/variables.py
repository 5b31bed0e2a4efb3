"""Which of a model's variables a kernel is of."""

from collections.abc import Sequence

import keras

from tf_earlydyn.errors import InputError


def chosen(model: keras.Model, variables: Sequence[str | keras.Variable] | None) -> list[keras.Variable]:
    """The model's trainable variables, or those of them that are named or given.

    A name is that of a layer, or the path of a variable; it stands for all trainable variables of layers so named.

    Raises:
        InputError: if there is none, or a name or variable belongs to no trainable variable of the model.
    """
    trainable = _distinct(model.trainable_variables)
    if not trainable:
        raise InputError(f"the model must have a trainable variable. Received: {model.name}, which has none.")
    if variables is None:
        return trainable
    if not isinstance(variables, (list, tuple)) or not variables:
        raise InputError(f"variables must be a list of layer names or variables. Received: {variables!r}.")
    for wanted in variables:
        if not any(_matches(variable, wanted) for variable in trainable):
            raise InputError(
                f"variables must name layers with trainable variables, which are {', '.join(_layers(trainable))}. "
                f"Received: {_in_words(wanted)}."
            )
    return [variable for variable in trainable if any(_matches(variable, wanted) for wanted in variables)]


def layer_name(variable: keras.Variable) -> str:
    """The name of the layer that a variable belongs to."""
    return variable.path.split("/")[-2] if "/" in variable.path else variable.path


def _matches(variable: keras.Variable, wanted: str | keras.Variable) -> bool:
    if isinstance(wanted, str):
        return wanted == variable.path or wanted in variable.path.split("/")[:-1]
    return variable is wanted


def _in_words(wanted: object) -> str:
    if isinstance(wanted, str):
        return repr(wanted)
    return getattr(wanted, "path", type(wanted).__name__)


def _layers(variables: Sequence[keras.Variable]) -> list[str]:
    return list(dict.fromkeys(map(layer_name, variables)))


def _distinct(variables: Sequence[keras.Variable]) -> list[keras.Variable]:
    return list({id(variable): variable for variable in variables}.values())
