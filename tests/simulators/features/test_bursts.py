"""Bursts: the published rules, from whole spike trains and from first and last spikes of bins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulators.features.bursts import find_bursts


def as_pairs(bursts):
    kept = np.asarray(bursts.is_kept)
    return list(
        zip(np.asarray(bursts.start)[kept].tolist(), np.asarray(bursts.end)[kept].tolist(), strict=True)
    )


def literal(times, gap=150, shortest=50):
    """As the rule is told: a burst ends at a spike followed by a long interval, and at the last one."""
    ends = [i for i in range(len(times)) if i + 1 == len(times) or times[i + 1] - times[i] >= gap]
    starts = [0] + [i + 1 for i in ends[:-1]]
    return [(times[a], times[b]) for a, b in zip(starts, ends, strict=True) if times[b] - times[a] > shortest]


@pytest.mark.long
@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0.0, 100.0, 249.0, 399.0, 500.0], [(0.0, 249.0), (399.0, 500.0)]),  # 150 apart is apart
        ([0.0, 50.0, 300.0, 351.0], [(300.0, 351.0)]),  # 50 is not longer than 50
        ([10.0, 400.0, 800.0], []),
        ([7.0], []),
    ],
)
def test_the_rules(times, expected):
    assert as_pairs(find_bursts(jnp.array(times), jnp.array(times))) == expected


def random_train(seed):
    rng = np.random.default_rng(seed)
    intervals = rng.choice([5, 30, 80, 149, 150, 151, 400], size=200, p=[0.4, 0.2, 0.1, 0.1, 0.05, 0.05, 0.1])
    return np.cumsum(intervals).astype(float)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_bins_of_100_ms_give_the_same_bursts(seed):
    times = random_train(seed)
    bins = np.arange(int(times[-1] // 100) + 1)
    spikes = [times[(times >= 100 * i) & (times < 100 * (i + 1))] for i in bins]
    first = jnp.array([s[0] if len(s) else np.nan for s in spikes])
    last = jnp.array([s[-1] if len(s) else np.nan for s in spikes])
    find = jax.jit(find_bursts)
    assert as_pairs(find(times, times)) == as_pairs(find(first, last)) == literal(times)


def test_no_spike_is_no_burst():
    nothing = jnp.full(5, jnp.nan)
    assert as_pairs(find_bursts(nothing, nothing)) == []
