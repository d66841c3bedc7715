"""An emergent property as it is asked for: targets, whether they can be had, the plan, the address."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from dashboard import emergent, links
from dashboard.property_form import PropertyChoice
from dashboard.views.launch import Launch, summary
from dashboard.views.method_choice import MethodChoice
from dashboard.views.observation_choice import ObservationChoice
from dashboard.views.plan import Plan
from dashboard.views.target_row import TargetRow
from inference import EmergentProperty
from inference.methods import METHODS
from simulators import Prior, Simulator, all_simulators


def statistics(key, theta):
    return {
        "level": theta["a"],
        "rate": theta["a"] + theta["b"],
        "late": jnp.where(theta["a"] > 0.5, 1.0, jnp.nan),
    }


BOX = Prior({"a": dist.Uniform(0.0, 1.0), "b": dist.Uniform(0.0, 3.0)})


def make(name, *, prior=BOX):
    return Simulator(
        name, prior, statistics, feature_units={"rate": "Hz"},
        true_theta=np.array([0.75, 1.0], np.float32), title=name.title(),
    )  # fmt: skip


def rough(theta, seed):
    return [theta["a"]]


@pytest.fixture(scope="module")
def simulators():
    bell = Prior({"a": dist.Normal(0.0, 1.0), "b": dist.Uniform(0.0, 3.0)})
    models = (
        make("smooth"),
        Simulator.from_numpy(
            "rough", BOX, rough, ["level"], title="Rough", true_theta=np.array([0.75, 1.0], np.float32)
        ),
        make("bell", prior=bell),
    )
    return {one.name: one for one in models} | {"hodgkin_huxley": models[1]}


@pytest.fixture(autouse=True, scope="module")
def as_many_simulations_as_there_may_be():
    """However busy the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emergent, "SECONDS", 1e9)
        yield


@pytest.fixture(scope="module")
def support(simulators):
    return emergent.support(simulators["smooth"])


@pytest.fixture
def plan(simulators):
    return Plan(simulators, model="smooth", config=METHODS["snpe"].config())


def hint(support, **targets):
    mean, sd = ({name: pair[k] for name, pair in targets.items()} for k in (0, 1))
    return emergent.feasibility(support, EmergentProperty(mean, sd))


class TestFeasibility:
    def test_what_can_be_had_narrows_the_support(self, support):
        found = hint(support, level=(0.5, 0.1))
        assert found.kind == "state"
        # A Gaussian of sd 0.1 on a box of width 1: log(0.1 sqrt(2 pi e)) = -0.884, plus or minus sampling.
        assert 0.85 < float(found.sentence.split("about ")[1].split(" nats")[0]) < 0.92
        assert "effective of 20 000 simulations" in found.sentence

    def test_a_mean_beyond_everything_is_told_with_units(self, support):
        found = hint(support, rate=(12.0, 1.0))
        assert found.kind == "warning"
        assert "the target 12 Hz of rate is beyond anything simulated (0.0" in found.sentence
        assert found.sentence.endswith(" Hz).")

    def test_an_sd_that_is_too_wide_is_told(self, support):
        assert "level cannot have a mean of 0.5 with an sd of 2" in hint(support, level=(0.5, 2.0)).sentence

    def test_what_each_can_be_but_not_together(self, support):
        found = hint(support, level=(0.9, 0.02), rate=(0.6, 0.1))
        assert "but not all of them together" in found.sentence

    def test_a_rare_property_is_called_rare(self, support):
        assert "is rare" in hint(support, level=(0.5, 0.0005)).sentence

    def test_without_a_box_little_is_known(self, simulators):
        found = hint(emergent.support(simulators["bell"]), level=(0.5, 0.1))
        assert (found.kind, "not uniform" in found.sentence) == ("state", True)


