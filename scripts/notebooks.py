"""Executes notebooks of colab/ from top to bottom, each in a process and an empty folder of its own, and keeps what
they show.

    python scripts/notebooks.py --set=show_progress=False                 all of them, with CIFAR-10: 12 minutes
    python scripts/notebooks.py early_dynamics kernels                    these two, with progress bars: 2 minutes
    python scripts/notebooks.py cifar10_tpu --set="data_dir='DIR'"        with another value of a parameter
    python scripts/notebooks.py early_dynamics --set=width=64 --out=DIR   into another folder

Values of --set are for this execution alone: a notebook keeps its own in the cell that is tagged "parameters", and so
values that change what it shows need another folder. Where a cell fails, the notebook is left as it was. Needs the
packages of '.[dev]'.
"""

import ast
import logging
import sys
import tempfile
from pathlib import Path

import entry  # noqa: F401 (first: it sets up the process, whose settings the notebooks' processes inherit)
from absl import flags as absl_flags

from tf_earlydyn import flags
from tf_earlydyn.errors import InputError
from tf_earlydyn.rundir import written_whole

FOLDER = Path(__file__).parents[1] / "colab"
HELP = {"module_name": flags.__name__}  # where --help looks for flags

SET = absl_flags.DEFINE_multi_string("set", [], "name=value, a parameter and its value as Python writes it.", **HELP)
OUT = absl_flags.DEFINE_string("out", None, "The folder that they are written to, by default colab.", **HELP)
UNSEEN = {"show_progress", "data_dir"}  # parameters that change nothing in what is kept


def main(arguments: list[str]) -> None:
    known = {path.stem: path for path in sorted(FOLDER.glob("*.ipynb"))}
    if unknown := set(arguments) - set(known):
        raise InputError(f"notebooks are {', '.join(known)}. Received: {', '.join(sorted(unknown))}.")
    values = _values(SET.value)
    notebooks = {known[name]: _read(known[name], values) for name in arguments or known}  # all, before one is executed
    out = _out(values)
    for path, notebook in notebooks.items():
        _execute(notebook, path.name)
        _keep_outputs(notebook, path, out)


def _out(values: dict) -> Path:
    """The folder that is written to."""
    if OUT.value is None and (changed := sorted(set(values) - UNSEEN)):
        raise InputError(
            "out must be given where parameters are set that change what is shown: in colab/, the notebooks' own "
            f"values stand above it. Received: {', '.join(changed)}."
        )
    out = FOLDER if OUT.value is None else Path(OUT.value)
    if not out.is_dir():
        raise InputError(f"out must be a folder. Received: out={out}.")
    return out


def _values(settings: list[str]) -> dict:
    values = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        try:
            values[name] = ast.literal_eval(value)
        except (SyntaxError, ValueError) as error:
            raise InputError(f"set takes name=value, the value as Python writes it. Received: {setting}.") from error
    return values


def _read(path: Path, values: dict):
    """A notebook with other values of its parameters, in a line below their own."""
    try:
        import nbclient  # noqa: F401 (late, so that --help and wrong flags are answered without them)
        import nbformat
    except ImportError as error:
        raise InputError(f"notebooks are executed by nbclient: pip install '.[dev]'. Received: {error}.") from error

    notebook = nbformat.read(path, as_version=4)
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    assigned = {target.id for node in ast.parse(cell.source).body for target in node.targets}
    if unknown := sorted(set(values) - assigned):
        raise InputError(
            f"parameters of {path.stem} are {', '.join(sorted(assigned))}. Received: {', '.join(unknown)}."
        )
    cell.source += "".join(f"\n{parameter} = {value!r}" for parameter, value in values.items())
    return notebook


def _execute(notebook, name: str) -> None:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    logging.getLogger("traitlets").setLevel(logging.CRITICAL)  # nbclient's: what is raised says the same
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=None,
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute()
        except CellExecutionError as error:
            sys.exit(f"{name}: {error}")
        except RuntimeError as error:  # of a process that dies, as nbclient and jupyter_client say it
            raise InputError(f"the process that executes {name} must live to its end. Received: {error}.") from error


def _keep_outputs(executed, path: Path, out: Path) -> None:
    """Writes the notebook, its parameters as they are, with what it has shown."""
    import nbformat

    kept = nbformat.read(path, as_version=4)
    for cell, source in zip(kept.cells, executed.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = source.outputs, source.execution_count
    with written_whole(out / path.name) as partial:
        nbformat.write(kept, partial)


if __name__ == "__main__":
    flags.run_script(main, __doc__)
