"""Errors whose message is for the user: what is wrong, what was received, what to do."""


class InputError(ValueError):
    """Input that cannot be used: the message says what is wrong, what was received and what to do."""


class DivergenceError(ArithmeticError):
    """Training reached a loss that is not finite.

    Attributes:
        model: name of the model whose loss it is.
        step: the first gradient-descent step at which it was seen.
    """

    def __init__(self, model: str, step: int, advice: str = "take a smaller learning_rate.") -> None:
        super().__init__(f"the training loss of the {model} is not finite at step {step}: {advice}")
        self.model = model
        self.step = step
