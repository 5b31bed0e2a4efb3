"""How a kernel's pairs of examples are cut into blocks that fit a memory limit."""

import math
from typing import NamedTuple

from tf_earlydyn.blocks import Blocks
from tf_earlydyn.errors import InputError

LARGEST = 2048  # examples in a block: larger ones are no faster


class Plan(NamedTuple):
    """Blocks of both sides, and whether the factors of one side fit into memory all at once."""

    rows: Blocks
    columns: Blocks
    keep: bool


def plan(n1: int, n2: int, kept: int, per_example: int, per_pair: int, limit: int) -> Plan:
    """Blocks of b examples, as equal as can be, with 2 b per_example + b^2 per_pair bytes at most ``limit``.

    Where what is ``kept`` of all ``n2`` examples takes at most half of the limit, it is, and the blocks share the rest.

    Raises:
        InputError: if one pair does not fit.
    """
    least = 2 * per_example + per_pair
    if least > limit:
        raise InputError(
            f"memory_limit must be at least {least} bytes, what one pair of examples takes. "
            f"Received: memory_limit={limit}."
        )
    keep = n2 * kept <= limit // 2 and limit - n2 * kept >= least
    rest = limit - n2 * kept if keep else limit
    largest = (math.sqrt(per_example**2 + per_pair * rest) - per_example) / per_pair
    bound = max(1, min(int(largest), LARGEST))
    return Plan(Blocks.even(n1, bound), Blocks.even(n2, bound), keep)
