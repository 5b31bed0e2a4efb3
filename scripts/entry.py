"""What every script does first: settings of the process, which an import must never make, and a clear word where the
installed software will not do.
"""

import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # oneDNN sums in an order of its own, and says so on every start
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_prefer_vector_width=512")

# One line each, without the place in the code, which is of no use to who runs a script.
warnings.showwarning = lambda message, *_: print(f"Warning: {message}", file=sys.stderr)

try:
    import tf_earlydyn  # noqa: F401
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
