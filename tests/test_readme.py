"""The Python of the README runs, in one go and with the small budget written there."""

import re

import numpy as np
import pytest


@pytest.fixture(scope="module")
def blocks(root):
    """The source of the README's Python blocks: the notebook example and a model of one's own."""
    return re.findall(
        r"^```python\n(.*?)^```", (root / "README.md").read_text(), flags=re.DOTALL | re.MULTILINE
    )


@pytest.mark.long
def test_the_notebook_example_runs(blocks, capsys):
    names = {}
    exec(compile(blocks[0], "README.md, notebook example", "exec"), names)
    simulator, theta = names["simulator"], np.asarray(names["theta"])
    assert theta.shape == (1_000, 8)
    assert np.isfinite(simulator.prior.log_prob(theta)).all()
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told] == list(simulator.prior.names)


def test_the_notebook_example_is_about_twenty_lines(blocks):
    assert 10 <= len([line for line in blocks[0].splitlines() if line.strip()]) <= 20


@pytest.mark.long
def test_the_model_of_ones_own_can_be_simulated(blocks, tmp_path, key):
    from simulators import load_simulators, simulate_batch

    (tmp_path / "my_neuron.py").write_text(blocks[1])
    my_neuron = load_simulators(tmp_path / "my_neuron.py")["my_neuron"]
    simulations = simulate_batch(my_neuron, key, num=20)
    assert simulations.feature_names == ("log_sd", "lag")
    assert simulations.is_valid.all()


def test_every_file_that_the_readme_names_exists(root):
    text = (root / "README.md").read_text()
    named = re.findall(r"\]\((?!http)([^)#]+)\)", text) + re.findall(r"`([\w./-]+(?:\.\w+|/))`", text)
    named = [name for name in named if not name.startswith(("result.", "jax.", "my_", "Simulator."))]
    assert "environment.yml" in named
    # pages/ and the like are named within the row of their package.
    places = [root, root / "simulators", root / "inference", root / "dashboard"]
    assert [name for name in named if not any((place / name).exists() for place in places)] == []
