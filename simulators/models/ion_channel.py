"""Ion channel: a non-inactivating potassium channel, fingerprinted by five voltage-clamp protocols.

The gate is `omnimodel`'s, with eight parameters. The features are, for each protocol, eleven least-squares
coefficients of its current (over its largest value) on ten principal components and a constant
(`ion_channel_basis`), 55 in all, as in Goncalves et al. 2020 (eLife 9:e56261, figure 3). Every sample of the
command has noise of 0.5 mV.

The recorded train of action potentials is not ours to give: the built-in one comes from our own
Hodgkin-Huxley cell. `make_ion_channel(action_potential=...)` takes another, with components computed anew.

A simulation has 1.9 million samples. Their features are summed up as they arise; `simulate` gives the samples
themselves, protocol by protocol. Gradients: `jax.jvp`, or `jax.grad` through a batch (`jax.vmap`); not
`jax.grad` through a single simulation, because JAX cannot transpose the rule that arranges batches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist

from simulators.base import RecordingAxes, Simulator, Theta
from simulators.counter_noise import key_words
from simulators.models import ion_channel_basis as basis
from simulators.models import omnimodel, voltage_clamp
from simulators.models.omnimodel import BIN, VoltageClamp
from simulators.models.voltage_clamp import Protocol
from simulators.prior import Prior

PROTOCOLS = ("activation", "inactivation", "deactivation", "action_potential", "ramp")
TRUE_THETA = (0.12, -2.0, -30.0, 120.0, 0.05, 0.0002, 0.04, 0.0003)  # a delayed rectifier
CHUNK = 256  # simulations whose state fits a core's cache
PICTURE_STEP = 20  # samples between those that are drawn
_LEVELS = range(-80, 71, 10)  # of the activation protocol, mV

PRIOR = Prior(
    {
        "theta1": dist.Uniform(0.0, 1.0),
        "theta2": dist.Uniform(-10.0, 10.0),
        "theta3": dist.Uniform(-120.0, 120.0),
        "theta4": dist.Uniform(0.0, 2000.0),
        "theta5": dist.Uniform(0.0, 0.5),
        "theta6": dist.Uniform(0.0, 0.05),
        "theta7": dist.Uniform(0.0, 0.5),
        "theta8": dist.Uniform(0.0, 0.05),
    },
    units={
        "theta1": "1/mV",
        "theta3": "mV",
        "theta4": "ms",
        "theta5": "1/mV",
        "theta6": "1/mV2",
        "theta7": "1/mV",
        "theta8": "1/mV2",
    },
    labels={f"theta{i}": rf"$\theta_{i}$" for i in range(1, 9)},
)


@dataclass(frozen=True, eq=False)
class Experiment:
    """What is done with a channel.

    Attributes:
        train: command of action potentials; None: the built-in one.
        train_weights: of its current, ``ion_channel_basis.weights``; None: the built-in ones.
        dtype: of the computation; features are float32 in any case.
    """

    train: Protocol | None = None
    train_weights: Float[np.ndarray, "1 bins 11"] | None = None
    dtype: type = np.float32


def simulate(key: Key[Array, ""], theta: Theta, experiment: Experiment) -> Float[Array, " total"]:
    """Currents of all samples, each over the largest of its protocol: see ``split``."""
    return _currents(experiment)(key_words(key), _row(theta))


def simulate_features(
    key: Key[Array, ""], theta: Theta, experiment: Experiment
) -> dict[str, Float[Array, " 11"]]:
    """Features of ``simulate(key, theta, experiment)``, without storing the currents."""
    return dict(zip(PROTOCOLS, _projections(experiment)(key_words(key), _row(theta)), strict=True))


def features(recording: Float[Array, " total"], experiment: Experiment) -> dict[str, Float[Array, " 11"]]:
    """Least-squares coefficients of each protocol's current on its components and on 1."""
    binned = {
        name: part.reshape(part.shape[0], -1, BIN).sum(axis=2)
        for name, part in split(recording, experiment).items()
    }
    return {
        name: jnp.einsum("sb,sbc->c", sums, weights, precision=jax.lax.Precision.HIGHEST)
        for (name, sums), weights in zip(binned.items(), _weights(experiment), strict=True)
    }


def split(
    recording: Float[Array | np.ndarray, " total"], experiment: Experiment
) -> dict[str, Float[Array | np.ndarray, "_ _"]]:
    """The current of each protocol, from what ``simulate`` returns."""
    parts, start = {}, 0
    for name, (sweeps, samples) in zip(PROTOCOLS, _clamp(experiment).shapes, strict=True):
        parts[name] = recording[start : start + sweeps * samples].reshape(sweeps, samples)
        start += sweeps * samples
    return parts


def picture(key: Key[Array, ""], theta: Theta, experiment: Experiment) -> Float[Array, "16 T"]:
    """Currents of the activation protocol as in ``simulate``, one sample per 0.5 ms."""
    current = _activation_currents(experiment)(key_words(key), _row(theta))
    return current.reshape(len(_LEVELS), -1)[:, ::PICTURE_STEP]


