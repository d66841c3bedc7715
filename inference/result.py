"""Result: the posterior and the labelled tree of a run, and how the two are stored.

<folder>/result.zarr    the tree (Zarr v3, consolidated), opens with `xarray.open_datatree`
         weights.eqx    the estimator: one JSON line that says how to build it, then its arrays; not there
                        where the posterior is known by its draws alone
         manifest.json  sizes and checksums of the files above; written last: no manifest, no result
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from inference.drawn_posterior import AnyPosterior, DrawnPosterior
from inference.estimators import load_estimator, save_estimator
from inference.files import first_difference, manifest_of, move_into_place, read_json, staging, write_json
from inference.hierarchical_posterior import HierarchicalPosterior
from inference.posterior import Posterior
from inference.property_posterior import PropertyPosterior
from inference.tree import chains, in_prior_order
from inference.zarr_files import write_zarr
from simulators import Prior, Simulator, get_simulator

FORMAT = 2  # of the stored files, since 2 with or without weights; a reader refuses a higher one
TREE, WEIGHTS, MANIFEST = "result.zarr", "weights.eqx", "manifest.json"


class Result:
    """What a run ends with.

    Args:
        posterior: with `sample` and `log_prob`; or a function that makes it when it is first asked for.
        tree: an `xarray.DataTree` with ArviZ's group names, see `inference/tree.py`; provenance in `attrs`.
    """

    def __init__(self, posterior: AnyPosterior | Callable[[], AnyPosterior], tree: xr.DataTree) -> None:
        self._posterior = posterior
        self.tree = tree

    @cached_property
    def posterior(self) -> AnyPosterior:
        """The posterior: of an estimator, or of draws (MCMC, ABC), whose `log_prob` says that there is none.

        Raises:
            ValueError: the result was loaded and its simulator is unknown here.
        """
        return self._posterior if isinstance(self._posterior, AnyPosterior) else self._posterior()

    def save(self, folder: str | Path) -> None:
        """Store it; a crash at any moment leaves either a whole result or none.

        Raises:
            ValueError: the folder already holds a result; a stored result is never changed.
        """
        folder = Path(folder)
        if (folder / MANIFEST).exists():
            raise ValueError(
                f"'{folder}' already holds a result, which is never overwritten; choose another folder."
            )
        with staging(folder) as beside:
            write_zarr(self.tree, beside / TREE)
            names: tuple[str, ...] = (TREE,)
            if not isinstance(self.posterior, DrawnPosterior):
                save_estimator(beside / WEIGHTS, self.posterior.estimator)
                names = (TREE, WEIGHTS)
            files = manifest_of(beside, names)
            for name in names:
                move_into_place(beside / name, folder / name)
        write_json(folder / MANIFEST, {"format": FORMAT, "files": files})

    def without_recording(self) -> "Result":
        """The same without the recorded series and its stimulus, to be passed on where those may not be."""
        groups = {group.path: group.to_dataset(inherit=False) for group in self.tree.subtree}
        for path in ("/observed_data", "/constant_data"):
            if path in groups:
                groups[path] = groups[path].drop_dims("trace_time", errors="ignore")
        return Result(self._posterior, xr.DataTree.from_dict(groups))

    def __repr__(self) -> str:
        attrs = self.tree.attrs
        groups = ", ".join(self.tree.children)
        return f"Result({attrs.get('method')} on {attrs.get('simulator')}; groups {groups})"


def holds_result(folder: str | Path) -> bool:
    """Whether a result was stored there."""
    return (Path(folder) / MANIFEST).exists()


def load_result(folder: str | Path, *, simulator: Simulator | None = None, embedding: Any = None) -> Result:
    """The result that `Result.save` stored.

    Args:
        folder: where.
        simulator: the one it was made with; None: looked up by its name. Only the posterior needs it.
        embedding: a module of the same shape, if it was made with an embedding network of your own.

    Raises:
        ValueError: there is none, it is damaged, or it was written by a newer version.
    """
    folder = Path(folder)
    has_weights = WEIGHTS in checked_manifest(folder)["files"]
    tree = in_prior_order(xr.open_datatree(folder / TREE, engine="zarr", consolidated=True))

    def load() -> AnyPosterior:
        prior, x_o = _prior_of(tree, simulator), _observation(tree)
        if not has_weights:
            return DrawnPosterior(chains(tree.children["posterior"]), prior, x_o)
        estimator, is_amortised = load_estimator(folder / WEIGHTS, module=embedding), _is_amortised(tree)
        if estimator.spec.mixing is not None:
            return PropertyPosterior(estimator, prior)
        if estimator.spec.hierarchy is not None:
            return HierarchicalPosterior(estimator, prior, x_o, _extra(tree), is_amortised)
        return Posterior(estimator, prior, x_o, is_amortised)

    return Result(load, tree)


def checked_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a stored result, with whose files everything is as it should be.

    Raises:
        ValueError: there is none, a file has changed, or it was written by a newer version.
    """
    try:
        manifest = read_json(folder / MANIFEST)
    except FileNotFoundError as error:
        why = f"it has no {MANIFEST}" if folder.is_dir() else "there is no such folder"
        raise ValueError(f"'{folder}' holds no finished result: {why}.") from error
    found = manifest.get("format")
    if not isinstance(found, int) or "files" not in manifest:
        raise ValueError(f"'{folder / MANIFEST}' is damaged: it names no format and files.")
    if found > FORMAT:
        raise ValueError(
            f"The result in '{folder}' has format {found} and this version reads up to {FORMAT}; "
            "update posterior-lab."
        )
    if (difference := first_difference(folder, manifest["files"])) is not None:
        raise ValueError(
            f"The result in '{folder}' is damaged: {difference}; restore it from a copy or run it again."
        )
    return manifest


def _prior_of(tree: xr.DataTree, simulator: Simulator | None) -> Prior:
    name = tree.attrs.get("simulator", "")
    try:
        prior = (simulator or get_simulator(name)).prior
    except ValueError as error:
        raise ValueError(
            f"The samples can be read, but the posterior needs the simulator '{name}', which is unknown "
            "here: give it to load_result(folder, simulator=...)."
        ) from error
    if list(prior.names) != list(tree["prior"].data_vars):
        raise ValueError(
            f"The simulator '{name}' has the parameters {list(prior.names)}, but the result was made with "
            f"{list(tree['prior'].data_vars)}; give the simulator that it was made with."
        )
    return prior


def _observation(tree: xr.DataTree) -> Any:
    """Of shape (num_features,), or None."""
    observed = tree.children.get("observed_data")
    return None if observed is None else observed.to_dataset()["x"].values


def _extra(tree: xr.DataTree) -> Any:
    """Of shape (N, num_features), or None."""
    observed = tree.children.get("observed_data")
    return None if observed is None or "x_all" not in observed else np.asarray(observed["x_all"])[1:]


def _is_amortised(tree: xr.DataTree) -> bool:
    found = tree.children.get("diagnostics")
    return found is None or found.sizes.get("round", 1) == 1
