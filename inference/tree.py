"""The labelled tree of a result: ArviZ's names for groups and dimensions, a unit on every variable.

    posterior, prior       one variable per parameter (chain, draw); as rows, the first draws of all chains
                           come first, then the second ones, and so on
    sample_stats           lp (chain, draw): log density of the draws, of MCMC up to a constant; log_weight
                           (chain, draw): of importance weights towards the exact posterior, where there is a
                           likelihood; of MCMC what its kernel tells, by ArviZ's names
    joint_posterior        where observations share parameters: those of one observation each as (chain, draw,
                           observation), the shared ones as (chain, draw); observation 0 is x
    observed_data          x (feature); with further observations x_all (observation, feature), x first;
                           trace ([trace_row,] trace_time) where there is a recording, or
                           image (image_row, image_column)
    posterior_predictive   x (draw, feature) of the FIRST posterior draws; of the first of these
                           trace (trace_draw, [trace_row,] trace_time), or image (trace_draw, image_row, ...)
    prior_predictive       x (draw, feature): of the FIRST prior draws
    constant_data          true_theta (parameter), stimulus (trace_time): where known
    training               losses and round (epoch); of EPI what each epoch of each seed led to, see
                           `inference/methods/emergent/findings.py`
    diagnostics            what the method and the checks found: by round (round), of the proposals' draws
                           (round, proposal_draw, parameter), of ensemble members (member, parameter), and see
                           `inference/diagnostics/diagnose.py`; of shared parameters (shared), by the number
                           of extra observations (step) and for each of these (extra), see
                           `inference/methods/hierarchical/findings.py`

Where it all comes from is in the attributes of the root.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from jaxtyping import Float

from inference.pictures import picture_variables, stimulus_variables
from simulators import Observed, Prior, Simulator

Variables = Mapping[str, tuple[tuple[str, ...], np.ndarray]]

NAMES = "parameter_names"  # root attribute: JSON list, in the order of the prior
SHAPES = "feature_shapes"  # root attribute: JSON list of [name, shape], in the order of x
PROPERTY = "emergent_property"  # root attribute: JSON object of the target means and sds
CURVES = "feature_axes"  # root attribute: JSON object, array of features -> [places, name, unit] of its axis


@dataclass(frozen=True, eq=False)
class Draws:
    """Parameter rows and what the simulator made of the first of them.

    Attributes:
        theta: (n, dim); with several chains the first of each, then the second of each, and so on.
        log_prob: (n,) or None.
        log_weight: (n,) or None: logs of importance weights towards the exact posterior, of sum one.
        x: (m, num_features) with m <= n: simulated at the first rows; or None.
        traces: (k, *shape) with k <= m: of the same simulations what is drawn on the simulator's axes,
            recordings (T,), recordings with rows (R, T) or images (H, W); or None.
        num_chains: independent draws are one chain.
        stats: further numbers about the draws, dimensions ("chain", "draw").
    """

    theta: Float[np.ndarray, "n dim"]
    x: Float[np.ndarray, "m num_features"] | None = None
    log_prob: Float[np.ndarray, " n"] | None = None
    traces: Float[np.ndarray, "k ..."] | None = None
    log_weight: Float[np.ndarray, " n"] | None = None
    num_chains: int = 1
    stats: Variables = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything that a tree is made of. What is None or empty has no group.

    `extra` are observations beside `observed`, and `joint` draws of the parameters of all of them.
    """

    prior: Draws
    posterior: Draws | None = None
    observed: Observed | None = None
    extra: Float[np.ndarray, "n num_features"] | None = None
    joint: Float[np.ndarray, "draw observation dim"] | None = None
    training: Variables = field(default_factory=dict)
    diagnostics: Variables = field(default_factory=dict)


def build_tree(
    simulator: Simulator, findings: Findings, attrs: Mapping[str, str | int | float]
) -> xr.DataTree:
    """The tree of a run.

    Args:
        simulator: gives names, units and the time axis.
        findings: what was computed.
        attrs: provenance, for the root.
    """
    groups = {"prior": _parameters(simulator.prior, findings.prior)}
    if findings.prior.x is not None:
        groups["prior_predictive"] = _predictive(simulator, findings.prior)
    if findings.posterior is not None:
        groups |= _posterior_groups(simulator, findings.posterior)
    if findings.observed is not None:
        groups |= _observed_groups(simulator, findings.observed, findings.extra)
    if findings.joint is not None:
        groups["joint_posterior"] = _joint(simulator.prior, findings.joint)
    statistics = json.loads(str(attrs.get(PROPERTY, "{}"))).get("mean", ())
    for name, variables in (("training", findings.training), ("diagnostics", findings.diagnostics)):
        groups[name] = _labelled(simulator, variables, statistics)
    filled = {f"/{name}": group for name, group in groups.items() if len(group.data_vars)}
    described = {
        NAMES: json.dumps(simulator.prior.names),
        SHAPES: json.dumps(simulator.feature_shapes),
        CURVES: json.dumps(
            {
                name: (np.asarray(axis.places, float).tolist(), axis.name, axis.unit)
                for name, axis in simulator.feature_axes.items()
            }
        ),
    }
    root = xr.Dataset(attrs={**attrs, **described})
    return xr.DataTree.from_dict({"/": root, **filled})


