"""One compartment with sodium, potassium, M and leak currents (Pospischil et al. 2008, Biol. Cybern. 99).

    C dV/dt = g_Na m^3 h (E_Na - V) + (g_K n^4 + g_M p) (E_K - V) + g_leak (E_leak - V) + I + sigma eta

Time in ms, voltages in mV, conductances in mS/cm2, currents in uA/cm2, sigma in uA/cm2 ms^0.5, C = 1 uF/cm2.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from simulators.base import Theta
from simulators.exponential import exp
from simulators.integrate import exponential_euler

E_NA = 53.0  # mV
E_K = -107.0  # mV
FARTHEST = 300.0  # mV; no exponential of a rate overflows up to there


class Neuron(NamedTuple):
    """State of the compartment: voltage in mV, gates between 0 and 1."""

    voltage: Float[Array, ""]
    m: Float[Array, ""]
    h: Float[Array, ""]
    n: Float[Array, ""]
    p: Float[Array, ""]


def at_rest(voltage: Float[Array, ""], theta: Theta) -> Neuron:
    """The neuron held at a voltage (mV) for so long that its gates are at their steady state."""
    return Neuron(voltage, *(steady_state for steady_state, _ in kinetics(voltage, theta)))


def step(
    neuron: Neuron, current: Float[Array, ""], noise: Float[Array, ""], *, theta: Theta, dt: float
) -> tuple[Neuron, Float[Array, ""]]:
    """The neuron one step later, and its voltage now: exponential Euler, one variable after the other.

    The gates already see the new voltage, as in the published code.

    Args:
        neuron: state now.
        current: stimulus, uA/cm2.
        noise: standard normal.
        theta: named parameters.
        dt: ms.
    """
    v, m, h, n, p = neuron
    sodium, potassium = theta["g_Na"] * m**3 * h, theta["g_K"] * n**4 + theta["g_M"] * p
    conductance = sodium + potassium + theta["g_leak"]
    driven = current + theta["sigma"] * noise / math.sqrt(dt)
    v_inf = (sodium * E_NA + potassium * E_K - theta["g_leak"] * theta["-E_leak"] + driven) / conductance
    new_v = exponential_euler(v, v_inf, conductance, dt)
    new_gates = [
        exponential_euler(gate, steady_state, rate, dt)
        for gate, (steady_state, rate) in zip((m, h, n, p), kinetics(new_v, theta), strict=True)
    ]
    return Neuron(new_v, *new_gates), v


def kinetics(voltage: Float[Array, ""], theta: Theta) -> list[tuple[Array, Array]]:
    """(steady state, rate in 1/ms) of the gates m, h, n and p at a voltage in mV; V_T does not enter p.

    The closing of n is k_bn1 exp(-(u - 10) / k_bn2), as published with 0.5/ms and 40 mV unless theta says.
    Beyond 300 mV on either side, all are what they are there.
    """
    voltage = jnp.clip(voltage, -FARTHEST, FARTHEST)
    u = voltage + theta["-V_T"]
    e_40 = exp((u - 40) / 5)
    opening_and_closing = (
        (1.28 * _linoid((13 - u) / 4), 1.4 * _linoid((u - 40) / 5)),
        (0.128 * exp((17 - u) / 18), 4.0 * e_40 / (1 + e_40)),
        (0.16 * _linoid((15 - u) / 5), theta.get("k_bn1", 0.5) * exp((10 - u) / theta.get("k_bn2", 40.0))),
    )
    m_h_n = [(opening / (opening + closing), opening + closing) for opening, closing in opening_and_closing]
    e, inverse = exp((voltage + 35) / 20), exp((voltage + 35) / -20)
    return [*m_h_n, (e / (e + inverse), (3.3 * e + inverse) / theta["tau_max"])]


def _linoid(z: Array) -> Array:
    """Value of z / (exp(z) - 1), continued through z = 0."""
    if z.dtype == jnp.float32:
        is_small, series = jnp.abs(z) < 0.25, 1 - z * (0.5 - z * (1 / 12) * (1 - z * z * (1 / 60)))
        return jnp.where(is_small, series, z / (jnp.where(is_small, 2.0, exp(z)) - 1))
    is_small = jnp.abs(z) < 1e-4
    safe = jnp.where(is_small, 1.0, z)
    return jnp.where(is_small, 1 - z / 2, safe / jnp.expm1(safe))
