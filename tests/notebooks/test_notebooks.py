"""Each notebook runs from top to bottom, says what it is meant to say, and is stored small and clean."""

import os
import re

import nbformat
import pytest
from nbclient import NotebookClient

NAMES = (
    "01_snpe_from_zero",
    "02_flexible_inference_2017",
    "03_ion_channels",
    "04_hodgkin_huxley",
    "05_pyloric_network",
    "06_gabor_receptive_field",
    "07_validation_glm",
    "08_ibea_hodgkin_huxley",
    "09_hnpe",
    "10_epi_from_zero",
    "11_epi_networks",
    "12_epi_visual_cortex",
    "13_posterior_geometry",
)
MOST_BYTES = 300_000
KEPT = {"image/png", "text/html", "text/plain"}  # no scripts: live views are not stored
TOLD = {
    "01_snpe_from_zero": (
        "too few to judge its confidence",
        "The observation lies outside the cloud of simulations",
        "Nothing was learnt",
        "Draws heap where the prior ends",
        "% of the simulations were usable",
        "Variant A failed in round",
        "Variant A corrects Gaussian mixtures",
        "num_simulations must be a number from 100",
        "The observation has 2 features",
        "The observation has no finite value for late",
    ),
    "02_flexible_inference_2017": ("relative error",),
    "03_ion_channels": ("55 features", "draws from the posterior of one channel", "correlation above 0.98"),
    "04_hodgkin_huxley": ("spike_count", "Mean width beside the prior"),
    "05_pyloric_network": (
        "31 parameters, 18 features",
        "simulations are triphasic",
        "from the posterior are",
    ),
    "06_gabor_receptive_field": ("signal to noise", "half a turn away"),
    "07_validation_glm": (
        "The chains agree",
        "relative KL error",
        "The threshold is large compared with the noise",
    ),
    "08_ibea_hodgkin_huxley": (
        "standard deviations, summed over features",
        "a search found, and no posterior",
        "Sum of distances when simulated again",
        "Between draws of the posterior",
    ),
    "09_hnpe": ("HNPE mean", "bias of g (dB)", "closed 5, open 5"),
    "10_epi_from_zero": ("it cannot be had", "of the draws, the other family", "met: "),
    "11_epi_networks": ("greatest entropy", "per nS²", "N = 2"),
    "12_epi_visual_cortex": (
        "constraints met",
        "correlation of σ_E² and σ_P²",
        "medians",
        "correlation of sW and hW",
        "v1 along the connectivity's own modes",
        "points of error more",
        "times as fast",
    ),
    "13_posterior_geometry": (
        "beside the lower end",
        "simulations are triphasic",
        "A and H of AB/PD",
        "Shuffling loses",
    ),
}


def executed(root, name, *, is_quick):
    """The notebook after all its cells, in a kernel of its own; an error in a cell is raised."""
    notebook = nbformat.read(root / "notebooks" / f"{name}.ipynb", as_version=4)
    place = {"metadata": {"path": str(root / "notebooks")}}
    client = NotebookClient(notebook, timeout=1_200, kernel_name="python3", resources=place)
    client.execute(env={**os.environ, "POSTERIOR_LAB_QUICK": "1" if is_quick else "0"})
    return notebook


def said(notebook):
    """All that was printed."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(output.text for output in outputs if output.output_type == "stream")


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_with_a_tiny_budget(root, name):
    words = said(executed(root, name, is_quick=True))
    assert [sentence for sentence in TOLD[name] if sentence not in words] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_with_its_own_budget(root, name):
    words = said(executed(root, name, is_quick=False))
    assert [sentence for sentence in TOLD[name] if sentence not in words] == []


@pytest.mark.parametrize("name", NAMES)
def test_stored_outputs_are_words_and_small_pictures(root, name):
    path = root / "notebooks" / f"{name}.ipynb"
    assert path.stat().st_size < MOST_BYTES
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", ()):
            assert output.output_type != "error"
            assert set(output.get("data", {})) <= KEPT
            assert "<script" not in output.get("data", {}).get("text/html", "")


def test_notebooks_are_listed_and_their_links_lead_somewhere(root):
    folder = root / "notebooks"
    assert sorted(path.stem for path in folder.glob("*.ipynb")) == sorted(NAMES)
    index = (folder / "README.md").read_text()
    assert [name for name in NAMES if f"({name}.ipynb)" not in index] == []
    for name in NAMES:
        cells = nbformat.read(folder / f"{name}.ipynb", as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        links = re.findall(r"\]\((?!http)([^)]+)\)", text)
        assert [link for link in links if not (folder / link).exists()] == []
