"""Every Python block of the documentation runs: those of a page in order, in one namespace and one folder.

A comment before a block says what is special about it:

    <!-- needs: neuron -->          skipped where this module cannot be imported
    <!-- needs: $BRIAN2_PYTHON -->  skipped where this variable is not set
    <!-- file: my_neuron.py -->     saved under that name for the blocks below, rather than run
"""

import importlib.util
import os
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>needs|file): (?P<what>\S+) -->\n)?^```python\n(?P<source>.*?)^```",
    re.DOTALL | re.MULTILINE,
)


def pages():
    """The pages with Python in them, from the folder of the documentation."""
    found = [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md"))]
    return [name for name in found if BLOCK.search((DOCS / name).read_text())]


def is_missing(need):
    if need.startswith("$"):
        return need[1:] not in os.environ
    return importlib.util.find_spec(need) is None


def bring_recordings(folder):
    """What the pages call the reader's own files, made up and short."""
    time = np.arange(0.0, 400.0, 0.05)
    is_on = (time >= 50) & (time < 350)
    voltage = -68 + 12 * is_on + np.where(is_on & (time % 40 < 1), 80.0, 0.0)
    rows = np.stack([time, voltage + 0.1 * np.sin(time), 100.0 * is_on], axis=1)
    head = "# cell_area_cm2: 1.8e-4\n# junction_potential_mV: -14\ntime [ms], voltage [mV], current [pA]"
    np.savetxt(folder / "my_cell.csv", rows, "%.5g", ",", header=head, comments="")
    bursts = [np.arange(12)[:, None] + start + 0.03 * np.arange(8) for start in (0.1, 0.5, 0.75)]
    spikes = np.stack([train.ravel() for train in bursts], axis=1)
    np.savetxt(folder / "my_cells.csv", spikes, "%.4f", ",", header="AB/PD [s], LP [s], PY [s]", comments="")
    seconds = np.arange(0.0, 40.0, 1 / 128)
    channels = 20 * np.sin(2 * np.pi * 10 * seconds)[:, None] * np.ones(16)
    triggers = (seconds % 20 == 0)[:, None], (seconds % 20 == 10)[:, None]
    savemat(folder / "subject_01.mat", {"SIGNAL": np.hstack([seconds[:, None], channels, *triggers])})


@pytest.mark.long
@pytest.mark.parametrize("page", pages())
def test_the_blocks_of_a_page_run(page, tmp_path, monkeypatch, subtests):
    bring_recordings(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTERIOR_LAB_ROOT", str(tmp_path / "runs"))
    # As in a notebook: functions of `__main__` travel to worker processes by value.
    names = {"__name__": "__main__"}
    for number, block in enumerate(BLOCK.finditer((DOCS / page).read_text()), 1):
        with subtests.test(block=number):
            program = compile(block["source"], f"{page}, block {number}", "exec")
            if block["mark"] == "file":
                Path(block["what"]).write_text(block["source"])
                continue
            if block["mark"] == "needs" and is_missing(block["what"]):
                pytest.skip(f"{page}, block {number}: {block['what']} is not at hand")
            exec(program, names)


@pytest.mark.parametrize("page", [path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md"))])
def test_every_python_block_is_found(page):
    """None hides from the pattern above, by an indentation or another fence."""
    text = (DOCS / page).read_text()
    assert len(re.findall(r"(?m)^\s*(?:```|~~~|:::)\s*\{?(?:code-block\}\s+)?python\b", text)) == len(
        BLOCK.findall(text)
    )
