"""Have Markov chains been run for long enough? Numbers from ArviZ."""

import warnings

import numpy as np
from jaxtyping import Float

from inference.tree import Variables


def chain_diagnostics(draws: Float[np.ndarray, "chain draw dim"]) -> Variables:
    """Rank-normalised split R-hat and effective numbers of draws, in the bulk and in the tails.

    Variables, all (parameter): r_hat, ess_bulk, ess_tail; NaN where a parameter never moved.

    Args:
        draws: at least 4 of each of at least 2 chains.

    References:
        Vehtari, Gelman, Simpson, Carpenter and Buerkner 2021, doi:10.1214/20-BA1221.
    """
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # on its first import of a day it tells of its next version
        import arviz as az  # here, so that importing inference stays light
    columns = [np.asarray(column, np.float64) for column in np.moveaxis(draws, -1, 0)]
    with np.errstate(invalid="ignore", divide="ignore"):
        numbers = {
            "r_hat": [az.rhat(column) for column in columns],
            "ess_bulk": [az.ess(column, method="bulk") for column in columns],
            "ess_tail": [az.ess(column, method="tail") for column in columns],
        }
    return {name: (("parameter",), np.asarray(values, np.float32)) for name, values in numbers.items()}
