"""A form from a config dataclass, without a browser: what is typed becomes the config or one sentence."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import pytest

from dashboard.fields import fields_of, read_number
from dashboard.forms import config_form


@dataclass(frozen=True)
class Example:
    num_simulations: int = field(default=10_000, metadata={"help": "How many.", "bounds": (1, 10_000_000)})
    estimator: str = field(default="maf", metadata={"choices": ("maf", "nsf"), "help": "Which density."})
    embedding: str | Callable | None = field(default=None, metadata={"choices": (None, "mlp")})
    variant: Literal["A", "B"] = "A"
    is_fast: bool = field(default=False, metadata={"help": "Hurry."})
    learning_rate: float = field(
        default=5e-4, metadata={"bounds": (0.0, 1.0), "advanced": True, "unit": "1/step"}
    )
    patience: int | None = field(default=None, metadata={"bounds": (1, None), "advanced": True})
    widths: tuple[int, ...] = field(default=(50, 50), metadata={"bounds": (1, 512), "advanced": True})
    network: Callable | None = None

    def __post_init__(self):
        if self.variant == "B" and self.estimator == "nsf":
            raise ValueError("Variant B needs the estimator maf; got nsf.")


@pytest.fixture
def form():
    return config_form(Example)


def test_defaults_need_no_typing(form):
    assert form.value() == Example()
    assert form.widgets["patience"].value == ""  # as its help would say: "empty: chosen by …"
    assert (form.error, form.settings()) == ("", {})
    assert "network" not in form.widgets


def test_labels_and_help_are_for_people(form):
    assert form.widgets["num_simulations"].label == "Number of simulations"
    assert form.widgets["num_simulations"].helper_text == "How many."
    assert form.widgets["learning_rate"].label == "Learning rate (1/step)"
    assert form.widgets["embedding"].options == ["none", "mlp"]


def test_typed_values_become_the_config(form):
    typed = {
        "num_simulations": "100 000", "estimator": "nsf", "embedding": "mlp", "is_fast": True,
        "learning_rate": "1e-3", "patience": "20", "widths": "(64, 64, 32)",
    }  # fmt: skip
    for name, text in typed.items():
        form.widgets[name].value = text
    expected = Example(
        100_000, "nsf", "mlp", is_fast=True, learning_rate=1e-3, patience=20, widths=(64, 64, 32)
    )
    assert form.value() == expected
    assert form.settings()["widths"] == [64, 64, 32]
    assert set(form.settings()) == set(typed)
    for text in ("", "none"):
        form.widgets["patience"].value = "20"
        form.widgets["patience"].value = text
        assert form.value().patience is None
    assert config_form(expected).widgets["num_simulations"].value == "100 000"


WRONG = {
    "zero budget": ("num_simulations", "0", "Number of simulations must be from 1 to 10 000 000; got 0."),
    "word": ("num_simulations", "ten", "Number of simulations must be a whole number; got 'ten'."),
    "half": ("num_simulations", "1.5", "must be a whole number; got '1.5'"),
    "empty": ("num_simulations", "", "must be a whole number; got ''"),
    "nan": ("learning_rate", "nan", "must be a number"),
    "negative": ("learning_rate", "-1", "Learning rate (1/step) must be from 0 to 1; got -1."),
    "optional": ("patience", "soon", "must be a whole number or empty; got 'soon'"),
    "half-open bounds": ("patience", "0", "must be at least 1; got 0"),
    "item": ("widths", "50, x", "must be whole numbers with commas"),
    "item out of bounds": ("widths", "50, 9999", "must be from 1 to 512; got 9999"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_text_gives_one_sentence_at_its_field(form, case):
    name, text, sentence = WRONG[case]
    form.widgets[name].value = text
    assert sentence in form.error
    assert form.config is None
    assert [key for key, widget in form.widgets.items() if key != "is_fast" and widget.error_state] == [name]
    with pytest.raises(ValueError, match="must be"):
        form.value()
    with pytest.raises(ValueError, match="must be"):
        form.settings()


def test_the_sentence_of_the_config_itself_is_shown(form):
    form.widgets["variant"].value, form.widgets["estimator"].value = "B", "nsf"
    assert form.error == "Variant B needs the estimator maf; got nsf."
    form.widgets["estimator"].value = "maf"
    assert form.error == ""


def test_an_advanced_field_that_is_wrong_is_unfolded(form):
    assert form.advanced.active == []
    form.widgets["patience"].value = "0"
    assert form.advanced.active == [0]


def test_show_fills_the_form_and_reads_it_once(form):
    seen = []
    form.param.watch(lambda event: seen.append(event.new), "config")
    # Going through one field after the other, variant B with nsf would be refused on the way.
    config = Example(variant="B", num_simulations=5, network=len)
    form.show(config)
    assert seen == [config]
    # What the form cannot show keeps its value.
    assert form.value().network is len
    form.show(Example(estimator="nsf"))
    assert form.settings() == {"estimator": "nsf"}
    with pytest.raises(TypeError, match="shows a Example; got a int"):
        form.show(3)


def test_settings_make_the_same_config_again(form):
    form.show(Example(num_simulations=7, widths=(8,)))
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in form.settings().items()
    }
    assert Example(**values) == form.value()


def test_panel_can_render_it(form):
    model = form.__panel__().get_root()
    assert model is not None
    assert config_form(Example(num_simulations=3)).widgets["num_simulations"].value == "3"


def test_every_value_reads_back_as_it_was_written():
    config = Example(learning_rate=0.1 + 0.2, patience=3, widths=(1,))
    for item in fields_of(Example):
        value = getattr(config, item.name)
        assert item.read(item.write(value)) == value


@pytest.mark.parametrize(
    ("text", "kind", "number"),
    [
        ("1e5", int, 100_000),
        ("1_000", int, 1000),
        ("12,000", int, 12_000),
        ("0,5", float, None),
        ("x", int, None),
    ],
)
def test_numbers_as_people_type_them(text, kind, number):
    assert read_number(text, kind) == number


def test_snpe_has_a_form():
    snpe = pytest.importorskip("inference.methods.snpe")
    form = config_form(snpe.SNPE)
    assert form.value() == snpe.SNPE()
    form.widgets["num_simulations"].value = "0"
    assert "got 0" in form.error


@dataclass(frozen=True)
class Dependent:
    rounds: int = field(default=1, metadata={"bounds": (1, 9)})
    variant: str = field(
        default="B", metadata={"choices": ("A", "B"), "applies": lambda values: values["rounds"] > 1}
    )
    kernel: str = field(
        default="none",
        metadata={
            "choices": ("none", "gaussian"), "advanced": True, "group": "Weights",
            "applies": lambda values: values["rounds"] > 1 and values["variant"] == "B",
        },
    )  # fmt: skip
    bandwidth: float = field(
        default=1.0,
        metadata={
            "bounds": (0.1, 9), "advanced": True, "group": "Weights",
            "applies": lambda values: values["rounds"] > 1 and values["kernel"] == "gaussian",
        },
    )  # fmt: skip
    width: int = field(default=64, metadata={"advanced": True, "group": "Network"})


def test_what_has_no_effect_is_hidden_and_keeps_its_value():
    form = config_form(Dependent)
    assert form.hidden() == ["variant", "kernel", "bandwidth"]
    form.widgets["rounds"].value = "3"
    assert form.hidden() == ["bandwidth"]
    form.widgets["kernel"].value = "gaussian"
    form.widgets["bandwidth"].value = "2"
    assert form.hidden() == []
    assert form.value() == Dependent(rounds=3, kernel="gaussian", bandwidth=2.0)
    # Bandwidth depends on a kernel that has no effect any more: both are as if never touched.
    form.widgets["variant"].value = "A"
    assert form.hidden() == ["kernel", "bandwidth"]
    assert form.settings() == {"rounds": 3, "variant": "A"}
    form.widgets["variant"].value = "B"
    assert form.value().bandwidth == 2.0


def test_a_wrong_value_that_has_no_effect_is_no_error():
    form = config_form(Dependent(rounds=2, kernel="gaussian"))
    form.widgets["bandwidth"].value = "wide"
    assert "Bandwidth must be a number" in form.error
    form.widgets["rounds"].value = "1"
    assert form.error == ""
    assert form.value().rounds == 1


def test_a_config_keeps_what_it_says_of_hidden_fields():
    config = Dependent(variant="A", bandwidth=3.0)
    assert config_form(config).value() == config


def test_groups_have_headings_and_vanish_when_empty():
    form = config_form(Dependent)
    weights, network = form._groups["Weights"], form._groups["Network"]
    assert (weights.visible, network.visible) == (False, True)
    form.widgets["rounds"].value = "2"
    assert weights.visible
    assert "Weights" in weights[0].object


def test_a_check_from_outside_is_shown_and_asked_again():
    most = [64]

    def check(config):
        if config.width > most[0]:
            raise ValueError(f"At most {most[0]} hidden units; got {config.width}.")

    form = config_form(Dependent, check)
    form.widgets["width"].value = "100"
    assert form.error == "At most 64 hidden units; got 100."
    assert form.config is None
    most[0] = 128
    form.recheck()
    assert (form.error, form.value().width) == ("", 100)


def test_snpe_hides_the_settings_of_later_rounds():
    snpe = pytest.importorskip("inference.methods.snpe")
    form = config_form(snpe.SNPE)
    assert {"variant", "prior_share", "num_atoms", "num_components"} <= set(form.hidden())
    form.widgets["num_rounds"].value = "3"
    assert "variant" not in form.hidden()
    form.widgets["variant"].value = "A"
    assert "Variant A corrects Gaussian mixtures" in form.error
    form.widgets["estimator"].value = "mdn"
    assert form.error == ""
    assert "num_layers" in form.hidden()
