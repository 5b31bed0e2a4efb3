"""What a TensorBoard shows of a run."""

import contextlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.plugins.custom_scalar import layout_pb2, metadata as charts
from tensorboard.plugins.image import metadata as images

from tf_earlydyn.checkpoints import reason
from tf_earlydyn.errors import WriteError
from tf_earlydyn.report.png import size
from tf_earlydyn.rundir import RunDirectory


class EventFile:
    """The events of a run, begun anew: its configuration at once, then what is added.

    Args:
        directory: of the run.
        description: the content of ``config.json``.

    Raises:
        WriteError: if they cannot be written; so do the methods.
    """

    def __init__(self, directory: RunDirectory, description: dict) -> None:
        self._folder = directory.events
        with self._written():
            if self._folder.exists():
                shutil.rmtree(self._folder)
            self._writer = tf.summary.create_file_writer(str(self._folder))
            with self._writer.as_default(0):
                tf.summary.text("config", f"```json\n{json.dumps(description, indent=2)}\n```")

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Adds numbers of ``step``, by tag, in float32."""
        with self._written(), self._writer.as_default(step), np.errstate(over="ignore"):
            for tag, value in values.items():
                tf.summary.scalar(tag, np.float32(value))

    def arrange(self, tags: Iterable[str]) -> None:
        """Adds charts, under Custom Scalars, that each show those of the tags that differ after the last underscore."""
        with self._written(), self._writer.as_default(0):
            content = _layout(tags).SerializeToString()
            tf.summary.write(charts.CONFIG_SUMMARY_TAG, content, metadata=charts.create_summary_metadata())

    def finish(self, step: int, figures: Sequence[Path]) -> None:
        """Adds those of the files of figures that are PNG, as they are, at the last ``step``."""
        with self._written(), self._writer.as_default(step):
            for file in figures:
                if file.suffix == ".png":
                    _add_png(f"figures/{file.stem}", file.read_bytes())
        self._writer.close()

    @contextlib.contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
            self._writer.flush()
        except (OSError, tf.errors.OpError) as error:
            raise WriteError(self._folder, reason(error)) from error


def _layout(tags: Iterable[str]) -> layout_pb2.Layout:
    groups: dict[str, dict[str, list[str]]] = {}
    for tag in tags:
        title = tag.rpartition("_")[0] or tag
        groups.setdefault(tag.partition("/")[0], {}).setdefault(title, []).append(tag)
    layout = layout_pb2.Layout()
    for name, of_group in groups.items():
        category = layout.category.add(title=name)
        for title, shown in of_group.items():
            category.chart.add(title=title).multiline.tag.extend(shown)
    return layout


def _add_png(tag: str, content: bytes) -> None:
    """As ``tf.summary.image``, which takes pixels and would encode them again."""
    width, height = size(content)
    metadata = images.create_summary_metadata(display_name=None, description=None)
    tf.summary.write(tag, tf.constant([str(width).encode(), str(height).encode(), content]), metadata=metadata)
