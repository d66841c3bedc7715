"""Pyloric network of the crab's stomatogastric ganglion: AB/PD, LP and PY, 31 parameters, 18 features.

As in Goncalves et al. 2020 (eLife 9:e56261, figures 5 and 6): 24 membrane conductances in mS/cm2, and the
natural logarithms of 7 synaptic conductances in mS; 11 s of activity of which the first is not looked at.

A simulation is valid when its rhythm is triphasic. Features that are undefined are NaN; where the state
itself is no longer finite, all features are infinite: a blow-up is told from a network without a rhythm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key, UInt32
from numpyro import distributions as dist

from simulators.base import Observed, RecordingAxes, Simulator, Theta
from simulators.counter_noise import key_words, random_word, standard_normal
from simulators.devices import unrolled
from simulators.features import pyloric as features
from simulators.features import rhythm
from simulators.models.pyloric_recorded import NEURONS, RECORDINGS, observe
from simulators.models.stg_kinetics import (
    AREA,
    CHANNELS,
    DT,
    SYNAPSES,
    Conductances,
    Network,
    at_start,
    step,
)
from simulators.prior import Prior
from simulators.recordings import Cells

NOISE = 1e-3  # uA; of every step on its own, whatever its length: not the 0.001 mV ms^-0.5 of the text
BURN_IN_BLOCKS, NUM_BLOCKS = 1000, 10_000  # of 1 ms
EXCERPT_BLOCKS = 4000
EXCERPT_STRIDE = 20  # samples
EXCERPT = np.arange(BURN_IN_BLOCKS, EXCERPT_BLOCKS, step=EXCERPT_STRIDE * DT) * 1.0  # ms
BOUNDS = (  # mS/cm2, low and high by channel, as in the published code
    ((0, 0, 0, 0, 0, 25, 0, 0), (500, 7.5, 8, 60, 15, 150, 0.02, 0.01)),  # the text has 0.2 for I_H
    ((0, 0, 2, 10, 0, 0, 0, 0.01), (200, 2.5, 12, 60, 10, 125, 0.06, 0.04)),
    ((0, 0, 0, 30, 0, 50, 0, 0), (600, 12.5, 4, 60, 5, 150, 0.06, 0.04)),
)
SYNAPSE_BOUNDS = {name: (1e-8, 1e-2 if name == "AB-LP" else 1e-3) for name in SYNAPSES}  # mS
# A triphasic network: a parameter set from a test of the authors' later package.
TRIPHASIC_THETA = (
    (286.921725, 0.0975099899, 5.53758392, 21.755384, 12.1938578, 123.777092, 0.00964585042, 0.00516584517)
    + (167.802913, 0.994858342, 7.71058188, 19.2827439, 7.30915903, 43.390796, 0.050381617, 0.021214225)
    + (477.249899, 5.10924385, 0.713955321, 39.6705037, 4.89271588, 59.2566636, 0.0551743568, 0.0121729756)
    + (-10.8318439, -10.5837408, -13.891689, -9.07825715, -8.90034224, -15.7819342, -7.23973359)
)
OBSERVED = (  # preparation 845_082_0044, 150 s, extracellular; Goncalves et al. 2020
    (1170.8585937500002, 206.03643410852757, 214.3070312499983, 412.84218749999985)
    + (275.16484375000044, 42.04609375000071, 481.9257812500009, 738.2789062499999)
    + (0.17597038208400437, 0.18303408489629858, 0.3525978198424098)
    + (0.23501116635161598, 0.035910479689384524, 0.41160032801783486, 0.6305448926035179)
    + (2.5, 2.5, 2.5)
)


def _prior() -> Prior:
    marginals, units, labels = {}, {}, {}
    for neuron, short, (low, high) in zip(NEURONS, features.NEURONS, BOUNDS, strict=True):
        for channel, least, most in zip(CHANNELS, low, high, strict=True):
            name = f"{short}_{channel}"
            marginals[name] = dist.Uniform(float(least), float(most))
            units[name] = "mS/cm2"
            labels[name] = rf"$g_\mathrm{{{channel}}}^\mathrm{{{neuron}}}$"
    for synapse, (least, most) in SYNAPSE_BOUNDS.items():
        marginals[synapse] = dist.Uniform(float(np.log(least)), float(np.log(most)))
        units[synapse] = "ln mS"
        labels[synapse] = rf"$\ln g_\mathrm{{{synapse}}}$"
    return Prior(marginals, units=units, labels=labels)


PRIOR = _prior()
Row = Float[Array, "31 *batch"]
Words = UInt32[Array, "2 *batch"]
Features = Float[Array, "18 *batch"]
Noise = Callable[[Array], Float[Array, "40 3 *batch"]]
Fold = Callable[[Any, Array, Array], tuple[Any, Any]]


def conductances(theta: Row) -> Conductances:
    """Parameters in the flat order, as conductances in mS."""
    membrane = theta[:24].reshape(3, 8, *theta.shape[1:]) * AREA
    return Conductances(jnp.moveaxis(membrane, 0, 1), jnp.exp(theta[24:]))


def counter_noise(words: Words, dtype: DTypeLike) -> Noise:
    """Standard normals by block: those of (key, neuron, step), the same in single and in double precision."""

    def block(index: Array) -> Array:
        shape = rhythm.BLOCK_LENGTH, 3, *words.shape[1:]
        step = jax.lax.broadcasted_iota(jnp.uint32, shape, 0) + index.astype(jnp.uint32) * np.uint32(shape[0])
        neuron = jax.lax.broadcasted_iota(jnp.uint32, shape, 1)
        return standard_normal(random_word((words[0], words[1]), neuron, step)).astype(dtype)

    return block


def run(theta: Row, noise: Noise, fold: Fold, summary: Any, num_blocks: int) -> tuple[Network, Any, Any]:
    """Simulate, and hand the voltage over in blocks of one millisecond.

    Args:
        theta: parameters in the flat order; simulations are the last axis of everything.
        noise: index of a block -> standard normals of its 40 steps, shape (40, 3, *batch); the first moves
            the state at the block's first sample on to the second.
        fold: ``(summary, index, voltage (40, 3, *batch)) -> (summary, kept)``.
        summary: before the first block.
        num_blocks: how many blocks.

    Returns:
        The last state, the last summary, and what was kept, stacked over blocks.
    """
    g = conductances(theta)

    def advance(network: Network, current: Array) -> tuple[Network, Array]:
        return step(network, g, current), network.voltage

    def block(carry: tuple[Network, Any], index: Array) -> tuple[tuple[Network, Any], Any]:
        network, summary = carry
        network, voltage = jax.lax.scan(advance, network, noise(index) * NOISE, unroll=unrolled())
        summary, kept = fold(summary, index, voltage)
        return (network, summary), kept

    carry = at_start(theta.shape[1:], theta.dtype), summary
    (network, summary), kept = jax.lax.scan(block, carry, jnp.arange(num_blocks, dtype=jnp.int32))
    return network, summary, kept


def voltage_of(theta: Row, noise: Noise, num_blocks: int, stride: int = 1) -> Array:
    """Membrane potential in mV, shape (3, num_blocks * 40 / stride, *batch); the stride divides 40."""

    def keep(nothing: tuple[()], _: Array, block: Array) -> tuple[tuple[()], Array]:
        return nothing, block[::stride]

    _, _, blocks = run(theta, noise, keep, (), num_blocks)
    return jnp.moveaxis(blocks.reshape(-1, *blocks.shape[2:]), 0, 1)


def features_of(theta: Row, noise: Noise, num_blocks: int = NUM_BLOCKS) -> Features:
    """The features of a window, all infinite where the state is not finite, without storing the voltage."""

    def add(state: rhythm.Rhythm, index: Array, block: Array) -> tuple[rhythm.Rhythm, None]:
        return rhythm.add_block(state, index - BURN_IN_BLOCKS, block, num_blocks), None

    state = rhythm.start(num_blocks, theta.shape[1:], theta.dtype)
    network, state, _ = run(theta, noise, add, state, BURN_IN_BLOCKS + num_blocks + 1)
    finish = features.of_rhythm if theta.ndim == 1 else jax.vmap(features.of_rhythm, -1, -1)
    found = finish(state)
    x = jnp.stack([found[name] for name in features.UNITS])  # vmap has sorted the names
    is_finite = jnp.isfinite(network.voltage).all(0) & jnp.isfinite(network.calcium).all(0)
    return jnp.where(is_finite, x, jnp.inf)


def _wide(function: Callable[[Array, Noise], Array], precision: str) -> Callable[[Any, Theta], Array]:
    """The function as ``(key, theta) -> float32 array`` of one simulation, whose vmap has simulations last.

    JAX would put them first, where no loop over neurons is contiguous.
    """
    dtype = np.dtype({"single": np.float32, "double": np.float64}[precision])

    def compute(words: Array, theta: Array) -> Array:
        with jax.enable_x64(dtype == np.float64):
            return function(theta.astype(dtype), counter_noise(words, dtype)).astype(np.float32)

    one = custom_vmap(compute)

    @one.def_vmap
    def many(size: int, is_batched: list[bool], *arguments: Array) -> tuple[Array, bool]:
        rows = [
            jnp.moveaxis(a, 0, -1) if has_rows else jnp.broadcast_to(a[..., None], (*a.shape, size))
            for a, has_rows in zip(arguments, is_batched, strict=True)
        ]
        return jnp.moveaxis(compute(*rows), -1, 0), True

    def simulate(key: Key[Array, ""], theta: Theta) -> Array:
        row = [
            jnp.asarray(theta[name], jnp.float32) for name in PRIOR.names
        ]  # jit and vmap sort a dictionary
        return one(key_words(key), jnp.stack(row))

    return simulate


def make_pyloric(*, precision: str = "single") -> Simulator:
    """The simulator.

    Args:
        precision: "single", statistically faithful and four times as fast, or "double".

    Raises:
        ValueError: another precision.
    """
    if precision not in ("single", "double"):
        raise ValueError(f"The precision is 'single' or 'double'; got {precision!r}.")
    fused = _wide(features_of, precision)

    def simulate_features(key: Key[Array, ""], theta: Theta) -> dict[str, Float[Array, ""]]:
        return dict(zip(features.UNITS, fused(key, theta), strict=True))

    return Simulator(
        "pyloric",
        PRIOR,
        _wide(partial(voltage_of, num_blocks=BURN_IN_BLOCKS + NUM_BLOCKS), precision),
        _features_of_recording,
        feature_units=features.UNITS,
        feature_labels=features.LABELS,
        differentiable=False,  # bursts are counted
        simulate_features=simulate_features,
        is_valid=lambda x: jnp.isfinite(x[features.TRIPHASIC]),
        axes=RecordingAxes(EXCERPT, "voltage", "mV", rows=NEURONS),
        picture=_wide(_excerpt, precision),
        chunk_size=256,
        true_theta=np.array(TRIPHASIC_THETA, np.float32),
        observed=Observed(np.array(OBSERVED, np.float32), label="crab 845_082_0044, extracellular"),
        recordings=RECORDINGS,
        drive=drive if precision == "single" else partial(drive, precision=precision),
        title="Pyloric network",
        summary="Three neurons of the crab's stomach with 31 conductances: which of them give the triphasic "
        "rhythm that was recorded?",
        source="Goncalves et al. 2020, eLife 9:e56261; after Prinz et al. 2004, Nature Neuroscience 7",
    )


def drive(cells: Cells, *, precision: str = "single") -> Simulator:
    """The model with the features of recorded cells as its observation; nothing stimulates the network.

    Args:
        cells: spikes or voltages of AB/PD, LP and PY.
        precision: as in ``make_pyloric``.

    Raises:
        ValueError: the recording is too long, or some of its features are undefined.
    """
    model = pyloric if precision == "single" else make_pyloric(precision=precision)
    return replace(model, observed=observe(cells, EXCERPT))


def _features_of_recording(recording: Float[Array, "3 num_samples"]) -> dict[str, Float[Array, ""]]:
    """The features of ``simulate(key, theta)``, all infinite where it is not finite."""
    window = recording[:, BURN_IN_BLOCKS * rhythm.BLOCK_LENGTH :]
    is_finite = jnp.isfinite(window).all()
    found = features.of_rhythm(rhythm.of_voltage(window))
    return {name: jnp.where(is_finite, value, jnp.inf) for name, value in found.items()}


def _excerpt(theta: Row, noise: Noise) -> Array:
    voltage = voltage_of(theta, noise, EXCERPT_BLOCKS, EXCERPT_STRIDE)
    return voltage[:, BURN_IN_BLOCKS * rhythm.BLOCK_LENGTH // EXCERPT_STRIDE :]


pyloric = make_pyloric()
