"""Between epochs: penalties grow and fall, lost seeds are seen, the best epoch is kept, and all ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference import EPI
from inference.methods.emergent.course import (
    advance,
    begin,
    collapsed,
    load_course,
    save_course,
    since_pass,
    why_end,
)
from inference.methods.emergent.epoch import Look, SeedState

UNIT = np.ones(2, np.float32)


def look(entropy, *, passed, norm=1.0, violation=0.0):
    """Of two seeds alike in all but entropy and test."""
    both = lambda value, *shape: jnp.full((2, *shape), value, jnp.float32)  # noqa: E731
    return Look(
        jnp.array(entropy, jnp.float32), both(0.0, 1), both(1.0, 1), both(violation, 2), both(3.0, 2),
        both(1.0, 2), jnp.array(passed), both(norm, 4), jnp.zeros(2, jnp.int32), both(0.0, 5, 1),
    )  # fmt: skip


def states(value):
    """Parameters that tell which epoch they are of."""
    full = jnp.full((2, 3), value, jnp.float32)
    return SeedState(full, full[:, :2], jnp.full(2, 10.0, jnp.float32), jnp.ones((2, 2), jnp.float32))


def course_of(config, *looks):
    course = begin(states(0.0), look([5.0, 5.0], passed=[False, False]), config, UNIT)
    for number, one in enumerate(looks, 1):
        moved = states(float(number))._replace(penalty=course.states.penalty, scale=course.states.scale)
        course = advance(course, jax.random.key(number), (moved, one, 0.1), config, UNIT)
    return course


NONE, BOTH = [False, False], [True, True]
AROUND = jnp.linspace(0.9, 1.1, 8)


def welch(norms, key):
    """The penalties, 10 before, after squared violations `norms` that were 1 and had to shrink to 0.25."""
    config = EPI(penalty=10.0, growth_factor=2.0, shrinkage=0.25, growth="welch")
    first = look([5.0, 5.0], passed=NONE)._replace(norms=jnp.stack([AROUND] * 2))
    course = begin(states(0.0), first, config, UNIT)
    after = course.states, look([4.0, 4.0], passed=NONE)._replace(norms=norms), 0.1
    return tuple(np.asarray(advance(course, key, after, config, UNIT).states.penalty).tolist())


def test_the_unit_of_a_constraint_only_falls():
    """A spread of 3 that has become 7, and then 2."""
    config, wide, narrow = (
        EPI(),
        *(look([5.0, 5.0], passed=NONE)._replace(spread=jnp.full((2, 2), s)) for s in (7.0, 2.0)),
    )
    start = begin(states(0.0), look([5.0, 5.0], passed=NONE), config, UNIT)
    found = []
    for one in (wide, narrow):
        start = advance(start, jax.random.key(0), (start.states, one, 0.1), config, UNIT)
        found.append(float(start.states.scale[0, 0]))
    assert found == [3.0, 2.0]


class TestPenalty:
    def test_it_grows_while_the_violation_stays(self):
        config = EPI(penalty=10.0, growth_factor=2.0, shrinkage=0.25)
        stays = course_of(config, look([4.0, 4.0], passed=NONE))
        assert np.asarray(stays.states.penalty).tolist() == [20.0, 20.0]
        shrinks = course_of(config, look([4.0, 4.0], passed=NONE, norm=0.2))
        assert np.asarray(shrinks.states.penalty).tolist() == [10.0, 10.0]

    def test_by_welch_s_rule_it_grows_where_the_violation_has_surely_not_shrunk_enough(self):
        half_and_tenth = welch(jnp.stack([0.5 * AROUND, 0.1 * AROUND]), jax.random.key(0))
        assert half_and_tenth == (20.0, 10.0)

    def test_where_welch_s_test_is_in_doubt_the_key_decides(self):
        quarter = jnp.stack([0.251 * AROUND] * 2)  # p = 0.9: it grows with a chance of about a half
        assert len({welch(quarter, jax.random.key(k)) for k in range(20)}) > 1  # by bad luck 1 in 10^10

    def test_it_has_a_cap(self):
        config = EPI(growth_factor=100.0, penalty_cap=50.0)
        assert np.asarray(course_of(config, look([4.0, 4.0], passed=NONE)).states.penalty).max() == 50.0

    def test_it_is_lower_after_a_pass(self):
        after = course_of(EPI(penalty_after=3.0), look([4.0, 4.0], passed=[True, False]))
        assert np.asarray(after.states.penalty).tolist() == [3.0, 15.0]

    def test_constraints_are_weighed(self):
        first = look([4.0, 4.0], passed=NONE)
        scales = {
            way: np.asarray(course_of(EPI(scaling=way), first).states.scale)[0] for way in ("paper", "spread")
        }
        assert scales["paper"].tolist() == [1.0, 1.0]
        assert scales["spread"].tolist() == [3.0, 3.0]


def test_of_the_epochs_that_pass_the_widest_is_kept():
    course = course_of(
        EPI(), look([6.0, 6.0], passed=NONE), look([3.0, 4.0], passed=BOTH), look([2.0, 4.5], passed=BOTH)
    )
    assert course.best_epoch.tolist() == [1, 2]
    assert course.chosen == 1
    assert course.best_parameters[:, 0].tolist() == [2.0, 3.0]
    assert since_pass(course) == 2


def test_without_a_pass_the_nearest_is_kept():
    course = course_of(
        EPI(), look([1.0, 1.0], passed=NONE, violation=0.3), look([9.0, 9.0], passed=NONE, violation=0.9)
    )
    assert course.best_epoch.tolist() == [0, 0]
    assert not course.has_passed.any()


def test_a_seed_that_strays_goes_back():
    passes, fails = look([4.0, 4.0], passed=BOTH), look([1.0, 4.0], passed=[False, True])
    assert np.asarray(course_of(EPI(), passes, fails).states.parameters)[:, 0].tolist() == [2.0, 2.0]
    assert np.asarray(course_of(EPI(), passes, fails, fails).states.parameters)[:, 0].tolist() == [1.0, 3.0]


@pytest.mark.parametrize("entropy", [np.nan, -np.inf, -12.0])
def test_a_seed_that_is_lost_is_seen(entropy):
    found = collapsed(look([entropy, 4.0], passed=NONE), np.array([5.0, 5.0]), dim=2)
    assert found.tolist() == [True, False]


class TestEnd:
    def test_when_the_entropy_rises_no_more(self):
        config, passes = EPI(patience=2, tolerance=0.1), look([4.0, 4.0], passed=BOTH)
        assert why_end(course_of(config, passes, passes), config) == ""
        assert "stopped rising" in why_end(course_of(config, passes, passes, passes), config)
        rising = course_of(config, passes, passes, look([4.2, 4.0], passed=BOTH))
        assert why_end(rising, config) == ""

    def test_at_the_first_pass_of_all(self):
        config = EPI(raise_entropy=False)
        assert why_end(course_of(config, look([4.0, 4.0], passed=[True, False])), config) == ""
        assert "are met" in why_end(course_of(config, look([4.0, 4.0], passed=BOTH)), config)

    def test_at_the_limit(self):
        config = EPI(max_epochs=1)
        assert "limit of 1 epochs" in why_end(course_of(config, look([4.0, 4.0], passed=NONE)), config)


def test_a_course_survives_storage(tmp_path):
    course = course_of(EPI(), look([4.0, 4.0], passed=BOTH))
    save_course(tmp_path / "epi.npz", "me", course)
    loaded = load_course(tmp_path / "epi.npz", "me")
    assert loaded is not None
    np.testing.assert_array_equal(loaded.states.eta, course.states.eta)
    np.testing.assert_array_equal(loaded.best_parameters, course.best_parameters)
    assert {name: array.shape for name, array in loaded.log.items()} == {
        name: array.shape for name, array in course.log.items()
    }
    with pytest.raises(ValueError, match="other data or settings"):
        load_course(tmp_path / "epi.npz", "you")
