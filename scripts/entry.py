"""What every script does first: settings of the process, which an import must never make, and a clear word where the
installed software will not do.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # oneDNN sums in an order of its own, and says so on every start
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_prefer_vector_width=512")  # where there are such vectors; else no matter

# One line each, without the place in the code, which is of no use to who runs a script.
warnings.showwarning = lambda message, *_: print(f"Warning: {message}", file=sys.stderr)

try:
    import tf_earlydyn  # noqa: F401
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(2)


def compute_side_by_side() -> None:
    """One thread for an operation: it is by operations side by side that training keeps all cores busy."""
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")


@contextlib.contextmanager
def computing(execution) -> Iterator[None]:
    """Sets up TensorFlow as an ``ExecutionConfig`` asks; where memory runs out within, that is what is said."""
    import tensorflow as tf  # late, so that --help and wrong flags are answered at once

    from tf_earlydyn import distribution

    tf.config.experimental.enable_op_determinism()
    distribution.set_up(execution)
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(str(error).partition("\n")[0]) from error
