"""Which simulations will fail: a classifier that spares later rounds from simulating them."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key, Shaped

from inference.networks import Network, make_network

WIDTH = 32
MIN_OF_EACH = 20  # failed and sound simulations, to learn from
MIN_SHARE = 0.005  # of failures; below it screening saves nothing
NUM_ERRORS = 3  # standard errors by which the classifier has to beat the base rate
MAX_HELD_OUT = 2048
HIGHEST_LOGIT = 7.0  # one proposal in a thousand is simulated whatever the classifier says
LEARNING_RATE = 5e-3
BATCH_SIZE = 256
STEPS_PER_LOOK = 50
MAX_LOOKS = 60
PATIENCE = 8  # looks at the held-out loss without a lower one
SMALLEST_BUCKET = 1024

Points = Float[Array | np.ndarray, "n dim"]


class ScreenQuality(NamedTuple):
    """How well failures are foreseen, on held-out rows; NaN where nothing was trained.

    The same rows chose when to stop training, so that the figures are slightly too good.

    Attributes:
        share_failed: of all rows.
        log_loss: mean over the held-out rows, in nats.
        base_log_loss: the same for the share of failures among the training rows, known without a classifier.
        auc: probability that a failed row ranks above a sound one.
    """

    share_failed: Float[Array, ""]
    log_loss: Float[Array, ""]
    base_log_loss: Float[Array, ""]
    auc: Float[Array, ""]


class Screen(eqx.Module):
    """g(u), the probability that a simulation at u fails.

    Proposals kept with probability 1 - g make the prior p(theta) (1 - g(theta)), up to a constant: the
    posterior then is the one under that modified prior.

    Reference: Lueckmann et al. 2017, section 2.3 (arXiv:1711.01861).

    Attributes:
        network: scaled u -> logit.
        location, scale: of u.
        is_active: if not, g is 0 everywhere. See `fit_screen` for when.
        quality: on held-out rows.
    """

    network: Network
    location: Float[Array, " dim"]
    scale: Float[Array, " dim"]
    is_active: Bool[Array, ""]
    quality: ScreenQuality

    @eqx.filter_jit
    def probability_of_failure(self, u: Points) -> Float[Array, " n"]:
        """The probability g at each row of unconstrained parameters."""
        return jnp.where(self.is_active, jax.nn.sigmoid(self._logit(u)), 0.0)

    @eqx.filter_jit
    def log_prior_change(self, u: Points) -> Float[Array, " n"]:
        """log(1 - g), to be added to the log prior density; at least -7, not normalised."""
        return jnp.where(self.is_active, jax.nn.log_sigmoid(-self._logit(u)), 0.0)

    def _logit(self, u):
        logit = jax.vmap(self.network)((u - self.location) / self.scale)[:, 0]
        return jnp.minimum(logit, HIGHEST_LOGIT)


def accept(key: Key[Array, ""], screen: Screen, u: Points) -> Bool[Array, " n"]:
    """Which proposals to simulate: each with probability 1 - g."""
    return jax.random.uniform(key, (u.shape[0],)) >= screen.probability_of_failure(u)


def no_screen(dim: int) -> Screen:
    """The screen that lets everything pass; also the shape of every other one, for reading weights."""
    nothing = ScreenQuality(*(jnp.asarray(np.float32(np.nan)) for _ in ScreenQuality._fields))
    location, scale = (jnp.asarray(f(dim), jnp.float32) for f in (np.zeros, np.ones))
    network = _network(np.random.default_rng(0), dim)
    return Screen(network, location, scale, jnp.asarray(np.bool_(0)), nothing)


def fit_screen(key: Key[Array, ""], u: Points, is_valid: Bool[Array | np.ndarray, " n"]) -> Screen:
    """Learn from all simulations so far where they fail; compiled anew when the rows have quadrupled.

    The screen is active only if at least 20 rows failed and 20 did not, at least 0.5 % failed, and its log
    loss on held-out rows is below that of the base rate by more than three standard errors. Otherwise there
    is nothing to learn, or nothing to save.

    Args:
        key: decides weights, held-out rows and batches.
        u: unconstrained parameters of every simulation, failed ones included.
        is_valid: which succeeded.
    """
    rows, failed = np.asarray(u, np.float32), ~np.asarray(is_valid)
    num, num_failed = len(failed), int(failed.sum())
    screen = no_screen(rows.shape[1])
    share = jnp.asarray(np.float32(num_failed / max(num, 1)))
    screen = eqx.tree_at(lambda s: s.quality.share_failed, screen, share)
    if min(num_failed, num - num_failed) < MIN_OF_EACH or num_failed < MIN_SHARE * num:
        return screen
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel().tolist())
    order, num_held_out = rng.permutation(num), min(num // 5, MAX_HELD_OUT)
    held_out, training = order[:num_held_out], order[num_held_out:]
    location, scale = rows[training].mean(0), rows[training].std(0)
    scale = np.where(scale > 0, scale, 1.0)
    scaled = (rows - location) / scale
    sets = [_padded(scaled[chosen], failed[chosen], size) for chosen, size in _buckets(training, held_out)]
    network = _train(key, _network(rng, rows.shape[1]), *sets)
    screen = eqx.tree_at(
        lambda s: (s.network, s.location, s.scale, s.is_active),
        screen,
        (network, jnp.asarray(location), jnp.asarray(scale, jnp.float32), jnp.asarray(np.bool_(1))),
    )
    quality, is_better = _assess(screen, rows[held_out], failed[held_out], failed[training].mean())
    quality = quality._replace(share_failed=share)
    return eqx.tree_at(lambda s: (s.quality, s.is_active), screen, (quality, jnp.asarray(is_better)))


def _network(rng: np.random.Generator, dim: int) -> Network:
    return make_network(rng, (dim, WIDTH, WIDTH, 1), jax.nn.silu)


class _Labelled(NamedTuple):
    u: Float[Array, "size dim"]
    failed: Bool[Array, " size"]
    num: Int[Array, ""]


def _buckets(training: np.ndarray, held_out: np.ndarray) -> tuple[tuple[np.ndarray, int], ...]:
    size = SMALLEST_BUCKET
    while size < len(training):
        size *= 4
    return (training, size), (held_out, MAX_HELD_OUT)


def _padded(u: np.ndarray, failed: np.ndarray, size: int) -> _Labelled:
    extra = size - len(u)
    arrays = np.pad(u, ((0, extra), (0, 0))), np.pad(failed, (0, extra))
    return _Labelled(
        jnp.asarray(arrays[0], jnp.float32), jnp.asarray(arrays[1]), jnp.asarray(np.int32(len(u)))
    )


@eqx.filter_jit
def _train(key: Key[Array, ""], network: Network, training: _Labelled, held_out: _Labelled) -> Network:
    """Adam on random batches, with looks at the held-out loss; the weights at its lowest."""
    optimiser = optax.adam(LEARNING_RATE)
    start, fixed = eqx.partition(network, eqx.is_inexact_array)
    weight = jnp.arange(held_out.failed.shape[0]) < held_out.num

    def losses(weights: Any, rows: _Labelled) -> Float[Array, " n"]:
        logits = jax.vmap(eqx.combine(weights, fixed))(rows.u)[:, 0]
        return optax.sigmoid_binary_cross_entropy(logits, rows.failed.astype(jnp.float32))

    def step(i, carry):
        weights, moments = carry
        picked = jax.random.randint(jax.random.fold_in(key, i), (BATCH_SIZE,), 0, training.num)
        batch = _Labelled(training.u[picked], training.failed[picked], training.num)
        gradient = jax.grad(lambda w: losses(w, batch).mean())(weights)
        updates, moments = optimiser.update(gradient, moments)
        return optax.apply_updates(weights, updates), moments

    def look(carry):
        weights, moments, best, lowest, num_looks, num_idle = carry
        first = num_looks * STEPS_PER_LOOK
        weights, moments = jax.lax.fori_loop(first, first + STEPS_PER_LOOK, step, (weights, moments))
        loss = jnp.where(weight, losses(weights, held_out), 0.0).sum() / held_out.num
        is_better = loss < lowest
        best = jax.tree.map(lambda new, old: jnp.where(is_better, new, old), weights, best)
        idle = jnp.where(is_better, 0, num_idle + 1)
        return weights, moments, best, jnp.where(is_better, loss, lowest), num_looks + 1, idle

    def goes_on(carry):
        return (carry[4] < MAX_LOOKS) & (carry[5] < PATIENCE)

    begin = (start, optimiser.init(start), start, jnp.float32(jnp.inf), jnp.int32(0), jnp.int32(0))
    return eqx.combine(jax.lax.while_loop(goes_on, look, begin)[2], fixed)


def _assess(
    screen: Screen, u: np.ndarray, failed: np.ndarray, base_rate: float
) -> tuple[ScreenQuality, Shaped[np.ndarray, ""]]:
    """Quality on held-out rows, and whether the gain over the base rate exceeds three standard errors."""
    g = np.asarray(screen.probability_of_failure(u), np.float64)
    g = np.clip(g, 1e-7, 1 - 1e-7)
    loss = -np.where(failed, np.log(g), np.log1p(-g))
    base = -np.where(failed, np.log(base_rate), np.log1p(-base_rate))
    num_failed, num_sound = failed.sum(), (~failed).sum()
    from scipy.stats import rankdata  # here: it takes half a second to import

    above = rankdata(g)[failed].sum() - num_failed * (num_failed + 1) / 2
    auc = above / (num_failed * num_sound) if num_failed and num_sound else np.nan
    numbers = (np.nan, loss.mean(), base.mean(), auc)
    gain = base - loss
    is_better = np.array(gain.mean() > NUM_ERRORS * gain.std() / np.sqrt(len(gain)))
    return ScreenQuality(*(jnp.asarray(np.float32(number)) for number in numbers)), is_better
