"""Hodgkin-Huxley with twelve parameters and twenty features, as in Lueckmann et al. 2017 (NeurIPS, figure 3).

The currents of ``hodgkin_huxley`` with reversal potentials and the closing rate of n as parameters too:
beta_n = k_bn1 exp(-(u - 10) / k_bn2), u = V - V_T. Each parameter is log-uniform around its true value. The
published code integrates by forward Euler (0.01 ms) and begins at V_0 = E_leak. It is that of May 2017; the
paper's may differ. Features are not z-scored here.
"""

from __future__ import annotations

import math
from functools import partial

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist
from numpyro.distributions import constraints
from numpyro.distributions.transforms import ExpTransform

from simulators.base import RecordingAxes, Simulator, Theta
from simulators.features import current_clamp_20
from simulators.integrate import scan_blocks
from simulators.models.hodgkin_huxley import BLOCK_LENGTH, Protocol, current_step
from simulators.models.pospischil import Neuron, at_rest, kinetics
from simulators.precision import in_precision
from simulators.prior import Prior

TRUTH = {
    "g_Na": 50.0,
    "g_K": 5.0,
    "g_leak": 0.1,
    "E_Na": 50.0,
    "-E_K": 90.0,
    "-E_leak": 70.0,
    "g_M": 0.07,
    "tau_max": 600.0,
    "k_bn1": 0.5,
    "k_bn2": 40.0,
    "-V_T": 60.0,
    "sigma": 0.5,
}
UNITS = {
    **dict.fromkeys(("g_Na", "g_K", "g_leak", "g_M"), "mS/cm2"),
    **dict.fromkeys(("E_Na", "-E_K", "-E_leak", "-V_T", "k_bn2"), "mV"),
    "tau_max": "ms",
    "k_bn1": "1/ms",
    "sigma": "uA/cm2 ms^0.5",
}
LABELS = {
    "g_Na": r"$g_\mathrm{Na}$",
    "g_K": r"$g_\mathrm{K}$",
    "g_leak": r"$g_\mathrm{leak}$",
    "E_Na": r"$E_\mathrm{Na}$",
    "-E_K": r"$-E_\mathrm{K}$",
    "-E_leak": r"$-E_\mathrm{leak}$",
    "g_M": r"$g_\mathrm{M}$",
    "tau_max": r"$\tau_\mathrm{max}$",
    "k_bn1": r"$k_{\beta n 1}$",
    "k_bn2": r"$k_{\beta n 2}$",
    "-V_T": r"$-V_T$",
    "sigma": r"$\sigma$",
}
RANGES = {"default": (0.5, 1.5), "large": (0.01, 3.0)}  # times the true value


class LogUniform(dist.TransformedDistribution):
    """Uniform logarithm. NumPyro's own takes logarithms on the device, which importing a model must not."""

    pytree_data_fields = ("support",)
    support: constraints.Constraint = constraints.positive

    def __init__(self, low: float, high: float) -> None:
        super().__init__(dist.Uniform(math.log(low), math.log(high)), ExpTransform())
        self.support = constraints.interval(low, high)


def make_prior(kind: str = "default") -> Prior:
    """The published prior, or the published wider one.

    Raises:
        ValueError: there is no such prior.
    """
    if kind not in RANGES:
        raise ValueError(f"A prior of hodgkin_huxley_12 is one of {', '.join(RANGES)}; got '{kind}'.")
    low, high = RANGES[kind]
    marginals = {name: LogUniform(low * value, high * value) for name, value in TRUTH.items()}
    return Prior(marginals, units=UNITS, labels=LABELS)


def step(
    neuron: Neuron, current: Float[Array, ""], noise: Float[Array, ""], *, theta: Theta, dt: float
) -> tuple[Neuron, Float[Array, ""]]:
    """The neuron one step later, and its voltage now: forward Euler; the gates see the new voltage.

    Args:
        neuron: state now.
        current: stimulus, uA/cm2.
        noise: standard normal.
        theta: named parameters.
        dt: ms.
    """
    v, m, h, n, p = neuron
    ionic = (
        theta["g_Na"] * m**3 * h * (theta["E_Na"] - v)
        + (theta["g_K"] * n**4 + theta["g_M"] * p) * (-theta["-E_K"] - v)
        + theta["g_leak"] * (-theta["-E_leak"] - v)
    )
    new_v = v + dt * (ionic + current) + theta["sigma"] * math.sqrt(dt) * noise
    new_gates = [
        gate + dt * rate * (steady_state - gate)
        for gate, (steady_state, rate) in zip((m, h, n, p), kinetics(new_v, theta), strict=True)
    ]
    return Neuron(new_v, *new_gates), v


def simulate(key: Key[Array, ""], theta: Theta, protocol: Protocol) -> Float[Array, " num_samples"]:
    """Membrane potential in mV, one sample per step of the protocol."""

    def keep(nothing, _, block):
        return nothing, block

    _, blocks = _scan(key, theta, protocol, keep, ())
    return blocks.reshape(-1)[: len(protocol.stimulus)]


def simulate_features(key: Key[Array, ""], theta: Theta, protocol: Protocol) -> dict[str, Float[Array, ""]]:
    """The twenty features of ``simulate(key, theta, protocol)``, without storing the trace."""

    def add(running, first, block):
        return current_clamp_20.add_block(running, first, block, protocol.timing), None

    running = current_clamp_20.start(protocol.timing, jnp.result_type(theta["g_Na"]))
    running, _ = _scan(key, theta, protocol, add, running)
    return current_clamp_20.finish(running)


def _scan(key: Key[Array, ""], theta: Theta, protocol: Protocol, fold, summary):
    neuron = at_rest(-theta["-E_leak"], theta)
    advance = partial(step, theta=theta, dt=protocol.timing.dt)
    return scan_blocks(key, advance, neuron, protocol.stimulus, fold, summary, block_length=BLOCK_LENGTH)


def make_hodgkin_huxley_12(prior: str = "default", *, precision: str = "single") -> Simulator:
    """The model under the current step of ``hodgkin_huxley``.

    Args:
        prior: "default", log-uniform from 0.5 to 1.5 times the true values; "large", from 0.01 to 3 times.
        precision: "double" sees the same noise as "single", and takes about twice as long.

    Raises:
        ValueError: an unknown prior or precision.
    """
    protocol = current_step()
    axes = RecordingAxes(
        protocol.time,
        "voltage",
        "mV",
        stimulus=protocol.stimulus,
        stimulus_name="current density",
        stimulus_unit="uA/cm2",
    )
    return Simulator(
        "hodgkin_huxley_12",
        make_prior(prior),
        in_precision(partial(simulate, protocol=protocol), precision),
        partial(current_clamp_20.features, timing=protocol.timing),
        feature_units=current_clamp_20.UNITS,
        feature_labels=current_clamp_20.LABELS,
        differentiable=False,  # the spike count has no slope
        simulate_features=in_precision(partial(simulate_features, protocol=protocol), precision),
        axes=axes,
        true_theta=np.array(list(TRUTH.values()), np.float32),
        title="Hodgkin-Huxley, 12 parameters",
        summary="One compartment whose conductances, reversal potentials and kinetics are all unknown, and "
        "twenty features of its voltage: what does a current step tell about them?",
        source="Lueckmann et al. 2017, Flexible statistical inference for mechanistic models, NeurIPS",
    )


hodgkin_huxley_12 = make_hodgkin_huxley_12()
