"""Errors whose message is for the user: what is wrong, what was received, what to do."""


class InputError(ValueError):
    """Input that cannot be used: the message says what is wrong, what was received and what to do."""


class DivergenceError(ArithmeticError):
    """Training reached a number that is not finite.

    Attributes:
        quantity: what is not finite.
        step: the first gradient-descent step at which it was seen.
    """

    def __init__(self, quantity: str, step: int, advice: str = "take a smaller learning_rate.") -> None:
        super().__init__(f"the {quantity} is not finite at step {step}: {advice}")
        self.quantity = quantity
        self.step = step
