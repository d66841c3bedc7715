"""Hodgkin-Huxley: one compartment under a current clamp, eight parameters, seven features.

As in Goncalves et al. 2020 (eLife 9:e56261, figure 4). The parameters -V_T and -E_leak are positive numbers;
sigma is the standard deviation of white current noise. V_0 is not E_leak, so a relaxation comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist

from simulators.base import Observed, RecordingAxes, Simulator, Theta
from simulators.features import current_clamp
from simulators.features.current_clamp import Timing
from simulators.integrate import scan_blocks
from simulators.models.pospischil import at_rest, step
from simulators.precision import in_precision
from simulators.prior import Prior
from simulators.recordings import Recording

V_0 = -70.0  # mV
DT = 0.01  # ms
DURATION = 120.0  # ms
STIMULUS_ON, STIMULUS_OFF = 10.0, 110.0  # ms
STIMULUS = 5e-4 / (np.pi * 70e-4**2)  # uA/cm2: 0.5 nA into a membrane of pi (70 um)^2
BLOCK_LENGTH = 200  # samples; part of the model in so far as noise is drawn per block
CHUNK = 512  # rows; the steps of more are shared among threads, which costs more than it gains
MAX_DT = 0.1  # ms; a spike is about 1 ms wide, and the refractory rule works in steps of 0.5 ms

PRIOR = Prior(
    {
        "g_Na": dist.Uniform(0.5, 80.0),
        "g_K": dist.Uniform(1e-4, 15.0),
        "g_leak": dist.Uniform(1e-4, 0.6),
        "g_M": dist.Uniform(1e-4, 0.6),
        "tau_max": dist.Uniform(50.0, 3000.0),
        "-V_T": dist.Uniform(40.0, 90.0),
        "sigma": dist.Uniform(1e-4, 0.15),
        "-E_leak": dist.Uniform(35.0, 100.0),
    },
    units={
        "g_Na": "mS/cm2",
        "g_K": "mS/cm2",
        "g_leak": "mS/cm2",
        "g_M": "mS/cm2",
        "tau_max": "ms",
        "-V_T": "mV",
        "sigma": "uA/cm2 ms^0.5",
        "-E_leak": "mV",
    },
    labels={
        "g_Na": r"$g_\mathrm{Na}$",
        "g_K": r"$g_\mathrm{K}$",
        "g_leak": r"$g_\mathrm{leak}$",
        "g_M": r"$g_\mathrm{M}$",
        "tau_max": r"$\tau_\mathrm{max}$",
        "-V_T": r"$-V_T$",
        "sigma": r"$\sigma$",
        "-E_leak": r"$-E_\mathrm{leak}$",
    },
)


@dataclass(frozen=True, eq=False)
class Protocol:
    """A current-clamp experiment.

    Attributes:
        stimulus: current density of every sample, uA/cm2, shape (num_samples,).
        timing: when it was on.
        initial_voltage: V at sample 0, mV.
    """

    stimulus: Float[np.ndarray, " num_samples"]
    timing: Timing
    initial_voltage: float

    @cached_property
    def time(self) -> Float[np.ndarray, " num_samples"]:
        """Time since the first sample, in ms."""
        return np.arange(len(self.stimulus)) * self.timing.dt


def simulate(key: Key[Array, ""], theta: Theta, protocol: Protocol) -> Float[Array, " num_samples"]:
    """Membrane potential in mV, one sample per step of the protocol."""

    def keep(nothing, _, block):
        return nothing, block

    _, blocks = _scan(key, theta, protocol, keep, ())
    return blocks.reshape(-1)[: len(protocol.stimulus)]


def simulate_features(key: Key[Array, ""], theta: Theta, protocol: Protocol) -> dict[str, Float[Array, ""]]:
    """The seven features of ``simulate(key, theta, protocol)``, without storing the trace."""

    def add(running, first, block):
        return current_clamp.add_block(running, first, block, protocol.timing), None

    running = current_clamp.start(protocol.timing, jnp.result_type(theta["g_Na"]))
    running, _ = _scan(key, theta, protocol, add, running)
    return current_clamp.finish(running)


def _scan(key: Key[Array, ""], theta: Theta, protocol: Protocol, fold, summary):
    neuron = at_rest(jnp.full_like(theta["g_Na"], protocol.initial_voltage), theta)
    advance = partial(step, theta=theta, dt=protocol.timing.dt)
    return scan_blocks(key, advance, neuron, protocol.stimulus, fold, summary, block_length=BLOCK_LENGTH)


def drive(recording: Recording, *, precision: str = "single") -> Simulator:
    """The model under the current of a recording, which becomes its observation.

    The recorded current over the cell's area is the stimulus, the recording's step the integration step, and
    the first voltage sample (corrected for the junction potential) is V_0.

    Args:
        recording: voltage and current of a cell whose area is known.
        precision: as in ``make_hodgkin_huxley``.

    Raises:
        ValueError: the area is unknown, the sampling too coarse, or there is no rest before the stimulus.
    """
    if recording.area is None:
        raise ValueError(
            f"'{recording.label}' has no cell area to turn its current into a current density; give the "
            "membrane time constant and input resistance (their ratio is the area at 1 uF/cm2), or the area."
        )
    if recording.dt > MAX_DT:
        raise ValueError(
            f"'{recording.label}' has one sample per {recording.dt:g} ms, but to integrate and to count "
            f"spikes takes at most {MAX_DT:g} ms; give a recording with finer sampling."
        )
    start = float(recording.time[0])
    on, off = recording.stimulus_on - start, recording.stimulus_off - start
    voltage = np.asarray(recording.corrected_voltage, np.float32)
    timing = Timing(len(voltage), float(recording.dt), on, off)
    protocol = Protocol(np.asarray(recording.current) / recording.area, timing, float(voltage[0]))
    features = jax.jit(partial(current_clamp.features, timing=timing))(voltage)
    x = np.array([features[name] for name in current_clamp.UNITS], np.float32)
    observed = Observed(x, recording=voltage, label=recording.label, told=_told(recording))
    return _simulator(protocol, observed=observed, precision=precision)


def _told(recording: Recording) -> str:
    """What turned the recorded voltage and current into those of the model."""
    added = f"includes the junction potential, {recording.junction_potential:.3g} mV"
    voltage = added if recording.junction_potential else "is not corrected for a junction potential"
    current = f"divided by the membrane area, {recording.area:.3g} cm²"
    return f"The voltage {voltage}, and the current is {current}.".replace("-", "−")


def _simulator(
    protocol: Protocol,
    *,
    true_theta: np.ndarray | None = None,
    observed: Observed | None = None,
    precision: str = "single",
) -> Simulator:
    return Simulator(
        "hodgkin_huxley",
        PRIOR,
        in_precision(partial(simulate, protocol=protocol), precision),
        partial(current_clamp.features, timing=protocol.timing),
        feature_units=current_clamp.UNITS,
        feature_labels=current_clamp.LABELS,
        differentiable=False,  # the spike count has no slope
        simulate_features=in_precision(partial(simulate_features, protocol=protocol), precision),
        chunk_size=CHUNK,
        axes=RecordingAxes(
            protocol.time,
            "voltage",
            "mV",
            stimulus=protocol.stimulus,
            stimulus_name="current density",
            stimulus_unit="uA/cm2",
        ),
        true_theta=true_theta,
        observed=observed,
        drive=drive if precision == "single" else partial(drive, precision=precision),
        title="Hodgkin-Huxley",
        summary="One compartment with sodium, potassium, M and leak currents under a current step: "
        "which conductances make it spike as the recorded cell does?",
        source="Goncalves et al. 2020, eLife 9:e56261; kinetics of Pospischil et al. 2008, Biol. Cybern. 99",
    )


def current_step() -> Protocol:
    """The published stimulus: 0.5 nA for 100 ms into the membrane of a cylinder."""
    timing = Timing(round(DURATION / DT) + 1, DT, STIMULUS_ON, STIMULUS_OFF)
    stimulus = np.zeros(timing.num_samples)
    stimulus[round(STIMULUS_ON / DT) : round(STIMULUS_OFF / DT)] = STIMULUS
    return Protocol(stimulus, timing, V_0)


def make_hodgkin_huxley(*, precision: str = "single") -> Simulator:
    """The model under the published current step.

    Args:
        precision: "double" sees the same noise as "single", and takes about twice as long.

    Raises:
        ValueError: another precision.
    """
    true_theta = np.array([50.0, 5.0, 0.1, 0.07, 600.0, 60.0, 0.1, 70.0], np.float32)
    return _simulator(current_step(), true_theta=true_theta, precision=precision)


hodgkin_huxley = make_hodgkin_huxley()
