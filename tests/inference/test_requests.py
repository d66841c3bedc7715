"""Requests: JSON and back, settings from text, and one sentence for everything that is wrong."""

import json
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pytest

from inference import settings
from inference.requests import Request, check, resolve
from inference.settings import make_config, read_settings


@dataclass(frozen=True)
class Settings:
    num_simulations: int = 1000
    num_rounds: int = 1
    learning_rate: float = 1e-3
    is_fast: bool = False
    variant: Literal["A", "C"] = "C"
    embedding: str | None = None
    patience: int | None = None
    widths: tuple[int, ...] = field(default=(50, 50))

    def __post_init__(self):
        if self.num_simulations < 1:
            raise ValueError(f"num_simulations must be at least 1; got {self.num_simulations}.")


@pytest.fixture(autouse=True)
def _one_method(monkeypatch):
    """A method of known settings, whatever the real ones are."""

    class Fake:
        name, config, needs_observation = "fake", Settings, False

        @staticmethod
        def check_goal(goal):
            del goal

        @staticmethod
        def check(config, simulator):
            if config.is_fast and simulator.num_features > 2:
                raise ValueError("Too many features to be fast.")

    monkeypatch.setattr(settings, "_methods", lambda: {"fake": Fake})


def test_a_request_survives_json():
    request = Request(
        "m", "fake", {"num_rounds": 2}, {"kind": "recording", "file": "a.nc", "sweep": 3}, 7, ("x.py",)
    )
    assert Request.from_json(json.loads(json.dumps(request.to_json()))) == request
    assert Request.from_json({"simulator": "m", "from_the_future": 1}) == Request("m")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"seed": -1}, "The seed must be a whole number"),
        ({"seed": 2**32}, "The seed must be a whole number"),
        ({"seed": True}, "The seed must be a whole number"),
        ({"observation": {"kind": "guess"}}, "default, recording, none, property; got 'guess'"),
        ({"observation": {}}, "got None"),
        ({"observation": {"kind": "recording"}}, "needs a file"),
    ],
)
def test_wrong_requests_are_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        Request("m", **fields)
    with pytest.raises(ValueError, match=words):
        Request.from_json({"simulator": "m", **fields})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ({"num_simulations": "10_000"}, 10_000),
        ({"num_simulations": "1e5"}, 100_000),
        ({"num_simulations": 5}, 5),
        ({"learning_rate": "5e-3"}, 5e-3),
        ({"is_fast": "yes"}, True),
        ({"is_fast": "False"}, False),
        ({"variant": "A"}, "A"),
        ({"embedding": "mlp"}, "mlp"),
        ({"embedding": "none"}, None),
        ({"patience": "none"}, None),
        ({"patience": "3"}, 3),
        ({"widths": "64, 32"}, (64, 32)),
        ({"widths": [64, 32]}, (64, 32)),
    ],
)
def test_settings_are_read_as_their_type(text, expected):
    value = getattr(make_config("fake", text), next(iter(text)))
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"num_simulation": "5"}, "setting of fake called 'num_simulation'. Did you mean 'num_simulations'?"),
        ({"zzz": "5"}, "There is no setting of fake called 'zzz'. Known: embedding"),
        ({"num_simulations": "many"}, "'num_simulations' must be a whole number; got 'many'"),
        ({"num_simulations": "1.5"}, "'num_simulations' must be a whole number; got '1.5'"),
        ({"num_simulations": "inf"}, "'num_simulations' must be a whole number; got 'inf'"),
        ({"learning_rate": "fast"}, "'learning_rate' must be a number; got 'fast'"),
        ({"is_fast": "maybe"}, "'is_fast' must be true or false; got 'maybe'"),
        ({"patience": "x"}, "'patience' must be a whole number or none; got 'x'"),
        ({"num_simulations": "0"}, "num_simulations must be at least 1; got 0"),
    ],
)
def test_wrong_settings_are_one_sentence(given, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the words are compared below
        make_config("fake", given)
    assert words in str(caught.value)


def test_a_near_method_is_suggested():
    with pytest.raises(ValueError, match="no method 'fale'. Did you mean 'fake'"):
        make_config("fale", {})


@pytest.mark.parametrize(
    ("pairs", "words"),
    [(["a"], "written name=value; got 'a'"), (["=3"], "name=value"), (["a=1", "a=2"], "'a' is given twice")],
)
def test_wrong_pairs(pairs, words):
    with pytest.raises(ValueError, match=words):
        read_settings(pairs)


def test_pairs():
    assert read_settings(["a=1", " b = x=y "]) == {"a": "1", "b": "x=y"}


def test_resolve_gives_what_run_takes(tmp_path):
    config, simulator, goal = resolve(Request("two_moons", "fake", {"num_rounds": "2"}), tmp_path)
    assert config == Settings(num_rounds=2)
    assert simulator.name == "two_moons"
    assert np.array_equal(goal.x, simulator.default_observation().x)
    assert resolve(Request("two_moons", "fake", observation={"kind": "none"}), tmp_path).goal is None


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request("two_moon", "fake"), "Did you mean 'two_moons'"),
        (Request("mine", "fake", simulator_files=("a.py",)), "made with --simulators a.py"),
        (
            Request("two_moons", "fake", observation={"kind": "recording", "file": "observation/a.nc"}),
            "cannot be driven",
        ),
    ],
)
def test_what_cannot_be_resolved(tmp_path, request_, words):
    with pytest.raises(ValueError, match=words):
        resolve(request_, tmp_path)


def test_recorded_cells_are_the_observation_of_their_network(write_spikes, rhythm):
    file = write_spikes(rhythm)
    request = Request("pyloric", "fake", observation={"kind": "recording", "file": file.name})
    _, simulator, goal = resolve(request, file.parent)
    assert goal.x[0] == pytest.approx(1000.0)
    assert simulator.default_observation().label == "spikes of 11.9 s, cells.csv"
    with pytest.raises(ValueError, match=r"cells\.csv: the header .* 'time \[ms\], voltage"):
        resolve(replace(request, simulator="hodgkin_huxley"), file.parent)


def test_a_recording_outside_the_folder_is_not_read(tmp_path):
    request = Request("hodgkin_huxley", "fake", observation={"kind": "recording", "file": "../a.nc"})
    with pytest.raises(ValueError, match="lies in its folder"):
        resolve(request, tmp_path)


def test_a_request_is_checked_before_a_run_is_made_of_it(tmp_path):
    check(Request("two_moons", "fake"))
    with pytest.raises(ValueError, match="Did you mean 'num_rounds'"):
        check(Request("two_moons", "fake", {"num_round": 1}))
    with pytest.raises(ValueError, match="Too many features"):
        check(Request("linear_gaussian", "fake", {"is_fast": True}))
    with pytest.raises(ValueError, match="does not exist"):
        check(
            Request("two_moons", "fake", observation={"kind": "recording", "file": str(tmp_path / "none.nc")})
        )
