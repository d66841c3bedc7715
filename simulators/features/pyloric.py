"""The 18 features of a triphasic rhythm of AB/PD, LP and PY, as in Goncalves et al. 2020 (eLife 9:e56261).

Feature 8 is the delay from AB/PD to PY, as in the published code and values, not from LP to PY as in the
text; the shortest plateau is 2.5 ms, not 5. All times in ms.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from simulators.features import rhythm
from simulators.features.bursts import GAP, SHORTEST, Bursts, find_bursts
from simulators.features.rhythm import Rhythm

NEURONS = ("ABPD", "LP", "PY")
UNITS = {
    "cycle_period": "ms",
    **{f"burst_length_{name}": "ms" for name in NEURONS},
    "end_to_start_ABPD_LP": "ms",
    "end_to_start_LP_PY": "ms",
    "start_to_start_ABPD_LP": "ms",
    "start_to_start_ABPD_PY": "ms",
    **{f"duty_cycle_{name}": "" for name in NEURONS},
    "phase_gap_ABPD_LP": "",
    "phase_gap_LP_PY": "",
    "phase_LP": "",
    "phase_PY": "",
    **{f"plateau_length_{name}": "ms" for name in NEURONS},
}
LABELS = {
    "cycle_period": "cycle period",
    "burst_length_ABPD": "burst, AB/PD",
    "burst_length_LP": "burst, LP",
    "burst_length_PY": "burst, PY",
    "end_to_start_ABPD_LP": "gap AB/PD to LP",
    "end_to_start_LP_PY": "gap LP to PY",
    "start_to_start_ABPD_LP": "delay AB/PD to LP",
    "start_to_start_ABPD_PY": "delay AB/PD to PY",
    "duty_cycle_ABPD": "duty cycle, AB/PD",
    "duty_cycle_LP": "duty cycle, LP",
    "duty_cycle_PY": "duty cycle, PY",
    "phase_gap_ABPD_LP": "phase gap AB/PD to LP",
    "phase_gap_LP_PY": "phase gap LP to PY",
    "phase_LP": "phase, LP",
    "phase_PY": "phase, PY",
    "plateau_length_ABPD": "plateau, AB/PD",
    "plateau_length_LP": "plateau, LP",
    "plateau_length_PY": "plateau, PY",
}
NO_PLATEAU = 2.5  # ms; what is noted for recordings of spikes, which show no plateaus, and for short ones
TRIPHASIC = list(UNITS).index("end_to_start_ABPD_LP")  # the feature that says whether a rhythm is triphasic


def of_rhythm(state: Rhythm) -> dict[str, Float[Array, ""]]:
    """The features of one simulation or recording whose blocks have all been given."""
    return rhythm_features(rhythm.bursts(state), rhythm.plateau_lengths(state))


def features_from_voltage(voltage: np.ndarray, dt: float) -> Float[np.ndarray, " 18"]:
    """The features of a recording of AB/PD, LP and PY inside the cells.

    Args:
        voltage: mV, shape (3, num_samples), of at least one second; the whole of it is looked at.
        dt: interval of the samples, ms; other intervals than 0.025 ms are interpolated.

    Raises:
        ValueError: not three rows, or too short.
    """
    rows = np.asarray(voltage, np.float64)
    if rows.ndim != 2 or len(rows) != 3 or rows.shape[1] * dt < 1000:
        raise ValueError(
            f"The pyloric features need three rows (AB/PD, LP, PY) of at least one second; got an array of "
            f"shape {rows.shape} with {dt:g} ms between samples."
        )
    if not np.isclose(dt, rhythm.DT, rtol=1e-6):
        old = np.arange(rows.shape[1]) * dt
        rows = np.stack([np.interp(np.arange(0, old[-1], rhythm.DT), old, row) for row in rows])
    with jax.enable_x64(True):  # noqa: FBT003 - the argument has no name
        return _as_row(_of_voltage(jnp.asarray(rows)))


@jax.jit
def _of_voltage(voltage: Float[Array, "3 num_samples"]) -> dict[str, Array]:
    return of_rhythm(rhythm.of_voltage(voltage))


def features_from_spikes(
    spike_times: Sequence[np.ndarray | Sequence[float]],
    *,
    plateaus: Sequence[float] = (NO_PLATEAU,) * 3,
    gap: float = GAP,
    shortest: float = SHORTEST,
) -> Float[np.ndarray, " 18"]:
    """The features of a recording of spikes, for instance from the motor nerves; no plateaus, as published.

    Args:
        spike_times: of AB/PD, LP and PY, ms, in order.
        plateaus: mean plateau of each, ms; NaN is noted for a neuron without bursts.
        gap: spikes at least this far apart, in ms, belong to different bursts.
        shortest: bursts that do not last longer, in ms, are dropped (the authors took 40 for recordings).

    Raises:
        ValueError: not three spike trains, or one that is not in order.
    """
    trains = [np.asarray(times, np.float64).ravel() for times in spike_times]
    if len(trains) != 3 or any((np.diff(train) < 0).any() for train in trains):
        raise ValueError(
            "The pyloric features need three spike trains (AB/PD, LP, PY), each in order of time."
        )
    with jax.enable_x64(True):  # noqa: FBT003 - the argument has no name
        times = _padded(trains, np.nan)
        table = _find(times, gap, shortest)
        is_kept = np.asarray(table.is_kept)
        kept = [
            _padded([row[keep] for row, keep in zip(np.asarray(column), is_kept, strict=True)], 0.0)
            for column in table
        ]
        lengths = np.where(is_kept.any(1), np.asarray(plateaus, float), np.nan)
        return _as_row(_timing(Bursts(*map(jnp.asarray, kept)), jnp.asarray(lengths)))


@jax.jit
def _find(times: Float[Array, "3 n"], gap: Float[Array, ""], shortest: Float[Array, ""]) -> Bursts:
    return jax.vmap(lambda train: find_bursts(train, train, gap=gap, shortest=shortest))(times)


@jax.jit
def _timing(bursts: Bursts, plateaus: Float[Array, " 3"]) -> dict[str, Array]:
    return rhythm_features(bursts, plateaus)


def _padded(rows: list[np.ndarray], fill: float) -> np.ndarray:
    """Rows of one length, a power of two, so that few lengths are compiled for."""
    length = 2 ** int(np.ceil(np.log2(max(16, *map(len, rows)))))
    return np.stack([np.pad(row, (0, length - len(row)), constant_values=fill) for row in rows])


def _as_row(features: dict[str, Array]) -> Float[np.ndarray, " 18"]:
    return np.array([features[name] for name in UNITS])


def rhythm_features(bursts: Bursts, plateaus: Float[Array, " 3"]) -> dict[str, Float[Array, ""]]:
    """The features of one simulation or recording, NaN where undefined.

    Args:
        bursts: of AB/PD, LP and PY, shapes (3, n), ms.
        plateaus: mean plateau of each, ms.
    """
    lengths = jnp.where(bursts.is_kept, bursts.end - bursts.start, 0).sum(1) / bursts.is_kept.sum(1)
    begin = jnp.where(bursts.is_kept[0], bursts.start[0], jnp.inf)
    following = jax.lax.cummin(begin, reverse=True)
    following = jnp.concatenate([following[1:], jnp.full(1, jnp.inf, begin.dtype)])
    is_period = bursts.is_kept[0] & jnp.isfinite(following)
    num_periods = is_period.sum()
    period = jnp.where(is_period, following - begin, 0).sum() / num_periods

    def look_into(period: tuple[Array, Array]) -> tuple[Array, Array, Array]:
        """Whether every neuron begins exactly one burst in it, and their starts and ends from its start."""
        first, after = period
        is_inside = bursts.is_kept & (bursts.start >= first) & (bursts.start < after)
        start, end = (jnp.where(is_inside, t - first, 0).sum(1) for t in (bursts.start, bursts.end))
        return (is_inside.sum(1) == 1).all(), start, end

    is_regular, *times = jax.lax.map(look_into, (begin, following))
    is_counted = is_period & is_regular
    is_triphasic = (num_periods >= 1) & (10 * is_counted.sum() >= 9 * num_periods)
    start, end = (
        jnp.where(is_triphasic, jnp.where(is_counted[:, None], t, 0).sum(0) / is_counted.sum(), jnp.nan)
        for t in times
    )
    gaps, delays = start[1:] - end[:-1], start[1:]
    values = jnp.concatenate(
        [period[None], lengths, gaps, delays, lengths / period, gaps / period, delays / period, plateaus]
    )
    return dict(zip(UNITS, values, strict=True))
