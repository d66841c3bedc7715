"""Proposals draw what they say, with bounded work."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from inference import gaussians, proposals
from inference.estimators import EstimatorSpec, make_estimator
from inference.proposals import (
    EstimatedPosterior,
    TiltedPrior,
    TruncatedPrior,
    highest_density_region,
    log_prob_rows,
    screened,
    tilt_towards,
)
from inference.scaling import ParameterScaling, identity_scaling
from simulators import Prior

PRIOR = Prior({"a": dist.Normal(0.0, 1.0).expand([2]).to_event(1)})
X_O = np.zeros(1, np.float32)


@pytest.fixture(scope="module")
def narrow():
    """Untrained, so nearly a Gaussian, here of mean 0.5 and standard deviation 0.2."""
    scaling = ParameterScaling(jnp.full(2, 0.5), jnp.full(2, 0.2))
    features = identity_scaling(2, 1)[1]
    spec = EstimatorSpec("maf", 2, 1, num_layers=1, width=8)
    return make_estimator(jax.random.key(0), spec, scalings=(scaling, features))


@pytest.mark.long
def test_a_truncated_prior_is_the_prior_within_the_region(narrow):
    """Draws against the prior's own draws in the region: mean and sd within 5 standard errors (1e-6)."""
    region = highest_density_region(jax.random.key(1), narrow, X_O, outside=0.01)
    truncated = TruncatedPrior(PRIOR, (region,))
    draws = truncated.draw(jax.random.key(2), 2_000)
    assert draws.is_exact
    assert truncated.contains(draws.u).all()
    prior = np.asarray(PRIOR.sample(jax.random.key(3), 200_000))
    inside = prior[region.contains(prior)]
    assert abs(draws.acceptance - len(inside) / len(prior)) < 0.01
    error = inside.std(0) / np.sqrt(2_000)
    assert (np.abs(draws.u.mean(0) - inside.mean(0)) < 5 * error).all()
    assert (np.abs(draws.u.std(0) - inside.std(0)) < 5 * error).all()


@pytest.mark.long
def test_where_rejection_would_take_too_long_candidates_are_weighted(narrow, monkeypatch):
    """The same law within 10 standard errors; weighted draws are not quite independent."""
    region = highest_density_region(jax.random.key(1), narrow, X_O, outside=0.01)
    exact = TruncatedPrior(PRIOR, (region,)).draw(jax.random.key(2), 2_000).u
    monkeypatch.setattr(proposals, "MAX_CANDIDATES", 0)  # looked at by rejection
    monkeypatch.setattr(proposals, "MAX_WEIGHTED", 60_000)
    draws = TruncatedPrior(PRIOR, (region,)).draw(jax.random.key(4), 2_000)
    assert not draws.is_exact
    assert region.contains(draws.u).all()
    error = exact.std(0) / np.sqrt(2_000)
    assert (np.abs(draws.u.mean(0) - exact.mean(0)) < 10 * error).all()


@pytest.mark.long
def test_a_tilted_prior_has_the_moments_of_its_target():
    """Normal prior times the tilt towards N(0.5, 0.2) is that Gaussian; moments within 5 standard errors."""
    target = gaussians.fit_gaussian(
        0.5 + 0.2 * jnp.asarray(np.random.default_rng(0).normal(size=(5_000, 2)), jnp.float32)
    )
    tilt = tilt_towards(target, np.random.default_rng(1).normal(size=(20_000, 2)).astype(np.float32))
    draws = TiltedPrior(PRIOR, tilt, target).draw(jax.random.key(0), 2_000)
    assert draws.acceptance > 0.5
    assert (np.abs(draws.u.mean(0) - 0.5) < 5 * 0.2 / np.sqrt(2_000) + 0.01).all()
    assert (np.abs(draws.u.std(0) / 0.2 - 1) < 0.1).all()


@pytest.mark.long
def test_a_heavy_tailed_proposal_has_its_density(narrow):
    """The mean of prior over proposal is one; its standard error here is below 0.03."""
    proposal = EstimatedPosterior(PRIOR, narrow, X_O, 0.2, is_heavy=True)
    u = proposal.draw(jax.random.key(0), 20_000).u
    ratio = np.exp(np.asarray(PRIOR.log_prob(u)) - proposal.log_prob(u))
    assert ratio.max() <= 1 / 0.2 + 1e-3  # bounded by the share from the prior
    assert abs(ratio.mean() - 1) < 0.1
    light = log_prob_rows(narrow, X_O, np.full((1, 2), 3.0, np.float32))
    assert proposal.log_prob(np.full((1, 2), 3.0, np.float32)) > light + 5


@pytest.mark.long
def test_a_screen_that_lets_nothing_pass_says_so(narrow):
    proposal = EstimatedPosterior(PRIOR, narrow, X_O)
    half = screened(proposal, lambda key, u: np.arange(len(u)) % 2 == 0, jax.random.key(0), 100)
    assert half.u.shape == (100, 2)
    assert abs(half.screened - 0.5) < 0.01
    with pytest.raises(ValueError, match="the posterior estimate lies where simulations fail"):
        screened(proposal, lambda key, u: np.zeros(len(u), bool), jax.random.key(0), 100)
