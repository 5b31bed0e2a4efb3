"""Numbers as a report writes them."""

import statistics
from collections.abc import Iterable

NONE = "\N{EN DASH}"


def number(value: float | str | None) -> str:
    """Four digits of a number, those before the point of a large one; a dash for None; text as it is.

    >>> number(0.25), number(-0.000012345), number(2818), number(None)
    ('0.2500', '−1.234e−05', '2,818', '–')
    >>> number(1129.5), number(999.96), number(99.996), number(-123456.7)
    ('1,130', '1,000', '100.0', '−123,457')
    """
    if value is None or isinstance(value, str):
        return value or NONE
    whole = float(value).is_integer() or abs(value) >= 999.95  # of which four digits leave nothing behind the point
    return (f"{value:,.0f}" if whole and abs(value) < 1e9 else f"{value:#.4g}").replace("-", "\N{MINUS SIGN}")


def share(value: float) -> str:
    """A share in per cent, to two digits.

    >>> share(0.07791), share(-0.5), share(0.000012), share(12.3456)
    ('7.8%', '−50%', '0.0012%', '1,235%')
    """
    percent = 100 * value
    if abs(percent) >= 1e9:
        return f"{percent:.2g}%"
    digits = f"{percent:,.0f}" if abs(percent) >= 99.5 else f"{float(f'{percent:.2g}'):.10g}"
    if "e" in digits:
        digits = f"{percent:.6f}"
    return f"{digits}%".replace("-", "\N{MINUS SIGN}")


def over(values: Iterable[float | str | None]) -> str:
    """What was found, of one seed or of several: their median and range; a dash where one has nothing.

    >>> over([0.5]), over([3, 1, 2]), over([1, None]), over(["not by step 9"] * 2)
    ('0.5000', '2 (1 to 3)', '–', 'not by step 9')
    """
    values = list(values)
    if None in values or not values:
        return NONE
    if len(texts := dict.fromkeys(map(number, values))) == 1:
        return next(iter(texts))
    numbers = [value for value in values if value is not None and not isinstance(value, str)]
    if len(numbers) < len(values):
        return "; ".join(texts)
    return f"{number(statistics.median(numbers))} ({number(min(numbers))} to {number(max(numbers))})"
