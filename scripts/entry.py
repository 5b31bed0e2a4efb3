"""What every script does first: settings of the process, which an import must never make, and a clear word where the
installed software will not do.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # oneDNN sums in an order of its own, and says so on every start

try:
    import tf_earlydyn  # noqa: F401
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
