"""Numbers that an operator sets in the environment."""

import os


def positive(variable: str, default: float, unit: str) -> float:
    """The number in a variable, or the default where it is not set.

    Args:
        variable: its name.
        default: in the same unit.
        unit: for people, e.g. "seconds".

    Raises:
        ValueError: the variable is no number above 0 and below a million.
    """
    text = os.environ.get(variable) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise ValueError(f"{variable} must be a number of {unit} above 0; got '{text}'.")
    return value
