"""Executes notebooks of colab/ from top to bottom, each in a process and an empty folder of its own, and keeps what
they show.

    python scripts/notebooks.py --set=show_progress=False                 all of them, with CIFAR-10: 12 minutes
    python scripts/notebooks.py early_dynamics kernels                    these two, with progress bars: 2 minutes
    python scripts/notebooks.py cifar10_tpu --set="data_dir='DIR'"        with another value of a parameter
    python scripts/notebooks.py early_dynamics --set=width=64 --out=DIR   into another folder

Values of --set are for this execution alone: a notebook keeps its own in the cell that is tagged "parameters". Where a
cell fails, the notebook is left as it was. Needs the packages of '.[dev]'.
"""

import ast
import copy
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
OUT = absl_flags.DEFINE_string("out", str(FOLDER), "The folder that the executed notebooks are written to.", **HELP)


def main(arguments: list[str]) -> None:
    known = {path.stem: path for path in sorted(FOLDER.glob("*.ipynb"))}
    if unknown := set(arguments) - set(known):
        raise InputError(f"notebooks are {', '.join(known)}. Received: {', '.join(sorted(unknown))}.")
    if not (out := Path(OUT.value)).is_dir():
        raise InputError(f"out must be a folder. Received: out={out}.")
    values = _values(SET.value)
    for name in arguments or known:
        _execute(known[name], values, out / known[name].name)


def _values(settings: list[str]) -> dict:
    values = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        try:
            values[name] = ast.literal_eval(value)
        except (SyntaxError, ValueError) as error:
            raise InputError(f"set takes name=value, the value as Python writes it. Received: {setting}.") from error
    return values


def _execute(path: Path, values: dict, out: Path) -> None:
    try:
        import nbformat  # late, so that --help and wrong flags are answered without them
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError as error:
        raise InputError(f"notebooks are executed by nbclient: pip install '.[dev]'. Received: {error}.") from error

    kept = nbformat.read(path, as_version=4)
    executed = copy.deepcopy(kept)
    _set(executed, values, path.stem)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            executed,
            timeout=None,
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute()
        except CellExecutionError as error:
            sys.exit(f"{path.name}: {error}")
    for cell, source in zip(kept.cells, executed.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = source.outputs, source.execution_count
    with written_whole(out) as partial:
        nbformat.write(kept, partial)


def _set(notebook, values: dict, name: str) -> None:
    """Gives parameters other values, in a line below their own."""
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    assigned = {target.id for node in ast.parse(cell.source).body for target in node.targets}
    if unknown := set(values) - assigned:
        raise InputError(f"parameters of {name} are {', '.join(sorted(assigned))}. Received: {', '.join(unknown)}.")
    cell.source += "".join(f"\n{parameter} = {value!r}" for parameter, value in values.items())


if __name__ == "__main__":
    flags.run_script(main, __doc__)
