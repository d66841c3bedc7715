"""Make simulators/models/ion_channel_basis.npz: the command of action potentials, and principal components.

    python tools/ion_channel_basis.py [--fits FITS.csv]

Takes a minute. With `--fits` (curve fits of ICG channels; columns theta1, theta2, theta3_mV, theta4, ...)
it also tells mean, standard deviation and correlation of their straightened parameters, which
`simulators/models/ion_channel_basis.py` repeats, and the share of variance that the components explain.
"""

import argparse
import csv
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from simulators.models import ion_channel_basis as basis
from simulators.models import voltage_clamp
from simulators.models.ion_channel import PRIOR
from simulators.models.pospischil import at_rest, step

PATH = Path(basis.__file__).with_name("ion_channel_basis.npz")
COLUMNS = ("theta1", "theta2", "theta3_mV", "theta4", "theta5", "theta6", "theta7", "theta8")
# Found by random search for: 27 spikes, the first at 127.2 ms and the last at 1579.7 ms, intervals of 36 to
# 63 ms, peaks of 30 to 34 mV, 2.7 ms above -20 mV, -42 mV between spikes, -66 mV before and -68 mV after.
CELL = {
    "g_Na": 8.9731,
    "g_K": 0.3962,
    "g_leak": 0.0088,
    "g_M": 0.0319,
    "tau_max": 183.9953,
    "-V_T": 47.3911,
    "-E_leak": 60.0,
    "k_bn1": 0.2333,
    "sigma": 0.0,
}
CURRENT, ON, OFF, DURATION, AT_START = 1.3616, 100.0, 1600.0, 1800.0, -66.0  # uA/cm2, ms, ms, ms, mV


def spike_train() -> np.ndarray:
    """Voltage of the cell in units of 0.01 mV, one sample per 0.025 ms."""
    dt = voltage_clamp.DT
    time = np.arange(round(DURATION / dt)) * dt
    with jax.enable_x64(new_val=True):
        theta = {name: jnp.float64(value) for name, value in CELL.items()}
        current = jnp.where((time >= ON) & (time < OFF), CURRENT, 0.0)
        silence = jnp.float64(0.0)
        start = at_rest(jnp.float64(AT_START), theta)
        run = jax.jit(
            lambda: jax.lax.scan(lambda s, i: step(s, i, silence, theta=theta, dt=dt), start, current)
        )
        voltage = np.asarray(run()[1])
    return np.round(voltage * basis.MILLIVOLT).astype(np.int16)


def told(protocols: list[voltage_clamp.Protocol], made: dict[str, np.ndarray], path: Path) -> str:
    """What the fits say: the Gaussian, and by protocol the share explained inside and outside the box."""
    table = list(csv.DictReader(path.open()))
    fits = np.array([[float(row[name]) for name in COLUMNS] for row in table])
    inside = ((fits >= PRIOR.low) & (fits <= PRIOR.high)).all(axis=1)
    opening = fits[:, 0] > 0
    scales = basis.straightened(fits[opening])
    lines = [f"mean {scales.mean(0).round(3)}", f"sd {scales.std(0, ddof=1).round(3)}"]
    lines += [f"correlation\n{np.corrcoef(scales.T).round(2)}"]
    sets = {
        "fits inside": fits[inside],
        "others, moved": np.clip(fits[opening & ~inside], PRIOR.low, PRIOR.high),
        "prior draws": np.asarray(PRIOR.sample(jax.random.key(0), 256), np.float64),
    }
    for protocol in protocols:
        for name, rows in sets.items():
            share = explained(basis.standardised(basis.responses(protocol, rows)), made[protocol.name])
            lines.append(f"{protocol.name}, {len(rows)} {name}: {share:.5f}")
    return "\n".join(lines) + "\n"


def explained(series: np.ndarray, time_courses: np.ndarray) -> float:
    """Share of the variance of standardised series that lies in the span of the time courses."""
    span, _ = np.linalg.qr(time_courses.reshape(-1, time_courses.shape[-1]).astype(np.float64))
    return float(np.sum((series @ span) ** 2) / np.sum(series**2))


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fits", type=Path, help="curve fits to compare with")
    arguments = parser.parse_args()
    made = {"command": spike_train()}
    train = voltage_clamp.action_potential(made["command"].astype(np.float32) / basis.MILLIVOLT)
    protocols = [
        voltage_clamp.activation(),
        voltage_clamp.inactivation(),
        voltage_clamp.deactivation(),
        train,
        voltage_clamp.ramp(),
    ]
    rows = basis.channels(PRIOR.low, PRIOR.high)
    made |= {p.name: basis.components(p, rows).astype(np.float16) for p in protocols}
    np.savez_compressed(PATH, allow_pickle=False, **made)
    sys.stdout.write(f"{PATH.name}: {PATH.stat().st_size / 1e6:.2f} MB\n")
    if arguments.fits:
        sys.stdout.write(told(protocols, made, arguments.fits))


if __name__ == "__main__":
    main()