def make_ion_channel(
    *,
    action_potential: str | Path | Float[np.ndarray, "*any samples"] | None = None,
    precision: Literal["single", "double"] = "single",
) -> Simulator:
    """The model with a command of action potentials.

    Args:
        action_potential: voltages in mV at 0.025 ms, or a file of them (.npy, .npz, text); None: the built-in
            ones. Its components take some seconds to compute.
        precision: "double" takes about four times as long.

    Raises:
        ValueError: an unknown precision; a command that is not one row of finite numbers.
    """
    if precision not in ("single", "double"):
        raise ValueError(f"Precision is 'single' or 'double'; got {precision!r}.")
    train, weights = None, None
    if action_potential is not None:
        if isinstance(action_potential, str | Path):
            action_potential = voltage_clamp.read_command(action_potential)
        train = voltage_clamp.action_potential(np.asarray(action_potential))
        weights = basis.weights(basis.components(train, basis.channels(PRIOR.low, PRIOR.high)))
    experiment = Experiment(train, weights, np.float64 if precision == "double" else np.float32)
    return _simulator(experiment)


def _simulator(experiment: Experiment) -> Simulator:
    return Simulator(
        "ion_channel",
        PRIOR,
        partial(simulate, experiment=experiment),
        partial(features, experiment=experiment),
        feature_labels={
            f"{name}[{i}]": f"{name.replace('_', ' ')}, "
            + (f"component {i + 1}" if i < basis.NUM_COMPONENTS else "mean")
            for name in PROTOCOLS
            for i in range(basis.NUM_COMPONENTS + 1)
        },
        differentiable=False,  # not one simulation alone: see above
        simulate_features=partial(simulate_features, experiment=experiment),
        axes=RecordingAxes(
            np.arange(0.0, 700.0, PICTURE_STEP * voltage_clamp.DT),
            "current over its maximum",
            "",
            rows=tuple(f"{level:+d} mV" for level in _LEVELS),
            overlaid=True,
        ),
        picture=partial(picture, experiment=experiment),
        chunk_size=CHUNK,
        true_theta=np.array(TRUE_THETA, np.float32),
        title="Potassium channel",
        summary="One gate with eight parameters under five voltage-clamp protocols: which kinetics explain "
        "the currents of a channel? Trained once, it answers for hundreds of channels.",
        source="Goncalves et al. 2020, eLife 9:e56261, figure 3; Podlaski et al. 2017, eLife 6:e22152",
    )


def _row(theta: Theta) -> Float[Array, " 8"]:
    return jnp.stack([theta[name] for name in PRIOR.names])


def _side_by_side(run: Callable[[Array, Array], Array], dtype: type) -> Callable[[Array, Array], Array]:
    """One simulation by ``run(words, rows)``, which wants many at once; under ``vmap`` it gets them.

    Under ``vmap`` alone, simulations would come first in memory and a step would take twice the time.
    """

    def in_precision(words: Array, rows: Array) -> Array:
        if dtype == np.float32:
            return run(words, rows)
        with jax.enable_x64(new_val=True):
            wide = run(words, jax.lax.convert_element_type(rows, dtype))
            return jax.lax.convert_element_type(wide, np.float32)

    @custom_vmap
    def one(words: Array, row: Array) -> Array:
        return in_precision(words[None], row[None])[0]

    @one.def_vmap
    def many(size: int, is_batched: list[bool], words: Array, rows: Array) -> tuple[Array, bool]:
        parts = [
            part if batched else jnp.broadcast_to(part, (size, *part.shape))
            for part, batched in zip((words, rows), is_batched, strict=True)
        ]
        return in_precision(*parts), True

    return jax.jit(one)


@lru_cache(maxsize=8)
def _clamp(experiment: Experiment) -> VoltageClamp:
    train = experiment.train or basis.stored_action_potential()
    makers = (voltage_clamp.activation, voltage_clamp.inactivation, voltage_clamp.deactivation)
    return VoltageClamp((*(make() for make in makers), train, voltage_clamp.ramp()))


@lru_cache(maxsize=8)
def _currents(experiment: Experiment) -> Callable[[Array, Array], Array]:
    return _side_by_side(partial(omnimodel.currents, clamp=_clamp(experiment)), experiment.dtype)


@lru_cache(maxsize=8)
def _projections(experiment: Experiment) -> Callable[[Array, Array], Array]:
    run = partial(omnimodel.projections, clamp=_clamp(experiment), weights=_weights(experiment))
    return _side_by_side(run, experiment.dtype)


@lru_cache(maxsize=8)
def _activation_currents(experiment: Experiment) -> Callable[[Array, Array], Array]:
    """The first protocol alone: its noise is the same as among the five."""
    clamp = VoltageClamp(_clamp(experiment).protocols[:1])
    return _side_by_side(partial(omnimodel.currents, clamp=clamp), experiment.dtype)


@lru_cache(maxsize=8)
def _weights(experiment: Experiment) -> tuple[Float[np.ndarray, "_ _ 11"], ...]:
    found = {name: basis.weights(basis.stored()[name]) for name in PROTOCOLS}
    if experiment.train_weights is not None:
        found["action_potential"] = experiment.train_weights
    return tuple(found.values())


ion_channel = make_ion_channel()
