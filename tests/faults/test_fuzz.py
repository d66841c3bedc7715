"""Spoilt uploads, and whatever may be typed into forms and addresses: a sentence, never a traceback.

A few of each at once; a thousand with ``-m long``. The same examples in every run.
"""

import math
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import strategies as st

import dashboard
from dashboard import explore_tab, links, observations
from dashboard.explore_address import read_start
from dashboard.forms import config_form
from dashboard.pages import infer, model
from dashboard.results import tree_of
from dashboard.run_choice import read_runs
from dashboard.views.draws import posterior_draws
from dashboard.views.selection import read_ranges
from inference.methods import METHODS
from inference.runs import Run, RunStore
from simulators import all_simulators, get_simulator
from simulators.recordings import EegOptions, kind_of
from tests.faults.nasty import WORDS, explore, is_one_sentence
from tests.faults.valid_files import valid_uploads

FEW_AND_MANY = pytest.mark.parametrize("num", [20, pytest.param(1000, marks=pytest.mark.long)])
LIMIT = 10**6  # bytes of an upload

# Uploads ---------------------------------------------------------------------------------------------------

PIECES = [b"", b"nan", b"1e400", b"-", b",", b";", b"\t", b"\n", b"\r", b'"', b"\x00", b"\xff" * 8, b"9" * 40]
PIECES += [
    "µ".encode(),
    b"[mV]",
    b"# ",
    b"\x00\x00\x00\x00\x7f",
    b"../../x",
    b"\x89HDF\r\n\x1a\n",
    b"0       ",
]
EDIT = st.tuples(
    st.floats(0, 1),
    st.one_of(st.sampled_from(PIECES), st.binary(max_size=9)),
    st.sampled_from([0, 1, 30, -1]),
)


def spoilt(content, edits, end):
    """The content with pieces in place of some bytes, more of them near its beginning, cut at its end."""
    for place, piece, num_lost in edits:
        at = int(place**3 * len(content))
        content = content[:at] + piece + content[at + (len(piece) if num_lost < 0 else num_lost) :]
    return content[: max(1, int(end * len(content)))]


@st.composite
def uploads(draw, valid):
    """(model, files that are uploaded together)."""
    takes = draw(st.sampled_from(list(valid)))
    files = draw(st.sampled_from(valid[takes]))
    edits = draw(st.lists(EDIT, max_size=4))
    end = draw(st.sampled_from([1.0, 1.0, 0.9, 0.5, 0.03]))
    files = {name: spoilt(content, edits, end) for name, content in files.items()}
    if draw(st.integers(0, 7)) == 0:
        files = {name: draw(st.binary(max_size=300)) for name in files}
    if draw(st.integers(0, 7)) == 0:
        files = {draw(WORDS) + Path(name).suffix: content for name, content in files.items()}
    given_to = takes if draw(st.integers(0, 4)) else draw(st.sampled_from(list(valid)))
    return given_to, files, draw(st.sampled_from([None, None, 0, 4, 7, -1, 10**9]))


@FEW_AND_MANY
def test_spoilt_uploads(num):
    owner, valid = Page(), valid_uploads()
    place = observations.Uploads(owner, limit=LIMIT)
    for name, several in valid.items():  # what is spoilt below is read as it is
        for files in several:
            read(place, (name, files, None))
    outcomes, sentences = {"read": 0, "refused": 0}, []

    def act(example):
        try:
            read(place, example)
            outcomes["read"] += 1
        except ValueError as error:
            sentences.append(str(error))
            outcomes["refused"] += 1
        assert all(map(is_one_sentence, sentences)), sentences[-1]

    explore(num, uploads(valid), act)
    if num > 100:  # neither all too bad nor all too good
        assert min(outcomes.values()) > num / 20, outcomes


class Page:
    """Whose the uploads are; they go when it does."""


def read(place, example):
    """As the page of a new run does: keep the files, ask which sweeps there are, and read one."""
    name, files, sweep = example
    simulator = get_simulator(name)
    kept = place.keep(files)
    kind = kind_of(simulator)
    sweeps = observations.sweeps_of(simulator, kept[0])
    if kind.contents is not None:
        observations.guarded(kept[0], kind.contents)
    observations.guarded(kept[0], kind.read, sweep=sweeps[0] if sweeps and sweep is None else sweep)


# What is typed ---------------------------------------------------------------------------------------------


