"""CIFAR-10 through tensorflow-datasets."""

import contextlib
import logging
import re
import urllib.error
import urllib.request
from pathlib import Path
from types import ModuleType

import numpy as np

from tf_earlydyn.config import DataConfig
from tf_earlydyn.data.dataset import Dataset, take_first
from tf_earlydyn.data.preprocess import average_pool
from tf_earlydyn.errors import InputError
from tf_earlydyn.seeds import Stream, generator

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_PROBE_SECONDS = 10


def load(config: DataConfig, seed: int) -> Dataset:
    """The configured classes, in an order that the seed decides; inputs ``[n, 32/pool, 32/pool, 3]`` in [0, 1]."""
    classes = class_numbers(config.classes)

    def split(name: str, size: int | None, stream: Stream) -> tuple[np.ndarray, np.ndarray]:
        images, labels = read(config.data_dir, name)
        order = generator(seed, stream).permutation(np.flatnonzero(np.isin(labels, classes)))
        chosen = order[take_first(f"n_{name}", size, len(order))]
        x = average_pool(images[chosen], config.pool) / 255
        return x, targets(labels[chosen], classes)

    done = ("pixels divided by 255", f"{config.pool}x{config.pool} average pooling")
    return Dataset(
        *split("train", config.n_train, Stream.TRAIN), *split("test", config.n_test, Stream.TEST), preprocessing=done
    )


def class_numbers(classes: tuple[str, ...]) -> tuple[int, ...]:
    """The labels of classes given by name or number: two of them, or all ten for ``("all",)``.

    Raises:
        InputError: on an unknown class, the same class twice, or another number of classes.

    >>> class_numbers(("cat", "7"))
    (3, 7)
    """
    if classes == ("all",):
        return tuple(range(len(CLASSES)))
    numbers = tuple(_class_number(name) for name in classes)
    if len(numbers) != 2 or numbers[0] == numbers[1]:
        raise InputError(f"classes must be two different classes, or all. Received: classes={','.join(classes)}.")
    return numbers


def _class_number(name: str) -> int:
    by_name = {**{known: number for number, known in enumerate(CLASSES)}, **{str(n): n for n in range(len(CLASSES))}}
    if name not in by_name:
        raise InputError(f"classes are named {', '.join(CLASSES)}, or 0 to 9. Received: {name!r}.")
    return by_name[name]


def targets(labels: np.ndarray, classes: tuple[int, ...]) -> np.ndarray:
    """+1 for the first of two classes and -1 for the second, ``[n, 1]``; one-hot for more, ``[n, C]``; float32."""
    is_class = labels[:, None] == np.array(classes)
    return np.where(is_class[:, :1], 1, -1).astype(np.float32) if len(classes) == 2 else is_class.astype(np.float32)


def read(data_dir: str | None, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images ``[n, 32, 32, 3]`` uint8 and labels ``[n]`` of ``train`` or ``test``, in the order of the files.

    Downloads the data where it is missing and the network allows.

    Raises:
        InputError: if the data is neither there nor can be downloaded, or cannot be read.
    """
    tfds = _tensorflow_datasets()
    where = str(Path(data_dir or tfds.core.constants.DATA_DIR).expanduser())
    try:
        builder = tfds.builder("cifar10", data_dir=where)
        if not builder.is_prepared():
            _probe(next(iter(builder.url_infos)))
            builder.download_and_prepare()
        arrays = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1, shuffle_files=False))
    except Exception as error:  # TFDS, TensorFlow and protobuf each have their own for damaged files
        raise InputError(_unavailable(where, error)) from error
    return arrays["image"], arrays["label"]


def _tensorflow_datasets() -> ModuleType:
    """The module, imported late because it takes seconds and only CIFAR-10 needs it."""
    logging.disable(logging.CRITICAL)  # a failed import logs its traceback
    try:
        import tensorflow_datasets as tfds

        tfds.core  # noqa: B018 (missing where the import failed half-way)
    except Exception as error:  # protobuf has its own errors for generated code that is newer than itself
        raise InputError(
            f"tensorflow-datasets does not work with what is installed ({str(error).partition(': ')[0]}): with "
            "TensorFlow 2.19 run pip install 'tensorflow-metadata<1.18', otherwise pip install -U tensorflow-datasets."
        ) from error
    finally:
        logging.disable(logging.NOTSET)
    return tfds


def _probe(url: str) -> None:
    """Fails at once where the network is missing: the download itself would try again for minutes."""
    with contextlib.suppress(urllib.error.HTTPError):  # an answer: the download will say what is wrong, if anything
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_PROBE_SECONDS).close()


def _unavailable(where: str, error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    text = re.sub(r"\{\{.*?\}\}", "", str(reason)).strip()  # TensorFlow's names of graph nodes
    first_line = (text or type(reason).__name__).splitlines()[0]
    return (
        f"CIFAR-10 cannot be read from, or downloaded to, {where} ({first_line[:200]}): with internet access, run "
        f"python -c \"import tensorflow_datasets as tfds; tfds.load('cifar10', data_dir='{where}')\", "
        "then pass that folder as --data_dir."
    )
