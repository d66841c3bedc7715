"""Choosing how soon a run is performed: with a new run, on its page, in the list, on the command line."""

import pytest

from dashboard import rights
from dashboard.views import run_rows
from dashboard.views.priority_choice import PriorityChoice
from inference.requests import Request
from inference.turns import priority_of, set_priority


@pytest.fixture
def run(store):
    return store.create(Request("linear_gaussian"))


def test_a_choice_is_heard_or_says_why_not(run):
    choice = PriorityChoice("normal", lambda new: set_priority(run, new))
    choice.priority = "high"
    assert priority_of(run.record) == "high"
    run.set_state("running")
    choice.priority = "low"
    assert "only a queued run has a priority" in choice.line.text
    assert priority_of(run.record) == "high"


def test_the_list_tells_it_while_the_run_waits(run):
    set_priority(run, "low")
    assert "low priority" in run_rows.progress_cell(run_rows.overview(run))
    run.set_state("running")
    assert "priority" not in run_rows.progress_cell(run_rows.overview(run))


def test_a_run_is_begun_with_it_before_a_worker_can_see_it(store, monkeypatch):
    from dashboard import links
    from dashboard.pages import infer

    seen = []
    monkeypatch.setenv("POSTERIOR_LAB_ROOT", str(store.root))
    jobs = type("Jobs", (), {"submit": lambda self, run: seen.append(priority_of(run.record))})
    monkeypatch.setattr(infer, "get_jobs", jobs)
    monkeypatch.setattr(links, "go_to", lambda url: None)
    infer.submit(Request("linear_gaussian"), "high")
    infer.submit(Request("linear_gaussian"))
    assert seen == ["high", "normal"]


def test_it_is_part_of_the_address():
    from dashboard import links
    from dashboard.pages import infer
    from simulators import all_simulators

    query = links.Query({"model": "two_moons", "priority": "low"})
    plan = infer.from_query(query, all_simulators(), {})
    assert (plan.priority, query.problems) == ("low", [])
    assert infer.choices(plan, {})["priority"] == "low"
    query = links.Query({"model": "two_moons", "priority": "urgent"})
    assert infer.from_query(query, all_simulators(), {}).priority == "normal"
    assert "urgent" in query.problems[0]


def test_only_the_owner_has_the_choice(store, run, monkeypatch):
    monkeypatch.setattr(rights, "person", lambda: "bob")
    from dashboard.pages import run as page

    overview = page.RunOverview(run)
    assert page.priority(run, overview) == []
    monkeypatch.setattr(rights, "person", lambda: "local")
    [card] = page.priority(run, overview)
    assert card.visible
    run.set_state("running")
    overview.refresh()
    assert not card.visible