@FEW_AND_MANY
@pytest.mark.parametrize("name", [*METHODS, "eeg"])
def test_whatever_is_typed_into_a_form(name, num):
    simulator = get_simulator("linear_gaussian")
    kind = EegOptions if name == "eeg" else METHODS[name].config
    check = (lambda config: config.meanings()) if name == "eeg" else METHODS[name].check
    form = config_form(kind, lambda config: check(config, simulator) if name != "eeg" else check(config))
    typed = [key for key, widget in form.widgets.items() if isinstance(widget.value, str)]
    free = [key for key in typed if not form._fields[key].choices]
    default = kind()

    def act(values):
        for key, words in values.items():
            form.widgets[key].value = words
        if form.config is None:
            assert is_one_sentence(form.error), form.error
        else:
            assert is_without_nan(form.config)
            form.settings()
        form.show(default)

    explore(max(num // (len(METHODS) + 1), 5), st.dictionaries(st.sampled_from(free), WORDS, max_size=3), act)


def is_without_nan(config):
    values = (getattr(config, one.name) for one in fields(config))
    return not any(isinstance(value, float) and math.isnan(value) for value in values)


# Addresses -------------------------------------------------------------------------------------------------

INFER_KEYS = ["model", "observation", "sweep", "method", "seed", "first", "extras", "alike", "read.channel"]
INFER_KEYS += ["read.low", "mean.growth_rate", "sd.growth_rate", "mean.x", "num_simulations", "num_rounds"]
INFER_KEYS += ["learning_rate", "estimator", "theme"]
INFER_VALUES = [
    "hodgkin_huxley",
    "hnpe_toy",
    "linear_dynamics",
    "epi",
    "hnpe",
    "nuts",
    "property",
    "none",
    "a.nc",
]
INFER_VALUES += ["a.nc,b.nc", "all", "0,3", "1e9"]


def queries(keys, values):
    """Arguments of an address as a page gets them: bytes that may be no UTF-8."""
    some = st.one_of(st.sampled_from(values), WORDS).map(lambda text: text.encode("utf-8", "surrogatepass"))
    key = st.one_of(st.sampled_from(keys), st.sampled_from(keys), st.text(max_size=8))
    return st.dictionaries(key, st.lists(st.one_of(some, st.binary(max_size=12)), max_size=2), max_size=5)


@FEW_AND_MANY
def test_addresses_of_a_new_run(num):
    simulators = all_simulators()
    offered = {name: Path("/nowhere") / name for name in ("a.nc", "b.nc")}

    def act(arguments):
        query = links.read_query(arguments)
        plan = infer.from_query(query, simulators, offered)
        assert all(map(is_one_sentence, query.problems)), query.problems
        assert is_without_nan(plan.config)
        links.infer_url(
            **{key: value for key, value in infer.choices(plan, offered).items() if key != "model"}
        )

    explore(num, queries(INFER_KEYS, INFER_VALUES), act)


@FEW_AND_MANY
def test_addresses_of_a_model(num):
    simulators = all_simulators()
    names = ("two_moons", "hodgkin_huxley", "linear_dynamics")

    def act(example):
        name, arguments = example
        query = links.read_query(arguments)
        exploration = model.from_query(simulators[name], query)
        query.check_known(["name", "noise", *simulators[name].prior.names])
        assert all(map(is_one_sentence, query.problems)), query.problems
        assert all(map(math.isfinite, exploration.theta))

    keys = [key for name in names for key in simulators[name].prior.names]
    explore(num, st.tuples(st.sampled_from(names), queries([*keys, "noise"], ["1", "-3.5"])), act)


@FEW_AND_MANY
def test_addresses_of_runs(num, tmp_path):
    store = RunStore(tmp_path)
    (example,) = (Path(dashboard.__file__).parent / "examples").iterdir()
    tree = tree_of(Run(example))
    draws, parts = posterior_draws(tree), explore_tab.parts_of(tree)

    def act(arguments):
        query = links.read_query(arguments)
        start, problems = read_start(query.values, parts, draws)
        assert all(draws.low[k] <= value <= draws.high[k] for k, value in (start.pinned or {}).items())
        ranges, wrong = read_ranges(query.text("sel"), list(draws.names))
        runs, unknown = read_runs(store, links.read_list("runs", arguments))
        assert runs == []
        with pytest.raises(ValueError) as refused:  # noqa: PT011  every sentence but none of another kind
            store.get(query.text("id"))
        assert all(map(is_one_sentence, [*problems, *wrong, *unknown, str(refused.value)]))

    values = [
        "pin",
        "g_Na:40",
        "g_Na:40,g_K:3",
        "g_Na:nan",
        "g_Na:1:2",
        example.name,
        "../runs",
        "sel",
        "none",
    ]
    explore(num, queries(["id", "tab", "sel", "ref", "part", "pins", "runs"], values), act)
