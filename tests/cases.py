"""What several test modules need."""

import os
from pathlib import Path

import pytest

CIFAR10 = Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser() / "cifar10"
needs_cifar10 = pytest.mark.skipif(not CIFAR10.is_dir(), reason=f"CIFAR-10 is not in {CIFAR10.parent} (TFDS_DATA_DIR)")
