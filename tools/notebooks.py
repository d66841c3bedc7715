"""Run the notebooks with their own budgets and store them with what can be read anywhere: words and pictures.

    python tools/notebooks.py [notebooks/01_snpe_from_zero.ipynb ...]

Live views are left out, because they need a kernel and are large; in their place is a line that says so.
"""

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
LIVE = "(a live view: run this cell to see it)"


def slim(output: Any) -> Any | None:
    """The output as it is stored; None: not at all."""
    if output.output_type == "stream":
        return output if output.name == "stdout" else None
    data = output.data
    is_live = any(kind.startswith("application/") for kind in data)
    if is_live or "<script" in data.get("text/html", ""):
        return nbformat.v4.new_output("display_data", {"text/plain": LIVE}) if "text/plain" in data else None
    if "image/png" in data:
        data = {"image/png": data["image/png"], "text/plain": "(a picture)"}
    return nbformat.v4.new_output("display_data", data) if data and set(data) != {"text/html"} else None


def store(path: Path) -> None:
    """Run one notebook and write it back."""
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=3_600, kernel_name="python3", resources=place).execute()
    clean(notebook)
    nbformat.write(notebook, path)


def clean(notebook: Any) -> None:
    """Drop what is not stored: live views, warnings, times."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [kept for output in cell.outputs if (kept := slim(output)) is not None]
    notebook.metadata["language_info"] = {"name": "python"}


if __name__ == "__main__":
    for path in [Path(name) for name in sys.argv[1:]] or sorted(FOLDER.glob("*.ipynb")):
        store(path)