class TestRow:
    def row(self, **choices):
        values = np.linspace(0, 3, 301)
        return TargetRow("rate", "Hz", values, (1.0, 0.5), **{"ticked": True, **choices})

    def test_the_band_follows_the_fields(self):
        row = self.row()
        row.fields[0].value = "1.5"
        assert row.target == (1.5, 0.5)
        assert (row._asked.data["mean"], row._asked.data["sd"]) == ([1.5], [0.5])
        assert "34 % lie within one sd" in row.summary.text or "33 %" in row.summary.text

    def test_the_fields_follow_the_band(self):
        row = self.row()
        row._dragged("data", None, {"mean": [2.0], "sd": [0.25]})
        assert row.target == pytest.approx((2.0, 0.25), abs=0.004)
        assert [float(field.value) for field in row.fields] == pytest.approx(row.target)

    def test_the_value_from_before_a_drag_can_be_typed_again(self):
        row = self.row()
        before = row._asked.data
        row._dragged("data", None, {"mean": [2.0], "sd": [0.5]})
        row.fields[0].value = "1"
        assert row._asked.data["mean"] == [1.0]
        assert row._asked.data != before

    @pytest.mark.parametrize(("k", "text"), [(0, "much"), (1, "0"), (1, "-1"), (0, "")])
    def test_a_wrong_number_is_marked(self, k, text):
        row = self.row()
        row.fields[k].value = text
        assert row.fields[k].error_state
        assert row.target is None
        row.fields[k].value = "1"
        assert row.target is not None

    def test_a_target_beyond_the_simulations_is_in_the_picture(self):
        row = self.row()
        row.fields[0].value = "12"
        assert row.figure.x_range.end > 12

    def test_what_is_undefined_cannot_be_ticked(self):
        row = TargetRow("late", "", np.array([1.0, 2.0, np.nan, 1.0]), (1.0, 1.0), ticked=True)
        assert row.tick.disabled
        assert not row.ticked
        assert "undefined in 25 % of 4 simulations" in row.summary.text


