"""A new run like another one: the same request comes out, and its address opens the same plan again."""

import pytest

from dashboard import duplicating, links
from dashboard.pages import infer
from dashboard.views.method_choice import MethodChoice
from inference.requests import Request
from simulators import get_simulator

MODELS = ("hodgkin_huxley", "hnpe_toy", "two_moons", "linear_dynamics", "jansen_rit")


@pytest.fixture(scope="module")
def simulators():
    return {name: get_simulator(name) for name in MODELS}


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("x,label\n0.2,day 1\n0.3,day 2\n0.1,day 2\n0.25,day 1\n")
    return file


def opened(address, store, simulators):
    """Plan, source and what the address says of both, as the page makes them; all settings in place."""
    query = links.Query({key: str(value) for key, value in address.items()})
    source = duplicating.source_of(query, store)
    offered = {} if source is None else duplicating.recordings_of(source)
    plan = infer.started(query, simulators, offered, source)
    assert query.problems == []
    MethodChoice(plan, infer.METHODS)._take()
    told = infer.choices(plan, offered) | duplicating.told(source, plan)
    return plan, {key: value for key, value in told.items() if value not in (None, "")}


def check_same(request, store, simulators):
    """What is filled in is what was asked; what its address opens is that again."""
    run = store.create(request)
    plan, address = opened({"from": run.id}, store, simulators)
    again, told = opened(address, store, simulators)
    assert told == address
    for one in (plan, again):
        asked = store.create(one.request()).request
        assert (asked.simulator, asked.method, asked.seed) == (
            run.request.simulator,
            run.request.method,
            run.request.seed,
        )
        assert dict(asked.config) == dict(run.request.config)
        yield asked.observation, run.request.observation, address


def test_settings_seed_and_the_built_in_observation(store, simulators):
    request = Request("two_moons", "snpe", {"num_simulations": 300, "estimator": "maf"}, seed=5)
    for asked, was, address in check_same(request, store, simulators):
        assert asked == was == {"kind": "default"}
        assert "from" not in address


@pytest.mark.parametrize(
    ("model", "method", "observation"),
    [
        ("two_moons", "snpe", {"kind": "none"}),
        (
            "linear_dynamics",
            "epi",
            {"kind": "property", "mean": {"frequency": 1.0}, "sd": {"frequency": 0.1}},
        ),
        ("hnpe_toy", "hnpe", {"kind": "default", "extra": {"num": 3, "is_diverse": False}}),
    ],
)
def test_other_kinds(store, simulators, model, method, observation):
    for asked, was, _ in check_same(Request(model, method, observation=observation), store, simulators):
        assert asked == was


def test_recordings_are_those_in_the_folder_of_the_run(store, simulators, table):
    extra = [{"file": str(table), "sweep": k, "name": f"row {k}"} for k in (3, 1)]
    observation = {"kind": "recording", "file": str(table), "sweep": 2, "extra": extra}
    request = Request("hnpe_toy", "hnpe", {"num_simulations": 200}, observation)
    checked = list(check_same(request, store, simulators))
    table.unlink()  # not needed any more
    for asked, was, address in checked:
        assert (asked["file"], asked["sweep"]) == (was["file"], 2)
        assert sorted(one["sweep"] for one in asked["extra"]) == [1, 3]
        assert "from" in address
        assert address["observation"] == "run.1"


def test_a_run_that_is_not_there_or_cannot_be_asked_is_one_sentence(store, simulators):
    query = links.Query({"from": "20261120-125301-hodgkin_huxley-3f9a"})
    assert duplicating.source_of(query, store) is None
    assert "There is no run" in query.problems[0]
    for request, sentence in (
        (Request("two_mooons"), "Did you mean 'two_moons'?"),
        (Request("two_moons", config={"num_simulations": -3}), "num_simulations"),
        (Request("two_moons", "snpee"), "Did you mean 'snpe'?"),
    ):
        problems = []
        assert duplicating.plan_of(store.create(request), simulators, problems) is None
        assert len(problems) == 1
        assert sentence in problems[0]


def test_a_file_outside_the_folder_is_not_offered(store, table):
    run = store.create(Request("hnpe_toy", observation={"kind": "recording", "file": str(table)}))
    run.update(
        request=Request("hnpe_toy", observation={"kind": "recording", "file": "/etc/passwd"}).to_json()
    )
    query = links.Query({"from": run.id})
    assert duplicating.source_of(query, store) is None
    assert "lies in its folder" in query.problems[0]


def test_a_recording_that_is_gone_leaves_the_rest(store, simulators, table):
    observation = {"kind": "recording", "file": str(table), "sweep": 0}
    run = store.create(Request("hnpe_toy", "hnpe", {"num_simulations": 200}, observation, seed=6))
    run.observation_path.unlink()
    problems = []
    plan = duplicating.plan_of(run, simulators, problems)
    assert (plan.model, plan.kind, plan.seed, plan.config.num_simulations) == ("hnpe_toy", "default", 6, 200)
    assert problems == [
        f"The recording 'rows.csv' of run {run.id} is not there; the model's built-in observation is shown."
    ]
