"""Validating a result and comparing runs in a real browser, on small results that are there already."""

import re
from dataclasses import replace

import jax
import numpy as np
import pytest
from playwright.sync_api import expect

from dashboard.views.mosaic_layout import MosaicLayout
from inference.requests import Request
from inference.result import Result
from inference.runs import RunStore

pytestmark = [pytest.mark.browser, pytest.mark.long]

NUM = 200  # draws, few enough for a quick classifier
# The list of a box; where the box is in none, the list has been written anew by itself since it was found.
WRITE_ANEW = """(box) => {
  const list = box.form?.parentNode;
  if (list) list.innerHTML = list.innerHTML;
}"""


@pytest.fixture(scope="module")
def runs(server):
    """Ids of an SNPE run and of the NUTS run that it should agree with, and does not quite."""
    store = RunStore(server.root)
    return [finished(store, "snpe", 0.15, chains=1), finished(store, "nuts", 0.0, chains=4)]


def finished(store, method, shift, *, chains, model=None):
    """A run of the linear Gaussian that has ended; its draws are exact but for a shift of the first.

    Another ``model`` only gives its names.
    """
    from inference.drawn_posterior import DrawnPosterior
    from inference.tree import Draws, Findings, build_tree
    from simulators import get_simulator

    model = model or get_simulator("linear_gaussian")
    observed = model.default_observation()
    random = np.random.default_rng(chains)
    theta = np.asarray(observed.x) / 2 + random.normal(0.0, 0.05**0.5, (NUM, model.prior.dim))
    theta[:, 0] += shift
    prior = Draws(np.asarray(model.prior.sample(jax.random.key(1), NUM)))
    draws = Draws(theta.astype(np.float32), num_chains=chains)
    numbers = {"r_hat": 1.001, "ess_bulk": 190.0, "ess_tail": 180.0, "predictive_distance": shift}
    dims = {"predictive_distance": ("feature",)}
    diagnostics = {n: (dims.get(n, ("parameter",)), np.full(model.prior.dim, v)) for n, v in numbers.items()}
    if chains == 1:
        diagnostics = {"predictive_distance": diagnostics["predictive_distance"]}
    findings = Findings(prior, draws, replace(observed), diagnostics=diagnostics)
    config = f'{{"config": "{method.upper()}"}}'
    attrs = {"simulator": "linear_gaussian", "method": method, "config": config, "data_sha256": "0"}
    tree = build_tree(model, findings, attrs)
    run = store.create(Request("linear_gaussian", method))
    posterior = DrawnPosterior(theta.reshape(chains, -1, model.prior.dim), model.prior, observed.x)
    Result(posterior, tree).save(run.folder)
    run.set_state("done")
    return run.id


def test_a_run_is_validated_against_nuts(visitor, runs):
    visitor.go(f"/run?id={runs[0]}")
    visitor.open_tab("Validate")
    visitor.page.wait_for_url(f"**tab=validate&ref={runs[1]}*")  # the exact run, without being asked
    visitor.see("c2st-summary", re.compile(r"C2ST 0\.\d\d \(95 %"), seconds=180)  # compiles
    visitor.see("difference-summary", "Most in theta[0]: mean shifted by +0.")
    visitor.see("chain-summary", "4 chains of 50 draws agree")
    visitor.see("overlay-summary", "Medians differ most in theta[0]")
    expect(visitor.page.get_by_test_id("difference-table").get_by_role("row")).to_have_count(1 + 10)
    layout = MosaicLayout(10, 96 * 8 // 10)
    x, y = layout.left(3), layout.bottom(0)  # above the diagonal, where the reference is
    visitor.drag((x + 10, y + 10), (x + 60, y + 60))
    words = re.compile(
        r"of 200 draws \(\d+ %\) and \d+ of 200 of the reference \(\d+ %\) selected: theta\[0\]"
    )
    expect(visitor.page.get_by_test_id("mosaic-summary").filter(has_text=words)).to_have_count(1)
    visitor.page.get_by_label("Reference", exact=True).click()
    visitor.page.get_by_text("none", exact=True).click()
    visitor.page.wait_for_url("**ref=none*")
    expect(visitor.page.get_by_test_id("c2st-summary")).to_have_count(0)


def test_runs_ticked_at_home_are_compared(visitor, runs):
    visitor.go("/home")
    for run_id in runs:
        tick = visitor.page.get_by_label(f"compare {run_id}")
        tick.check()
        tick.evaluate(WRITE_ANEW)
        expect(tick).to_be_checked()  # as when a run has ended, or been judged, meanwhile
    visitor.page.get_by_role("button", name="Compare the ticked runs").press("Enter")
    visitor.page.wait_for_url("**/compare?runs=*")
    visitor.wait()
    visitor.see("verdict-table", "SNPE")
    visitor.see("facts-table", "method")
    visitor.see("distance-summary", "Nearest to the observation: NUTS")
    visitor.see("matrix-summary", re.compile(r"C2ST of \w+ and \w+ \(0\.\d\d\)"), seconds=180)
    # In the order of the list at home, the newest first.
    visitor.page.wait_for_url(f"**/compare?runs={runs[1]},{runs[0]}")


def test_a_misspelt_run_is_one_sentence_with_the_nearest(visitor, runs):
    other = runs[0][:-1] + ("0" if runs[0][-1] != "0" else "1")
    visitor.go(f"/compare?runs={other},{runs[1]}")
    visitor.see("problem", f"There is no run {other}")
    visitor.see("problem", f"Did you mean {runs[0]}?")
    visitor.see("compare-hint", "at least one more run")
