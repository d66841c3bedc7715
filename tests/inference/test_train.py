"""The trainer: compiled once, resumable to the bit, and sound when the numbers are not."""

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from inference.cycles import Course, begin_cycle, end_epoch
from inference.embeddings.encoder import make_encoder
from inference.epoch import bucket_size, initial_state, pad_rows
from inference.estimators import DensityEstimator, EstimatorSpec
from inference.estimators.ensemble import join, split, stack
from inference.objectives import EnsembleLoss, make_rows, negative_log_prob
from inference.progress import Stopped
from inference.scaling import ParameterScaling, identity_scaling
from inference.train import TrainConfig, TrainingProblem, compile_ahead, fit, split_rows

SPEC = EstimatorSpec("linear", 2, 2)
SHORT = TrainConfig(batch_size=32, learning_rate=0.05, max_epochs=9)


class Linear(DensityEstimator):
    """u = W x + b plus noise; what it takes to train is tested on it because it compiles in no time."""

    spec: EstimatorSpec = eqx.field(static=True)
    parameter_scaling: ParameterScaling
    encoder: Callable[[Array], Array]
    slope: Float[Array, "dim num_features"]
    shift: Float[Array, " dim"]
    log_sd: Float[Array, " dim"]

    def log_prob_given(self, u, h):
        z = (u - self.slope @ h[:2] - self.shift) / jnp.exp(self.log_sd)
        return jax.scipy.stats.norm.logpdf(z).sum() - self.log_sd.sum()

    def sample_given(self, key, h):
        return self.slope @ h[:2] + self.shift + jnp.exp(self.log_sd) * jax.random.normal(key, (2,))

    log_prob_heavy, sample_heavy = log_prob_given, sample_given


def linear():
    parameters, features = identity_scaling(2, 2)
    encoder = make_encoder(np.random.default_rng(0), SPEC, features)
    return Linear(SPEC, parameters, encoder, jnp.zeros((2, 2)), jnp.zeros(2), jnp.ones(2))


def rows(num, seed=0):
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(num, 2)).astype(np.float32)
    x = (u + 0.3 * rng.normal(size=(num, 2))).astype(np.float32)
    return make_rows(u, x)


def problem(num=300, objective=negative_log_prob):
    return TrainingProblem(linear(), rows(num), rows(60, seed=1), objective)


def weights(estimator):
    return np.asarray(initial_state(estimator).parameters)


@pytest.mark.long
def test_training_learns_and_keeps_the_best_weights():
    task = problem()
    estimator, record = fit(jax.random.key(1), task, SHORT)
    losses = negative_log_prob(jax.random.key(0), estimator, task.validation)
    assert float(losses.mean()) == pytest.approx(record.validation_loss.min(), abs=1e-4)
    assert record.validation_loss.min() < record.validation_loss[0] - 0.3
    assert record.best_epoch == record.validation_loss.argmin()
    assert len(record.train_loss) == 9
    assert record.stop_reason == "The limit of 9 epochs was reached."


def test_interrupted_at_half_and_resumed_gives_the_same_weights_as_no_interrupt(tmp_path):
    whole, whole_record = fit(jax.random.key(1), problem(), SHORT)

    def stop_at_half(event):
        if event.done == 4:
            raise Stopped

    with pytest.raises(Stopped):
        fit(jax.random.key(1), problem(), SHORT, on_progress=stop_at_half, checkpoint=tmp_path / "fit.npz")
    events = []
    resumed, record = fit(
        jax.random.key(1), problem(), SHORT, on_progress=events.append, checkpoint=tmp_path / "fit.npz"
    )
    np.testing.assert_array_equal(weights(resumed), weights(whole))
    np.testing.assert_array_equal(record.validation_loss, whole_record.validation_loss)
    assert min(event.done for event in events if event.values) >= 4
    finished, _ = fit(jax.random.key(1), problem(), SHORT, checkpoint=tmp_path / "fit.npz")
    np.testing.assert_array_equal(weights(finished), weights(whole))


