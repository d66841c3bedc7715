"""Three neurons of the stomatogastric ganglion and their synapses: kinetics, and one step of the network.

Membrane currents as in Prinz et al. 2003, J. Neurophysiol. 90 and 2004, Nat. Neurosci. 7, as published with
Goncalves et al. 2020 (eLife 9:e56261), at 283 K, where every Q10 factor of that code is 1. Voltages in mV,
times in ms, calcium in uM, conductances in mS, currents in uA, capacitance in uF, all per compartment.

Neurons are the first axis of every array, simulations the last, so that a wide batch is contiguous. The
formulas are rearranged to need few divisions and exponentials: a gate with x_inf = 1/(1 + E) and
tau = p - q/(1 + e) has dt/tau = dt (1 + e)/(p - q + p e), and one reciprocal serves both.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from simulators.exponential import exp, one_minus_exp

DT = 0.025  # ms
AREA = 0.628e-3  # cm2
CAPACITANCE = 0.6283e-3  # uF; the published code has this, not 1 uF/cm2 times the area
E_NA, E_K, E_H, E_LEAK = 50.0, -80.0, -20.0, -50.0  # mV
E_GLUTAMATE, E_CHOLINE = -70.0, -80.0  # mV
NERNST = 8314.51 * 283 / (2 * 96485.3415)  # mV, R T / 2 F
CALCIUM_OUTSIDE, CALCIUM_REST = 3000.0, 0.05  # uM
CALCIUM_TAU = 200.0  # ms
CALCIUM_PER_CURRENT = 14_961.0  # uM/uA
GLUTAMATE_DECAY, CHOLINE_DECAY = 40.0, 100.0  # ms, 1/k_
V_START = -50.0  # mV
CHANNELS = ("Na", "CaT", "CaS", "A", "KCa", "Kd", "H", "leak")
SYNAPSES = ("AB-LP", "PD-LP", "AB-PY", "PD-PY", "LP-PD", "LP-PY", "PY-LP")
Neurons = Float[Array, "3 *batch"]
Junctions = Float[Array, "7 *batch"]


class Conductances(NamedTuple):
    """Maximal conductances in mS: ``membrane`` by channel and neuron, ``synapses`` as in ``SYNAPSES``."""

    membrane: Float[Array, "8 3 *batch"]
    synapses: Junctions


class Gates(NamedTuple):
    """Activation m and inactivation h of the channels, between 0 and 1."""

    m_Na: Neurons
    h_Na: Neurons
    m_CaT: Neurons
    h_CaT: Neurons
    m_CaS: Neurons
    h_CaS: Neurons
    m_A: Neurons
    h_A: Neurons
    m_KCa: Neurons
    m_Kd: Neurons
    m_H: Neurons


class Synapses(NamedTuple):
    """Activation of the synapses by where they come from: equal for all targets of a transmitter."""

    ab: Float[Array, "*batch"]
    pd: Float[Array, "*batch"]
    lp: Float[Array, "*batch"]
    py: Float[Array, "*batch"]


class Network(NamedTuple):
    """State of the three neurons AB/PD, LP and PY."""

    voltage: Neurons
    calcium: Neurons
    gates: Gates
    synapses: Synapses


def at_start(batch: tuple[int, ...], dtype: DTypeLike) -> Network:
    """The published initial state: -50 mV, calcium at rest, every gate and synapse at 0."""
    closed = jnp.zeros((3, *batch), dtype)
    synapses = Synapses(*[jnp.zeros(batch, dtype)] * 4)
    return Network(closed + V_START, closed + CALCIUM_REST, Gates(*[closed] * 11), synapses)


def step(network: Network, conductances: Conductances, noise: Neurons) -> Network:
    """The network one step of 0.025 ms later: exponential Euler, everything seen from the old state.

    Args:
        network: state now.
        conductances: mS.
        noise: current into each neuron, uA.
    """
    v, calcium, g = network.voltage, network.calcium, network.gates
    membrane = conductances.membrane
    sodium = membrane[0] * _cube(g.m_Na) * g.h_Na
    calcium_g = membrane[1] * _cube(g.m_CaT) * g.h_CaT + membrane[2] * _cube(g.m_CaS) * g.h_CaS
    potassium = (
        membrane[3] * _cube(g.m_A) * g.h_A + membrane[4] * _fourth(g.m_KCa) + membrane[5] * _fourth(g.m_Kd)
    )
    mixed, leak = membrane[6] * g.m_H, membrane[7]
    glutamate, choline = _synaptic(network.synapses, conductances.synapses)

    calcium_current = calcium_g * (v - NERNST * (math.log(CALCIUM_OUTSIDE) - jnp.log(calcium)))
    steady_calcium = CALCIUM_REST - CALCIUM_PER_CURRENT * calcium_current
    new_calcium = calcium + (steady_calcium - calcium) * -math.expm1(-DT / CALCIUM_TAU)

    total = sodium + calcium_g + potassium + mixed + leak + glutamate + choline
    current = sodium * (E_NA - v) - calcium_current - (potassium + choline) * (v - E_K) - mixed * (v - E_H)
    current = current - leak * (v - E_LEAK) - glutamate * (v - E_GLUTAMATE) + noise
    new_v = v + current * (DT / CAPACITANCE) * _mean_decay(total * (DT / CAPACITANCE))
    return Network(new_v, new_calcium, _next_gates(g, v, calcium), _next_synapses(network.synapses, v))


def _synaptic(s: Synapses, g: Junctions) -> tuple[Neurons, Neurons]:
    """Conductance of the glutamate and of the choline synapses onto AB/PD, LP and PY."""
    glutamate = jnp.stack([g[4] * s.lp, g[0] * s.ab + g[6] * s.py, g[2] * s.ab + g[5] * s.lp])
    return glutamate, jnp.stack([jnp.zeros_like(s.pd), g[1] * s.pd, g[3] * s.pd])


def _mean_decay(z: Array) -> Array:
    """Value of (1 - exp(-z)) / z, for z from 0 on; 1 at 0, where a neuron without leak begins."""
    is_small = z < (1e-2 if z.dtype == jnp.float32 else 1e-9)
    safe = jnp.where(is_small, 1.0, jnp.minimum(z, 80.0))
    series = 1 - z * (0.5 - z * (1 / 6))
    decay = 1 - exp(-safe) if z.dtype == jnp.float32 else -jnp.expm1(-safe)
    return jnp.where(is_small, series, decay / safe)


def _next_gates(g: Gates, v: Neurons, calcium: Neurons) -> Gates:
    def e(a: float, b: float) -> Neurons:
        """Value of exp((V + a) / b)."""
        return exp(v * (1 / b) + a / b)

    def tau(p: float, q: float, e: Neurons) -> tuple[Neurons, Neurons]:
        """Fraction dt/tau with tau = p - q / (1 + e), as numerator and denominator."""
        return DT * (1 + e), (p - q) + p * e

    e1, e2 = e(62.9, -10.0), e(34.9, 3.6)
    s, t = e(27.0, 10.0) + e(70.0, -13.0), e(55.0, 9.0) + e(65.0, -16.0)
    closed_KCa = (1 + e(28.3, -12.6)) * (calcium + 3)
    h_opening = exp(v * -0.086 - 14.59) + exp(v * 0.0701 - 1.87)
    return Gates(
        _gate(g.m_Na, e(25.5, -5.29), *tau(2.64, 2.52, e(120.0, -25.0)), degree=5),
        _gate(g.h_Na, e(48.9, 5.18), (DT / 1.34) * (1 + e1) * (1 + e2), 2.5 + 1.5 * e2, degree=5),
        _gate(g.m_CaT, e(27.1, -7.2), *tau(43.4, 42.6, e(68.1, -20.5))),
        _gate(g.h_CaT, e(32.1, 5.5), *tau(210.0, 179.6, e(55.0, -16.9))),
        _gate(g.m_CaS, e(33.0, -8.1), DT * s, 2.8 * s + 14.0),
        _gate(g.h_CaS, e(60.0, 6.2), DT * t, 120 * t + 300.0),
        _gate(g.m_A, e(27.2, -8.7), *tau(23.2, 20.8, e(32.9, -15.2))),
        _gate(g.h_A, e(56.9, 4.9), *tau(77.2, 58.4, e(38.9, -26.5))),
        _gate_to(g.m_KCa, calcium, closed_KCa, *tau(180.6, 150.2, e(46.0, -22.7)), degree=3),
        _gate(g.m_Kd, e(12.3, -11.8), *tau(14.4, 12.8, e(28.3, -19.2))),
        g.m_H + (1 / (1 + e(75.0, 5.5)) - g.m_H) * one_minus_exp((DT / 2.0) * h_opening, degree=5),
    )


def _gate(x: Neurons, e: Neurons, numerator: Neurons, denominator: Neurons, *, degree: int = 3) -> Neurons:
    """Gate one step later, on its way to 1 / (1 + e) with dt/tau = numerator / denominator."""
    return _gate_to(x, 1.0, 1 + e, numerator, denominator, degree=degree)


def _gate_to(
    x: Neurons,
    top: Neurons | float,
    bottom: Neurons,
    numerator: Neurons,
    denominator: Neurons,
    *,
    degree: int,
) -> Neurons:
    """Gate one step later, on its way to top / bottom with dt/tau = numerator / denominator."""
    reciprocal = 1 / (bottom * denominator)
    steady_state = top * (reciprocal * denominator)
    return x + (steady_state - x) * one_minus_exp(numerator * (reciprocal * bottom), degree=degree)


def _next_synapses(s: Synapses, v: Neurons) -> Synapses:
    """Plain Euler with tau = (1 - s_inf) / k_, and at s_inf where a step is longer than tau."""
    e = exp(v * (-1 / 5) - 7)  # exp((-35 - V) / 5)
    reciprocal = 1 / (e * (1 + e))
    steady_state = reciprocal * e
    rate = (1 + e) * (1 + e) * reciprocal  # 1 / (1 - s_inf)

    def follow(x: Array, source: int, decay: float) -> Array:
        fraction = jnp.minimum(1.0, rate[source] * (DT / decay))
        return x + (steady_state[source] - x) * fraction

    glutamate = GLUTAMATE_DECAY
    return Synapses(
        follow(s.ab, 0, glutamate),
        follow(s.pd, 0, CHOLINE_DECAY),
        follow(s.lp, 1, glutamate),
        follow(s.py, 2, glutamate),
    )


def _cube(x: Array) -> Array:
    return x * x * x


def _fourth(x: Array) -> Array:
    return (x * x) * (x * x)
