"""The integration schemes against closed forms and a plain loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators.integrate import exponential_euler, scan_blocks


def keep(nothing, _, block):
    return nothing, block


def emit_noise(state, forcing, noise):
    return state, noise


def test_exponential_euler_is_exact_for_constant_rates():
    x = jnp.float32(3.0)
    for _ in range(10):
        x = exponential_euler(x, jnp.float32(-1.0), jnp.float32(0.5), 0.2)
    assert float(x) == pytest.approx(-1 + 4 * np.exp(-0.5 * 2.0), rel=1e-6)


@pytest.mark.parametrize("block_length", [1, 7, 32, 100])
def test_blocks_follow_the_plain_loop(key, block_length):
    """Also when the last block is not full: 50 samples, outputs before each step."""
    forcing = np.linspace(-1, 1, 50)

    def step(x, drive, noise):
        return 0.9 * x + drive, x

    _, blocks = scan_blocks(key, step, jnp.float32(2.0), forcing, keep, (), block_length=block_length)
    expected = [2.0]
    for drive in forcing[:-1]:
        expected.append(0.9 * expected[-1] + drive)
    np.testing.assert_allclose(blocks.reshape(-1)[:50], expected, atol=1e-5)


def test_the_fold_sees_every_block_once_with_its_place(key):
    def fold(total, first, block):
        return total + block.sum(), first

    def count(state, forcing, noise):
        return state + 1, state

    total, firsts = scan_blocks(
        key, count, jnp.float32(0), np.zeros(30), fold, jnp.float32(0), block_length=10
    )
    assert float(total) == sum(range(30))
    assert firsts.tolist() == [0, 10, 20]


def test_noise_is_standard_normal_and_new_in_every_sample(key):
    """False-alarm rate 1e-6 + 6e-7 (Kolmogorov-Smirnov; lag-1 correlation beyond 5 sd)."""
    _, noise = scan_blocks(key, emit_noise, jnp.float32(0), np.zeros(20_000), keep, (), block_length=64)
    noise = np.asarray(noise).ravel()
    assert len(np.unique(noise)) > 0.99 * len(noise)  # a block that repeats another would halve this
    assert stats.kstest(noise, "norm").pvalue > 1e-6
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 5 / np.sqrt(len(noise))


def test_a_step_may_take_several_noises(key):
    """Three standard normals each, none of them twice."""

    def emit(state, forcing, noises):
        return state, jnp.stack(noises)

    start = jnp.float32(0)
    _, kept = scan_blocks(key, emit, start, np.zeros(4000), keep, (), block_length=25, num_noises=3)
    noise = np.asarray(kept)
    assert noise.shape == (160, 25, 3)
    assert len(np.unique(noise)) > 0.99 * noise.size
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-6


def test_noise_depends_on_the_key_and_not_on_what_is_kept(key):
    def run(key, fold, summary):
        return scan_blocks(key, emit_noise, jnp.float32(0), np.zeros(40), fold, summary, block_length=16)

    _, noise = run(key, keep, ())
    total, _ = run(key, lambda total, _, block: (total + block.sum(), None), jnp.float32(0))
    _, other = run(jax.random.fold_in(key, 1), keep, ())
    assert float(total) == pytest.approx(float(noise.sum()), abs=1e-4)
    assert not np.intersect1d(noise, other).size


@pytest.mark.long
def test_ornstein_uhlenbeck_has_its_stationary_moments(key):
    """dx = -x dt + sqrt(2) dW by exact steps: N(0, 1) with correlation exp(-lag). Beyond 5 sd: 1.2e-6."""
    dt, num = 0.1, 2000

    def step(x, _, noise):
        return x * np.exp(-dt) + np.sqrt(1 - np.exp(-2 * dt)) * noise, x

    keys = jax.random.split(key, num)
    _, x = jax.vmap(lambda k: scan_blocks(k, step, jnp.float32(0), np.zeros(100), keep, (), block_length=30))(
        keys
    )
    last, before = x.reshape(num, -1)[:, 99], x.reshape(num, -1)[:, 89]
    assert abs(float(last.var()) - 1) < 5 * np.sqrt(2 / num)
    assert abs(float((last * before).mean()) - np.exp(-1)) < 5 * np.sqrt((1 + np.exp(-2)) / num)
