"""Bernoulli GLM: a neuron that filters a white-noise stimulus and spikes or not, bin by bin.

    psi_t = b + sum_k f_k v_(t-k),  k = 0 ... 8,  v_t = 0 before the start
    z_t ~ Bernoulli(1 / (1 + exp(-psi_t)))

The stimulus v ~ N(0, 1) is the same in all simulations. The features are the spike count and the
spike-triggered sums of the stimulus, sum_t z_t v_(t-k): exact sufficient statistics. (Goncalves et al. 2020
describe the spike-triggered average; their code has the sum, which is defined without spikes too.)

Prior: b ~ N(0, 2) and f ~ N(0, (F'F)^-1) with F = D D + diag(sqrt(k / 9)), D the first difference: second
differences are punished, and late lags on top (Lueckmann et al. 2017, figure 2C-F; Goncalves et al. 2020,
eLife 9:e56261, figure 2a-d).
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist
from numpyro.distributions.transforms import LowerCholeskyAffine

from simulators.base import Observed, RecordingAxes, Simulator, Theta
from simulators.prior import Prior

NUM_LAGS = 9
BIAS_VARIANCE = 2.0
LAGS = np.arange(1, NUM_LAGS + 1)
TRUE_THETA = np.append(-2.0, LAGS**3 * np.exp(-LAGS))


def smoothness_matrix() -> Float[np.ndarray, "9 9"]:
    """F of the prior: second differences with a diagonal that grows with the lag."""
    first_difference = np.eye(NUM_LAGS) - np.eye(NUM_LAGS, k=-1)
    return first_difference @ first_difference + np.diag(np.sqrt(np.arange(NUM_LAGS) / NUM_LAGS))


def prior_precision() -> Float[np.ndarray, "10 10"]:
    """Precision matrix of the prior of (b, f[0], ..., f[8])."""
    precision = np.zeros((NUM_LAGS + 1, NUM_LAGS + 1))
    precision[0, 0] = 1.0 / BIAS_VARIANCE
    precision[1:, 1:] = smoothness_matrix().T @ smoothness_matrix()
    return precision


def make_prior() -> Prior:
    """The smoothness prior."""
    root = np.linalg.cholesky(np.linalg.inv(prior_precision()[1:, 1:])).astype(np.float32)
    # As MultivariateNormal, which would make device arrays on import.
    white = dist.Normal(0.0, 1.0).expand([NUM_LAGS]).to_event(1)
    colour = LowerCholeskyAffine(np.zeros(NUM_LAGS, np.float32), root)
    filter_prior = dist.TransformedDistribution(white, colour)
    return Prior(
        {"b": dist.Normal(0.0, BIAS_VARIANCE**0.5), "f": filter_prior}, labels={"b": "$b$", "f": "$f$"}
    )


def design_matrix(stimulus: Float[np.ndarray, " num_bins"]) -> Float[np.ndarray, "num_bins 10"]:
    """Rows (1, v_t, v_(t-1), ..., v_(t-8)), zero before the start: psi is this times (b, f)."""
    padded = np.concatenate([np.zeros(NUM_LAGS - 1), np.asarray(stimulus, np.float64)])
    lagged = np.lib.stride_tricks.sliding_window_view(padded, NUM_LAGS)[:, ::-1]
    return np.concatenate([np.ones((len(lagged), 1)), lagged], axis=1)


def simulate(
    key: Key[Array, ""], theta: Theta, design: Float[np.ndarray, "num_bins 10"]
) -> Float[Array, " num_bins"]:
    """Spikes: one or zero per bin."""
    spikes = jax.random.bernoulli(key, jax.nn.sigmoid(_drive(theta, design)))
    return spikes.astype(jnp.float32)


def features(spikes: Float[Array, " num_bins"], design: Float[np.ndarray, "num_bins 10"]) -> dict[str, Array]:
    """Spike count, and the stimulus summed over spikes at each lag."""
    sums = jnp.asarray(spikes) @ jnp.asarray(design, jnp.float32)
    return {"spike_count": sums[0], "spike_triggered_sum": sums[1:]}


def log_likelihood(
    theta: Theta, x: Float[Array, "10"], design: Float[np.ndarray, "num_bins 10"]
) -> Float[Array, ""]:
    """Log probability of the spikes that have these sums.

    With a generic stimulus no two spike trains have the same sums, so this is that of x.
    """
    row = jnp.append(theta["b"], theta["f"])
    return row @ x - jax.nn.softplus(_drive(theta, design)).sum()


def make_bernoulli_glm(
    num_bins: int = 100, *, seed: int = 42, stimulus: Float[np.ndarray, " num_bins"] | None = None
) -> Simulator:
    """The model with a stimulus of that many bins.

    Args:
        num_bins: T, at least 9.
        seed: of stimulus and observed spikes. 42 with 100 bins gives those of Goncalves et al. 2020.
        stimulus: used in place of the drawn one, shape (T,).

    Raises:
        ValueError: there are fewer bins than lags.
    """
    # Published with NumPy's legacy generator: the seed's first integer seeds the stimulus, and the spikes
    # are made from the uniforms that follow.
    random = np.random.RandomState(seed)  # noqa: NPY002
    stimulus_random = np.random.RandomState(random.randint(0, 2**31, dtype=np.int64))  # noqa: NPY002
    stimulus = stimulus_random.randn(num_bins) if stimulus is None else np.asarray(stimulus, np.float64)
    if len(stimulus) < NUM_LAGS:
        raise ValueError(f"The filter has {NUM_LAGS} lags, so at least as many bins; got {len(stimulus)}.")
    design = design_matrix(stimulus)
    chance = 1.0 / (1.0 + np.exp(-design @ TRUE_THETA))
    spikes = (random.rand(len(stimulus)) < chance).astype(np.float32)
    observed = Observed(
        (spikes @ design).astype(np.float32),
        TRUE_THETA.astype(np.float32),
        spikes,
        f"{len(stimulus)} bins, {int(spikes.sum())} spikes",
    )
    return Simulator(
        "bernoulli_glm",
        make_prior(),
        partial(simulate, design=design),
        partial(features, design=design),
        feature_labels={"spike_count": "spike count"}
        | {f"spike_triggered_sum[{k}]": f"spike-triggered sum, lag {k}" for k in range(NUM_LAGS)},
        log_likelihood=partial(log_likelihood, design=design),
        logistic_design=design,
        differentiable=False,  # spikes are ones and zeros
        axes=RecordingAxes(
            np.arange(len(stimulus), dtype=float),
            "spikes",
            "",
            time_unit="bins",
            stimulus=stimulus,
            stimulus_name="stimulus",
        ),
        true_theta=TRUE_THETA.astype(np.float32),
        observed=observed,
        title="Bernoulli GLM",
        summary="A linear filter of white noise that spikes or not: which filters explain the spikes? "
        "Sampled exactly by MCMC, so a yardstick in ten dimensions.",
        source="Lueckmann et al. 2017, NeurIPS, figure 2C-F; Goncalves et al. 2020, eLife 9:e56261, figure 2",
    )


def _drive(theta: Theta, design: Float[np.ndarray, "num_bins 10"]) -> Float[Array, " num_bins"]:
    return jnp.asarray(design, jnp.float32) @ jnp.append(theta["b"], theta["f"])


bernoulli_glm = make_bernoulli_glm()