def in_prior_order(tree: xr.DataTree) -> xr.DataTree:
    """The tree with its parameters in the order of the prior; a Zarr store gives them by the alphabet."""
    names = json.loads(tree.attrs[NAMES])
    groups = {group.path: group.to_dataset(inherit=False) for group in tree.subtree}
    drawn = ("/prior", "/posterior", "/joint_posterior")
    ordered = {path: groups[path][names] for path in drawn if path in groups}
    return xr.DataTree.from_dict({**groups, **ordered})


def parameter_rows(group: xr.Dataset | xr.DataTree) -> Float[np.ndarray, "n dim"]:
    """The rows of a group of parameter draws: the first of each chain, the second of each, and so on.

    Columns are in the order of the prior.
    """
    return np.swapaxes(chains(group), 0, 1).reshape(-1, len(group.data_vars))


def chains(group: xr.Dataset | xr.DataTree) -> Float[np.ndarray, "chain draw dim"]:
    """The draws of a group of parameter draws, by chain."""
    return np.stack([np.asarray(variable.values) for variable in group.data_vars.values()], axis=-1)


def _posterior_groups(simulator: Simulator, draws: Draws) -> dict[str, xr.Dataset]:
    groups = {"posterior": _parameters(simulator.prior, draws)}
    numbers = {"lp": draws.log_prob, "log_weight": draws.log_weight}
    columns = {
        name: (("chain", "draw"), _by_chain(row, draws)) for name, row in numbers.items() if row is not None
    }
    groups["sample_stats"] = xr.Dataset({**columns, **draws.stats}, _draw_axes(draws))
    if draws.x is not None:
        groups["posterior_predictive"] = _predictive(simulator, draws)
    return groups


def _parameters(prior: Prior, draws: Draws) -> xr.Dataset:
    """One variable per flat parameter name."""
    variables = {}
    for name, column, low, high in zip(prior.names, draws.theta.T, prior.low, prior.high, strict=True):
        bounds = {side: float(end) for side, end in (("low", low), ("high", high)) if np.isfinite(end)}
        attrs = {"units": prior.units[name], "long_name": prior.labels[name], **bounds}
        variables[name] = (("chain", "draw"), _by_chain(np.asarray(column, np.float32), draws), attrs)
    return xr.Dataset(variables, _draw_axes(draws))


def _joint(prior: Prior, theta: Float[np.ndarray, "draw observation dim"]) -> xr.Dataset:
    """As `_parameters`, of several observations."""
    flat = _parameters(prior, Draws(theta[:, 0]))
    for i, name in enumerate(prior.names):
        if i not in prior.shared_positions:
            column = theta[None, :, :, i].astype(np.float32)
            flat[name] = (("chain", "draw", "observation"), column, flat[name].attrs)
    return flat.assign_coords(observation=np.arange(theta.shape[1]))


def _predictive(simulator: Simulator, draws: Draws) -> xr.Dataset:
    assert draws.x is not None
    features = xr.Dataset(
        {"x": (("draw", "feature"), draws.x)}, {"draw": np.arange(len(draws.x)), **_feature_axis(simulator)}
    )
    return features.merge(picture_variables(simulator.axes, draws.traces))


def _observed_groups(
    simulator: Simulator, observed: Observed, extra: Float[np.ndarray, "n num_features"] | None
) -> dict[str, xr.Dataset]:
    data = xr.Dataset({"x": (("feature",), np.asarray(observed.x, np.float32))}, _feature_axis(simulator))
    if extra is not None:
        x_all = np.concatenate([data["x"].values[None], np.asarray(extra, np.float32)])
        data = data.assign(x_all=(("observation", "feature"), x_all), observation=np.arange(len(x_all)))
    constant = xr.Dataset()
    if observed.theta is not None:
        axis = {"parameter": _text(simulator.prior.names)}
        constant = xr.Dataset({"true_theta": (("parameter",), np.asarray(observed.theta, np.float32))}, axis)
    shown = picture_variables(simulator.axes, observed.recording)
    if len(shown.data_vars):
        data, constant = data.merge(shown), constant.merge(stimulus_variables(simulator.axes))
    return {"observed_data": data.assign_attrs(label=observed.label), "constant_data": constant}


def _labelled(simulator: Simulator, variables: Variables, targeted: Collection[str] = ()) -> xr.Dataset:
    """Named numbers as a dataset, with labels on the dimensions that have them."""
    statistics = [name for name in simulator.feature_names if name in targeted]
    labels = {
        "parameter": _text(simulator.prior.names),
        "feature": _text(simulator.feature_names),
        "side": _text(("low", "high")),
        "shared": _text(simulator.prior.names[i] for i in simulator.prior.shared_positions),
        "statistic": _text(statistics),
        "constraint": _text(f"{moment} of {name}" for moment in ("mean", "variance") for name in statistics),
    }
    used = {dimension for dims, _ in variables.values() for dimension in dims}
    return xr.Dataset(dict(variables), {name: label for name, label in labels.items() if name in used})


def _by_chain(row: np.ndarray, draws: Draws) -> Float[np.ndarray, "chain draw"]:
    return row.reshape(-1, draws.num_chains).T


def _draw_axes(draws: Draws) -> dict[str, np.ndarray]:
    return {
        "chain": np.arange(draws.num_chains),
        "draw": np.arange(len(draws.theta) // draws.num_chains),
    }


def _feature_axis(simulator: Simulator) -> dict:
    units = [simulator.feature_units.get(name, "") for name in simulator.feature_names]
    return {"feature": _text(simulator.feature_names), "feature_units": ("feature", _text(units))}


def _text(names) -> np.ndarray:
    """Text of variable length: the only kind of text that Zarr v3 has specified."""
    return np.array(list(names), dtype=object)
