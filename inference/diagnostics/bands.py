"""Where the ranks of a calibrated posterior lie: at one position, or at all positions together."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy  # its parts are imported when they are first used
from jaxtyping import Float, Int

MOST_POSITIONS = 200  # at which a rank plot is judged
NUM_HALVINGS = 20  # of the interval in which the mass at each position is sought


@dataclass(frozen=True, eq=False)
class Band:
    """A simultaneous band of empirical distribution functions less their expectation.

    Attributes:
        position: (k,), shares of the ranks, between 0 and 1.
        low, high: (k,), the curve `ECDF(position) - position` of a calibrated posterior stays between them,
            ends included, at all positions with the probability `mass`, or slightly more: counts are whole.
        mass: as asked for.
    """

    position: Float[np.ndarray, " k"]
    low: Float[np.ndarray, " k"]
    high: Float[np.ndarray, " k"]
    mass: float

    def is_inside(self, difference: Float[np.ndarray, "*rows k"]) -> np.ndarray:
        """Whether curves (..., k) stay within the band at all positions, shape (...)."""
        rounding = 1e-9
        inside = (difference >= self.low - rounding) & (difference <= self.high + rounding)
        return np.asarray(inside.all(axis=-1))


@lru_cache(maxsize=64)
def ecdf_band(num: int, num_draws: int, *, mass: float = 0.95, most_positions: int = MOST_POSITIONS) -> Band:
    """The band of `num` ranks among 0 ... `num_draws`, at the positions between two ranks, or some of them.

    References:
        Säilynoja, Bürkner and Vehtari 2022, doi:10.1007/s11222-022-10090-6, sections 2.2 and 3: the interval
        at each position is binomial, eq. (9), and as wide as the exact probability of all of them allows.

    Raises:
        ValueError: a number is not positive, or the mass is not between 0 and 1.
    """
    if num < 1 or num_draws < 1:
        raise ValueError(f"A band needs at least one rank and one draw; got {num} and {num_draws}.")
    between = np.arange(1, num_draws + 1)
    if len(between) > most_positions:
        between = np.unique(np.round(np.linspace(1, num_draws, most_positions)).astype(int))
    position = between / (num_draws + 1)
    low, high = joint_band(num, position, mass=mass)
    return Band(position, low / num - position, high / num - position, mass)


def joint_band(
    num: int, probability: Float[np.ndarray, " k"], *, mass: float = 0.95
) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"]]:
    """Counts of `num` uniform numbers below each (rising) `probability`, that hold at all of them together.

    Raises:
        ValueError: the mass is not between 0 and 1, or the probabilities do not rise between 0 and 1.
    """
    steps = np.diff(probability, prepend=0.0, append=1.0)
    if not 0 < mass < 1 or (steps <= 0).any():
        raise ValueError(
            f"A band needs a mass between 0 and 1 and rising probabilities between them; got mass {mass}."
        )
    at_most = _at_most(num, probability)
    outside, too_much = 0.0, 1 - mass  # left out at each position
    best = _central(at_most, (1 - mass) / len(probability))  # which is enough whatever they have in common
    for _ in range(NUM_HALVINGS):
        middle = (outside + too_much) / 2
        low, high = _central(at_most, middle)
        if _stay_probability(num, steps, low, high) >= mass:
            outside, best = middle, (low, high)
        else:
            too_much = middle
    return best


def binomial_band(
    num: int, probability: Float[np.ndarray, " k"], *, mass: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Central interval of the number of successes in `num` trials; holds at least `mass`."""
    return _central(_at_most(num, probability), 1 - mass)


def _at_most(num: int, probability: np.ndarray) -> np.ndarray:
    """Chance of at most 0 ... num successes, shape (k, num + 1)."""
    return scipy.special.bdtr(np.arange(num + 1.0), num, probability[:, None])


def _central(at_most: np.ndarray, outside: float) -> tuple[np.ndarray, np.ndarray]:
    ends = [np.searchsorted(row, (outside / 2, 1 - outside / 2)) for row in at_most]
    low, high = np.transpose(ends)
    return low, high


def _stay_probability(num: int, steps: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """That the counts below each position stay in their intervals, all of them.

    Counts between positions are Poisson given that they add up to `num`, so that the chain of counts is a
    sequence of convolutions.
    """
    first, chance = 0, np.ones(1)  # of the counts first, first + 1, ...
    for step, least, most in zip(steps, [*low, num], [*high, num], strict=True):
        added = np.arange(most - first + 1)
        reached = np.convolve(chance, _poisson(num * step, added))
        chance, first = reached[least - first : most - first + 1], least
    return float(chance[0] / _poisson(num, np.array([num]))[0])


def _poisson(rate: float | int, count: np.ndarray) -> np.ndarray:
    return np.exp(scipy.special.xlogy(count, rate) - rate - scipy.special.gammaln(count + 1))
