"""The Lagrangian against closed forms, the convergence test, and how multipliers follow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from inference.estimators import EstimatorSpec, make_estimator
from inference.estimators.mixing import MixingSpec
from inference.methods.emergent.epoch import LEVEL, NUM_SETS, Pace, Program, SeedState, Sizes, two_sided
from inference.methods.emergent.objective import Batch, Multipliers, Targets, lagrangian
from simulators import Prior

MEAN, SD = 0.5, 0.8
TARGETS = Targets(np.array([MEAN], np.float32), np.array([SD], np.float32))
ETA, WEIGHT = jnp.array([0.3, -0.2]), jnp.array([2.0, 5.0])


def value(shift, key, num, share):
    """The Lagrangian of z = shift + N(0, 1) with f(z) = z, whose entropy does not depend on the shift."""
    z = shift + jax.random.normal(key, (num, 1))
    there = dist.Normal(shift).log_prob(jax.lax.stop_gradient(z[:, 0]))
    x = z if share < 1 else jax.lax.stop_gradient(z)
    return lagrangian(Batch(z, jnp.zeros(num), x, there), TARGETS, Multipliers(ETA, WEIGHT), share)[0]


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_gradient_is_unbiased(key, share):
    """E[T] = (a - mu, (a - mu)^2 + 1 - sd^2), so the gradient is known; batches of four show any bias.

    Five standard errors: one false alarm in two million, for each share of the score.
    """
    shift, num = 1.1, 60_000
    keys = jax.random.split(key, num)
    gradients = jax.vmap(lambda key: jax.grad(value)(shift, key, 4, share))(keys)
    off = shift - MEAN
    violation, slope = np.array([off, off**2 + 1 - SD**2]), np.array([1.0, 2 * off])
    exact = (np.asarray(ETA) * slope).sum() + (np.asarray(WEIGHT) * violation * slope).sum()
    assert np.asarray(gradients).mean() == pytest.approx(exact, abs=5 * float(gradients.std()) / num**0.5)
    if share == 0:  # the plug-in estimate, with one batch for both factors, would be off by more than that
        bias = (np.asarray(WEIGHT) * np.array([0.0, 4 * off])).sum() / 4
        assert bias > 10 * float(gradients.std()) / num**0.5


def test_the_convergence_test_raises_no_false_alarm(key):
    """Means of sets that are centred on the target: with m = 4 nothing is ever rejected."""
    means = jax.random.normal(key, (500, NUM_SETS, 4))
    assert (jax.vmap(two_sided)(means) > LEVEL / 4).all(axis=1).mean() > 0.995


@pytest.mark.parametrize(("shift", "passes"), [(1.0, True), (3.5, False)])
def test_the_convergence_test_sees_a_shift(key, shift, passes):
    """In standard errors of a set's mean."""
    means = shift + jax.random.normal(key, (200, NUM_SETS, 1))
    assert ((jax.vmap(two_sided)(means) > LEVEL).mean() > 0.99) == passes


def make_program():
    prior = Prior({"z": dist.Uniform(-4.0, 4.0)})
    spec = EstimatorSpec("emergent", 1, 1, num_layers=1, width=4, depth=1, mixing=MixingSpec())
    flow = make_estimator(jax.random.key(0), spec)
    return Program(flow, prior, lambda key, theta: theta, TARGETS, Sizes(40, 40, 40, 5), 0.15)


def test_multipliers_follow_the_violation():
    """Without a step of the flow eta rises by the sum of rate R / scale^2, with about the R of a look."""
    program = make_program()
    scale = jnp.array([2.0, 4.0])
    state = SeedState(program.flow.vector, jnp.zeros(2), jnp.float32(3.0), scale)
    pace = Pace(jnp.int32(50), *map(jnp.float32, (0.0, 1.0, 0.1, 0.0, 0.5)))
    after, look = jax.jit(program.epoch)(jax.random.key(1), state, pace)
    np.testing.assert_array_equal(after.parameters, state.parameters)
    stepwise = 50 * 0.1 * look.violation / scale**2
    once = 0.5 * 3.0 * look.violation / scale**2
    error = 5 * 0.1 * 50**0.5 * look.spread / 40**0.5 / scale**2  # of the batches in the epoch
    assert (np.abs(after.eta - stepwise - once) < error).all()
    assert look.num_skipped == 0


def test_stray_draws_move_multipliers_by_no_more_than_one_unit():
    program = make_program()
    state = SeedState(program.flow.vector, jnp.zeros(2), jnp.float32(3.0), jnp.full(2, 1e-3))
    pace = Pace(jnp.int32(0), *map(jnp.float32, (0.0, 1.0, 0.0, 0.0, 0.5)))
    after, look = jax.jit(program.epoch)(jax.random.key(1), state, pace)
    np.testing.assert_allclose(after.eta, 0.5 * 3.0 * np.sign(look.violation) / 1e-3, rtol=1e-5)


def test_a_look_knows_the_entropy(key):
    """Of the flow before training: by a grid over its density."""
    program = make_program()
    state = SeedState(program.flow.vector, jnp.zeros(2), jnp.float32(1.0), jnp.ones(2))
    look = jax.jit(program.look)(key, state)
    grid = np.linspace(-4, 4, 4001)[1:-1].astype(np.float32)[:, None]
    u = program.prior.to_unconstrained(grid)
    log_q = jax.vmap(lambda row: program.flow.log_prob(row, jnp.zeros(1)))(u)
    log_q = np.asarray(log_q - program.prior.log_abs_det_jacobian(u), float)
    width = 8 / 4000
    assert (np.exp(log_q) * width).sum() == pytest.approx(1.0, abs=2e-3)
    assert look.entropy == pytest.approx(-(np.exp(log_q) * log_q * width).sum(), abs=0.05)
