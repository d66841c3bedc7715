"""Quick models in the shapes of slow ones: three cells, a family of sweeps, an image."""

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import distributions as dist

from simulators import Prior, RecordingAxes, Simulator
from simulators.base import FeatureAxis, ImageAxes, Observed

CELLS = ("AB/PD", "LP", "PY")
CURRENTS = ("Na", "CaT", "CaS", "A", "KCa", "Kd", "H", "leak")
SYNAPSES = ("AB-LP", "PD-LP", "AB-PY", "PD-PY", "LP-PD", "LP-PY", "PY-LP")
TIME = np.arange(0, 2000.0, 0.5)  # ms


def circuit():
    """31 parameters, 18 features, of which few simulations have all; a picture of three cells."""
    names = [f"{cell.replace('/', '')}_{current}" for cell in CELLS for current in CURRENTS]
    marginals = {name: dist.Uniform(0.0, 1.0) for name in names}
    marginals |= {name: dist.Uniform(-10.0, -3.0) for name in SYNAPSES}
    prior = Prior(marginals, units=dict.fromkeys(names, "mS/cm2") | dict.fromkeys(SYNAPSES, "log mS"))

    def picture(key, theta):
        time, noise = jnp.asarray(TIME), jax.random.normal(key, (3, len(TIME)))
        rates = jnp.stack([1 + 4 * theta[f"{cell}_Na"] for cell in ("ABPD", "LP", "PY")])[:, None]
        heights = jnp.stack([20 + 40 * theta[f"{cell}_Kd"] for cell in ("ABPD", "LP", "PY")])[:, None]
        phase = jnp.asarray([0.0, 0.33, 0.66])[:, None]
        return -55 + heights * jnp.exp(8 * (jnp.cos(2 * jnp.pi * (rates * time / 1000 - phase)) - 1)) + noise

    def simulate_features(key, theta):
        values = jnp.stack(list(theta.values()))
        noisy = values[:17] + values[1:18] + 0.1 * jax.random.normal(key, (17,))
        found = {f"feature {k}": noisy[k] for k in range(17)}
        is_triphasic = (values[:24] > 0.5).sum() > 16
        return found | {"pause": jnp.where(is_triphasic, values[0], jnp.nan)}

    true_theta = np.array([0.7] * 24 + [-6.0] * 7, np.float32)
    axes = RecordingAxes(TIME, "voltage", "mV", rows=CELLS)
    return Simulator(
        "fake_circuit", prior, picture, simulate_features=simulate_features, picture=picture, axes=axes,
        is_valid=lambda x: jnp.isfinite(x[-1]), true_theta=true_theta, title="Fake circuit",
        summary="Three cells, 31 parameters.", chunk_size=64,
    )  # fmt: skip


def channel():
    """A family of sixteen sweeps, overlaid."""
    time, steps = np.arange(0, 600.0, 0.5), np.arange(-80.0, 80.0, 10.0)
    prior = Prior({"half": dist.Uniform(-60.0, 40.0), "slope": dist.Uniform(4.0, 20.0)}, units={"half": "mV"})

    def simulate(key, theta):
        size = jax.nn.sigmoid((jnp.asarray(steps) - theta["half"]) / theta["slope"])[:, None]
        is_on = (time > 100) & (time < 500)
        rise = jnp.asarray(np.where(is_on, 1 - np.exp(-(time - 100) / 60), 0.0))
        return size * rise + 0.01 * jax.random.normal(key, (len(steps), len(time)))

    def features(recording):
        late = recording[:, 700:900].mean(axis=1)
        return {"late": late, "early": recording[:, 220:300].mean(axis=1), "spread": recording.std()}

    axes = RecordingAxes(time, "current", "nA", rows=tuple(f"{step:.0f} mV" for step in steps), overlaid=True)
    return Simulator("fake_channel", prior, simulate, features, axes=axes, title="Fake channel",
                     summary="Sixteen sweeps.", true_theta=np.array([-10.0, 8.0], np.float32))  # fmt: skip


def rhythm():
    """A spectrum of thirty frequencies."""
    frequency = np.arange(30) * 2.0
    prior = Prior({"peak": dist.Uniform(5.0, 40.0), "gain": dist.Uniform(-1.0, 1.0)}, units={"peak": "Hz"})

    def simulate(key, theta):
        bump = jnp.exp(-0.5 * ((jnp.asarray(frequency) - theta["peak"]) / 4) ** 2)
        return {"log_power": theta["gain"] + bump + 0.1 * jax.random.normal(key, (30,))}

    return Simulator(
        "fake_rhythm", prior, simulate, lambda spectrum: spectrum,
        true_theta=np.array([10.0, 0.0], np.float32),
        feature_units={f"log_power[{k}]": "log mV2" for k in range(30)},
        feature_axes={"log_power": FeatureAxis(frequency, "frequency", "Hz")},
    )  # fmt: skip


def field():
    """A filter of 41 x 41 pixels, seen through noise, and a count."""
    place = np.linspace(-1, 1, 41)
    names = ("gain", "x0", "y0", "width", "frequency")
    prior = Prior({name: dist.Uniform(-0.8, 0.8) for name in names})

    def picture(key, theta):
        x, y = jnp.meshgrid(jnp.asarray(place) - theta["x0"], jnp.asarray(place) - theta["y0"])
        envelope = jnp.exp(-(x**2 + y**2) / (2 * (0.3 + 0.2 * theta["width"]) ** 2))
        return jnp.exp(theta["gain"]) * envelope * jnp.cos(2 * jnp.pi * (1.5 + theta["frequency"]) * x)

    def simulate(key, theta):
        image = picture(key, theta) + 0.5 * jax.random.normal(key, (41, 41))
        return {"sta": image, "count": 300 * jnp.exp(theta["gain"])}

    axes = ImageAxes(place, place, "receptive field", "1/s", "degree")
    return Simulator("fake_field", prior, simulate, lambda recording: recording, axes=axes, picture=picture,
                     true_theta=np.array([0.2, 0.3, -0.2, 0.1, 0.0], np.float32), title="Fake field",
                     summary="An image of 41 x 41 pixels.", feature_units={"count": "spikes"})  # fmt: skip


def recorded_circuit():
    """The circuit with features of a recording whose voltages nobody has."""
    made = circuit()
    x = np.asarray(made.default_observation().x)
    described = {"axes": made.axes, "picture": made.picture, "simulate_features": made.simulate_features}
    return Simulator(
        "fake_recorded", made.prior, made.simulate, **described, title="Fake recorded circuit",
        summary="Features of a recording.", observed=Observed(x, label="a preparation"),
    )  # fmt: skip


fake_circuit, fake_channel, fake_field, fake_recorded = circuit(), channel(), field(), recorded_circuit()
fake_rhythm = rhythm()