def test_same_key_same_weights_another_key_others():
    first, again, other = (fit(jax.random.key(seed), problem(), SHORT)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(weights(first), weights(again))
    assert not np.array_equal(weights(first), weights(other))


def test_a_checkpoint_of_other_work_is_refused(tmp_path):
    path = tmp_path / "fit.npz"
    fit(jax.random.key(1), problem(), TrainConfig(batch_size=32, max_epochs=1), checkpoint=path)
    with pytest.raises(ValueError, match="belongs to other data or settings"):
        fit(jax.random.key(2), problem(), TrainConfig(batch_size=32, max_epochs=1), checkpoint=path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="damaged"):
        fit(jax.random.key(1), problem(), TrainConfig(batch_size=32, max_epochs=1), checkpoint=path)


def test_an_epoch_is_compiled_once_for_all_epochs_and_all_sizes_of_a_bucket():
    traces = []

    def counted(key, estimator, rows):
        traces.append(len(rows.weight))
        return negative_log_prob(key, estimator, rows)

    fit(jax.random.key(1), problem(300, counted), SHORT)
    once = len(traces)
    fit(jax.random.key(1), problem(317, counted), SHORT)
    assert bucket_size(300) == bucket_size(317) == 320
    assert len(traces) == once


def test_what_was_compiled_ahead_is_not_compiled_again():
    traces = []

    def counted(key, estimator, rows):
        traces.append(len(rows.weight))
        return negative_log_prob(key, estimator, rows)

    compile_ahead(linear(), (305, 57), SHORT, counted)
    once = len(traces)
    assert once
    fit(jax.random.key(1), problem(300, counted), SHORT)
    assert len(traces) == once


def test_steps_that_are_not_finite_are_skipped_and_counted():
    def poisoned(key, estimator, rows):
        losses = negative_log_prob(key, estimator, rows)
        return jnp.where((rows.u[:, 0] > 2.2) & (len(rows.weight) == 32), jnp.nan, losses)

    task = problem(300, poisoned)
    assert 0 < int((task.training.u[:, 0] > 2.2).sum()) < 9
    estimator, record = fit(jax.random.key(1), task, SHORT)
    assert 0 < record.num_skipped < 9 * 9
    assert np.isfinite(weights(estimator)).all()
    assert record.validation_loss.min() < record.validation_loss[0]


def test_training_that_never_becomes_finite_says_so():
    def hopeless(key, estimator, rows):
        return jnp.nan * negative_log_prob(key, estimator, rows)

    with pytest.raises(ValueError, match="no finite held-out loss"):
        fit(jax.random.key(1), problem(300, hopeless), SHORT)


@pytest.mark.long
def test_rows_of_weight_zero_do_not_count():
    task, config = problem(), TrainConfig(batch_size=300, max_epochs=2)
    spoilt = task.training._replace(
        u=task.training.u.at[::2].set(1e6), weight=task.training.weight.at[::2].set(0.0)
    )
    clean = task.training._replace(weight=task.training.weight.at[::2].set(0.0))
    results = [fit(jax.random.key(1), task._replace(training=part), config)[0] for part in (spoilt, clean)]
    np.testing.assert_array_equal(weights(results[0]), weights(results[1]))


def test_progress_is_reported_after_each_epoch():
    events = []
    fit(jax.random.key(1), problem(), SHORT, on_progress=events.append)
    done = [event.done for event in events if event.values]
    assert sorted(set(done)) == list(range(1, 10))
    assert all(event.stage == "train" and event.done <= event.total for event in events)
    assert set(events[-1].values) == {"train_loss", "validation_loss"}


def course_of(losses, *, per_cycle, gap=0.0, config=None):
    """The course after epochs with these held-out losses."""
    config = config or TrainConfig()
    course = Course((initial_state(linear()),))
    for loss in losses:
        if course.is_cycle_complete and not course.stop_reason:
            course = begin_cycle(course, config, per_cycle, 1_000)
        (state,) = course.states
        best = min(loss, course.best_loss)
        course = course._replace(states=(state._replace(best_loss=jnp.float32(best)),))
        course = end_epoch(course, (loss - gap, loss, 0.0), config, per_cycle)
    return course


def make_ensemble(num):
    """Members that begin at different slopes."""
    members = [
        eqx.tree_at(lambda m: m.slope, linear(), jnp.full((2, 2), 0.1 * i, jnp.float32)) for i in range(num)
    ]
    return stack(members, replace(SPEC, num_members=num))


@pytest.mark.long
def test_an_ensemble_is_trained_in_two_lanes():
    objective = EnsembleLoss(negative_log_prob)
    validation = rows(60, seed=1)
    trained, record = fit(
        jax.random.key(3), TrainingProblem(make_ensemble(4), rows(300), validation, objective), SHORT
    )
    slopes = np.asarray(trained.members.slope)
    assert slopes.shape == (4, 2, 2)
    assert len({slope.tobytes() for slope in slopes}) == 4
    losses = [float(objective(jax.random.key(0), half, validation).mean()) for half in split(trained, 2)]
    # Each lane keeps its own best weights: together at least as good as at the end of any one epoch.
    assert np.mean(losses) <= record.validation_loss.min() + 1e-5
    assert np.mean(losses) < record.validation_loss[0] - 0.1


@pytest.mark.parametrize("num", [1, 2, 4])
def test_shares_of_an_ensemble_join_again(num):
    ensemble = make_ensemble(4)
    joined = join(list(split(ensemble, num)))
    assert eqx.tree_equal(joined, ensemble)
    with pytest.raises(ValueError, match="4 members cannot be divided into 3 equal shares"):
        split(ensemble, 3)


class TestCycles:
    def test_each_is_twice_as_long_and_freer_while_the_loss_falls(self):
        course = course_of(np.linspace(0.0, -10.0, 35), per_cycle=10)
        cycles = [entry.cycle for entry in course.log]
        assert [cycles.count(i) for i in range(3)] == [5, 10, 20]
        assert not course.stop_reason
        assert float(course.states[0].schedule.decay) <= 0.1

    def test_no_further_one_follows_when_the_loss_has_settled(self):
        course = course_of([*np.linspace(0.0, -1.0, 5), *np.full(10, -1.01)], per_cycle=10)
        assert course.stop_reason == "The held-out loss has stopped improving."

    def test_nor_when_it_mostly_learns_by_heart(self):
        losses = [*np.linspace(0.0, -1.0, 5), *np.linspace(-1.0, -1.2, 10)]
        assert not course_of(losses, per_cycle=10, gap=0.1).stop_reason
        assert course_of(losses, per_cycle=10, gap=1.0).stop_reason

    def test_nor_when_gains_shrink_so_that_the_next_would_not_pay(self):
        """Cycles of 5, 10, 20, 40 and 80 epochs; the last gained 0.04, the one before ten times as much."""
        levels = np.repeat([0.0, -1.0, -1.5, -1.9], [5, 10, 20, 40])
        shrunk = course_of([*levels, *np.linspace(-1.9, -1.94, 80)], per_cycle=10)
        assert shrunk.gain == pytest.approx(0.04, abs=1e-5)
        assert shrunk.expected_gain == pytest.approx(0.004, abs=1e-5)
        assert shrunk.stop_reason
        steady = course_of([*levels, *np.linspace(-1.9, -2.3, 80)], per_cycle=10)
        assert steady.expected_gain == pytest.approx(0.4, abs=1e-5)
        assert not steady.stop_reason

    def test_patience_ends_one_early(self):
        losses = [*np.linspace(0.0, -1.0, 5), -2.0, -1.9, -1.9, -1.9, -1.9, -2.0, -1.9, -1.9]
        config = TrainConfig(patience=2)
        assert not course_of(losses[:-1], per_cycle=10, config=config).is_cycle_complete
        assert course_of(losses, per_cycle=10, config=config).is_cycle_complete

    def test_many_simulations_mean_few_epochs(self):
        course = course_of([0.0, -1.0], per_cycle=450)
        assert [entry.cycle for entry in course.log] == [0, 1]

    def test_nan_losses_end_it(self):
        assert course_of(np.full(5, np.nan), per_cycle=10).stop_reason


@pytest.mark.parametrize(("num", "size"), [(1, 4), (4, 4), (5, 5), (9, 10), (100, 112), (9_000, 10_240)])
def test_buckets_waste_little(num, size):
    assert bucket_size(num) == size
    padded = pad_rows(rows(num))
    assert len(padded.weight) == size
    assert float(padded.weight.sum()) == num


def test_split_is_random_disjoint_and_complete():
    training, validation = split_rows(jax.random.key(0), 1000, 0.1)
    assert len(validation) == 100
    assert sorted(np.concatenate([training, validation])) == list(range(1000))
    assert not np.array_equal(np.sort(validation), np.arange(100))
    with pytest.raises(ValueError, match="at least 100 usable simulations; got 99"):
        split_rows(jax.random.key(0), 99, 0.1)


def test_scalings_are_not_trained():
    task = problem()
    estimator, _ = fit(jax.random.key(1), task, TrainConfig(batch_size=32, max_epochs=2))
    assert eqx.tree_equal(estimator.parameter_scaling, task.estimator.parameter_scaling)
    assert eqx.tree_equal(estimator.encoder, task.estimator.encoder)
