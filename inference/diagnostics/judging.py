"""What judgements are made of: findings, and the numbers of a result's tree by name."""

import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr

Level = Literal["good", "caution", "bad"]


class Finding(NamedTuple):
    """What one check says, and what to do about it (nothing where all is well)."""

    level: Level
    sentence: str
    action: str = ""


class Numbers:
    """The numbers of a tree by name."""

    def __init__(self, tree: xr.DataTree) -> None:
        groups = [tree.children.get(name) for name in ("training", "diagnostics")]
        self._found = {
            str(name): values
            for group in groups
            if group is not None
            for name, values in group.data_vars.items()
        }
        self._config = json.loads(tree.attrs.get("config", "{}"))

    def __contains__(self, names: object) -> bool:
        return all(name in self._found for name in str(names).split())

    def array(self, name: str) -> np.ndarray:
        """All values of a variable."""
        return np.asarray(self._found[name].values, float)

    def scalar(self, name: str) -> float:
        """The value of a variable without dimensions."""
        return float(self._found[name])

    def labels(self, name: str, dimension: str) -> list[str]:
        """Labels of a dimension, or numbers where it has none."""
        return [str(label) for label in self._found[name][dimension].values]

    def setting(self, name: str) -> Any:
        """A setting of the method; None where it is unknown."""
        return self._config.get(name)

    @property
    def dim(self) -> int:
        """Number of parameters; 0 where it is unknown."""
        found = (self._found[name] for name in ("rank_shift", "share_at_bounds") if name in self)
        return next((values.sizes["parameter"] for values in found), 0)

    @property
    def num_simulations(self) -> float:
        """NaN where it is unknown."""
        return self.scalar("num_simulations") if "num_simulations" in self else np.nan

    @property
    def is_of_chains(self) -> bool:
        """Whether the draws are those of Markov chains with the exact likelihood."""
        return "r_hat" in self

    @property
    def is_of_property(self) -> bool:
        """Whether there are moments to be met instead of an observation."""
        return "target_mean" in self

    @property
    def simulate_more(self) -> str:
        """The commonest advice, with numbers."""
        if self.is_of_chains:
            return self.longer_chains
        num, where = self.num_simulations, ""
        if "round_num_simulations" in self and len(self.array("round_num_simulations")) > 1:
            num, where = self.array("round_num_simulations")[-1], " in each round"
        if not num > 0:
            return "Simulate more"
        return f"Simulate more: {4 * num:,.0f} instead of {num:,.0f}{where}".replace(",", " ")

    @property
    def longer_chains(self) -> str:
        """The same for Markov chains."""
        num = self.setting("num_samples")
        return "Run longer chains" + (f": num_samples={4 * num}" if isinstance(num, int) else "")


def listed(words: Sequence[str] | np.ndarray) -> str:
    """``"a, b and c"``; no more than four by name."""
    words = [str(word) for word in words]
    if len(words) > 4:
        words = [*words[:3], f"{len(words) - 3} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def lower(sentence: str) -> str:
    """The sentence as a part of another one."""
    return sentence[:1].lower() + sentence[1:]