class TestForm:
    def test_it_begins_with_the_property_of_the_source(self):
        published = {
            "linear_dynamics": {"real_part": (0.0, 0.25), "frequency": (1.0, 0.1)},
            "v1_sssn": {"s_E": (5.0, 1.0)},
            "stg_subcircuit": {"hub_frequency": (0.55, 0.025)},
            "low_rank_rnn": {"real_part": (0.5, 0.25), "symmetric_part": (1.5, 0.25)},
            "superior_colliculus": {"pro_accuracy": (0.75, 0.075), "anti_accuracy": (0.75, 0.075)},
        }
        models = all_simulators()
        assert {name: model.targets for name, model in models.items() if model.targets} == published
        assert models["linear_dynamics"].only("frequency").targets == {"frequency": (1.0, 0.1)}
        plan = Plan(models, model="linear_dynamics", config=METHODS["snpe"].config())
        form = PropertyChoice(plan)
        plan.choose(kind="property")
        assert plan.targets == {name: row.target for name, row in form.rows.items()}
        assert plan.targets == published["linear_dynamics"]

    @pytest.mark.parametrize(
        ("targets", "words"), [({"rat": (1.0, 0.1)}, "called 'rat'"), ({"rate": (1.0, 0.0)}, "above zero")]
    )
    def test_wrong_targets_of_a_model_are_told(self, simulators, targets, words):
        wrong = dataclasses.replace(simulators["smooth"], targets=targets)
        plan = Plan({"smooth": wrong}, model="smooth", config=METHODS["snpe"].config())
        form = PropertyChoice(plan)
        plan.choose(kind="property")
        assert words in form.state.text
        assert not form.rows

    def test_a_property_becomes_a_request(self, plan):
        form, method = PropertyChoice(plan), MethodChoice(plan, METHODS)
        asked = []
        launch = Launch(plan, asked.append)
        assert not form.content.visible
        plan.choose(kind="property")
        assert form.content.visible
        assert list(form.rows) == ["level", "rate", "late"]
        assert set(plan.targets) == {"level", "rate"}  # those that are always defined
        assert plan.targets["rate"][0] == pytest.approx(1.75)  # as the built-in observation has it
        assert "narrows the support" in form.hint.text
        form.rows["level"].tick.value = False
        form.rows["rate"].fields[1].value = "0.2"
        assert method.method.value == "epi"
        assert "for each of 40 epochs" in launch.needs.text
        assert "rate 1.75 ± 0.2 Hz" in summary(plan)
        launch.run()
        assert asked[0].method == "epi"
        assert asked[0].observation == {"kind": "property", "mean": {"rate": 1.75}, "sd": {"rate": 0.2}}

    def test_without_a_target_there_is_no_run(self, plan):
        form, launch = PropertyChoice(plan), Launch(plan, lambda request: None)
        plan.choose(kind="property")
        for row in form.rows.values():
            row.tick.value = False
        assert launch.button.disabled
        assert (
            launch.needs.text
            == form.hint.text
            == "Tick a statistic, and give it a mean and an sd above zero."
        )

    def test_methods_are_those_for_what_is_to_be_explained(self, plan):
        choice = MethodChoice(plan, METHODS)
        assert "epi" not in choice.method.options.values()
        plan.choose(kind="property")
        assert list(choice.method.options.values()) == ["epi"]
        assert type(plan.config) is METHODS["epi"].config
        plan.choose(kind="default")
        assert plan.method == choice.method.value == "snpe"
        assert type(plan.config) is METHODS["snpe"].config

    def test_a_black_box_says_why_not(self, plan):
        choice = ObservationChoice(plan, {}, limit=10**6)
        PropertyChoice(plan)
        choice.kind.value = "property"
        assert choice.refusal.text == ""
        plan.choose(model="rough")
        assert plan.kind == "default"
        assert plan.method == "snpe"
        assert "property" not in choice.kind.options.values()
        assert "EPI simulates within its compiled steps" in choice.refusal.text

    def test_another_model_has_targets_of_its_own(self, plan):
        form = PropertyChoice(plan)
        plan.choose(kind="property")
        form.rows["rate"].fields[0].value = "2.5"
        plan.choose(model="bell")
        assert plan.targets["level"][0] == pytest.approx(0.75)
        assert 2.5 not in [pair[0] for pair in plan.targets.values()]


class TestAddress:
    def opened(self, simulators, **said):
        from dashboard.pages import infer

        query = links.Query({"model": "smooth", **said})
        plan = infer.from_query(query, simulators, {})
        PropertyChoice(plan)
        MethodChoice(plan, infer.METHODS)
        shown = {key: str(value) for key, value in infer.choices(plan, {}).items() if value != ""}
        return plan, query.problems, shown

    def test_it_opens_the_same_property(self, simulators):
        said = {"observation": "property", "mean.rate": "1.5", "sd.rate": "0.25", "max_epochs": "5"}
        plan, problems, shown = self.opened(simulators, **said)
        assert problems == []
        assert plan.targets == {"rate": (1.5, 0.25)}
        assert plan.config.max_epochs == 5
        assert shown == {"model": "smooth", **said}

    def test_the_method_alone_asks_for_targets(self, simulators):
        plan, problems, _ = self.opened(simulators, method="epi")
        assert (plan.kind, problems) == ("property", [])
        assert plan.is_ready

    @pytest.mark.parametrize(
        ("said", "sentence"),
        [
            ({"mean.rat": "1"}, "There is no statistic 'rat'. Did you mean 'rate'?"),
            ({"mean.rate": "much"}, "is not a number"),
            ({"mean.rate": "1", "sd.rate": "-1"}, "outside"),
            ({"model": "rough"}, "EPI simulates within its compiled steps"),
        ],
    )
    def test_a_wrong_address_is_told(self, simulators, said, sentence):
        plan, problems, _ = self.opened(simulators, observation="property", **said)
        assert len(problems) == 1
        assert sentence in problems[0]
        assert plan.is_ready
