"""Addresses: what is built can be read back, and what people type wrongly gets one sentence."""

from types import SimpleNamespace

import pytest

from dashboard import links


def query(**values):
    return links.Query(values)


def test_built_addresses_are_read_back():
    url = links.model_url("two_moons", {"theta[0]": 0.25, "theta[1]": -1e-5})
    page, _, search = url.partition("?")
    arguments = dict(pair.split("=") for pair in search.split("&"))
    read = links.read_query({key: [value.encode()] for key, value in arguments.items()})
    assert page == "model"
    assert read.text("name") == "two_moons"
    assert (read.number("theta[0]", 0.0), read.number("theta[1]", 0.0)) == (0.25, -1e-5)
    assert read.problems == []


def test_empty_choices_are_left_out():
    assert links.infer_url() == "infer"
    assert links.run_url("20261120-125301-two_moons-3f9a", tab="", page=None).count("=") == 1


@pytest.mark.parametrize("name", ['a"><script>', "a&b=c", "../../etc", "a b"])
def test_names_cannot_break_out_of_an_address(name):
    search = links.run_url(name).partition("?")[2]
    assert not set(search) & set('"<> ')
    assert search.count("&") == 0


def test_bytes_repeats_and_control_characters_are_read_safely():
    read = links.read_query({"name": [b"first", b"\xff two\x00\n"], "long": [b"x" * 10_000], "none": []})
    assert read.text("name") == "� two"
    assert len(read.text("long")) == links.LONGEST_VALUE
    assert "none" not in read.values


def test_the_theme_is_no_setting_of_a_page():
    assert links.read_query({"theme": [b"dark"]}).values == {}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("abc", "g = 'abc' is not a number; 2 is shown instead."),
        ("9", "g = 9 is outside 0 to 5; 2 is shown instead."),
        ("nan", "g = nan is outside 0 to 5; 2 is shown instead."),
        ("inf", "g = inf is outside 0 to 5; 2 is shown instead."),
    ],
)
def test_a_wrong_number_gives_the_default_and_a_sentence(value, sentence):
    asked = query(g=value)
    assert asked.number("g", 2.0, low=0.0, high=5.0) == 2.0
    assert asked.problems == [sentence]


def test_a_fraction_is_no_whole_number():
    asked = query(seed="1.5")
    assert asked.integer("seed", 0, low=0, high=10) == 0
    assert asked.problems == ["seed = 1.5 is not a whole number; 0 is shown instead."]


def test_an_infinite_whole_number_is_refused_without_an_error():
    asked = query(seed="inf")
    assert asked.integer("seed", 3, low=0, high=10) == 3
    assert len(asked.problems) == 1


def test_a_near_miss_is_suggested():
    asked = query(name="two_moon", g_na="3")
    assert asked.choice("name", ["two_moons", "pyloric"], "pyloric", kind="model") == "pyloric"
    asked.check_known(["name", "g_Na"])
    assert asked.problems[0] == "There is no model 'two_moon'. Did you mean 'two_moons'?"
    assert "g_Na" in asked.problems[1]


def test_the_address_follows_only_what_stands_still(monkeypatch):
    shown, polls = SimpleNamespace(search="?name=a", reload=False), []
    fake = SimpleNamespace(location=shown)
    monkeypatch.setattr(links.pn, "state", fake)
    monkeypatch.setattr(links, "repeat", lambda poll, milliseconds: polls.append(poll))
    state = {"name": "a"}
    links.keep_address(lambda: dict(state))
    state["g"] = "1"
    polls[0]()
    assert shown.search == "?name=a"  # still moving
    polls[0]()
    assert shown.search == "?name=a&g=1"
    del state["g"]
    polls[0]()
    polls[0]()
    assert shown.search == "?name=a"
    shown.reload, shown.search = True, "?id=1"  # on the way to another page
    state["g"] = "2"
    polls[0]()
    polls[0]()
    assert shown.search == "?id=1"
