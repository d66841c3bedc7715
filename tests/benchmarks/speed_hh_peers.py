"""Brian2's or NEURON's side of the Hodgkin-Huxley benchmark: one job in one process, in their environment.

    python speed_hh_peers.py '{"tool": "brian2", "theta": "theta.npy", "voltage": null}' result.json

Simulates one neuron per row of theta for 120 ms of 0.01 ms, all in one network, and writes how many seconds
of the wall that took, what was compiled apart. Without `voltage`, all that is kept is (Brian2) spike counts;
with it, the membrane potential of every neuron and step is recorded, and saved there.
"""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

DT, DURATION, STIMULUS_ON, STIMULUS_OFF, V_0 = 0.01, 120.0, 10.0, 110.0, -70.0
STIMULUS = 5e-4 / (np.pi * 70e-4**2)  # uA/cm2
NAMES = ("g_na", "g_k", "g_l", "g_m", "tau_max", "minus_vt", "sigma", "minus_el")

EQUATIONS = f"""
dv/dt = (g_na*m**3*h*(53 - v) + (g_k*n**4 + g_m*p)*(-107 - v) - g_l*(minus_el + v)
         + stimulus + sigma*noise)/ms : 1
stimulus = {STIMULUS}*int(t >= {STIMULUS_ON}*ms)*int(t < {STIMULUS_OFF}*ms) : 1 (shared)
noise = randn()*{DT**-0.5} : 1 (constant over dt)
u = v + minus_vt : 1
am = 0.32*(13 - u)/(exp((13 - u)/4) - 1) : 1
bm = 0.28*(u - 40)/(exp((u - 40)/5) - 1) : 1
ah = 0.128*exp((17 - u)/18) : 1
bh = 4/(1 + exp((40 - u)/5)) : 1
an = 0.032*(15 - u)/(exp((15 - u)/5) - 1) : 1
bn = 0.5*exp((10 - u)/40) : 1
w = exp((v + 35)/20) : 1
dm/dt = (am - (am + bm)*m)/ms : 1
dh/dt = (ah - (ah + bh)*h)/ms : 1
dn/dt = (an - (an + bn)*n)/ms : 1
dp/dt = (1/(1 + 1/w**2) - p)*(3.3*w + 1/w)/tau_max/ms : 1
"""
PARAMETERS = "\n".join(f"{name} : 1 (constant)" for name in NAMES)

MECHANISM = f"""
NEURON {{
    SUFFIX cell
    NONSPECIFIC_CURRENT i
    RANGE {", ".join(NAMES)}, noise
    RANDOM draw
}}
PARAMETER {{
    g_na g_k g_l g_m
    tau_max minus_vt sigma minus_el
}}
STATE {{ m h n p }}
ASSIGNED {{
    v (mV) i (mA/cm2) noise
    am bm ah bh an bn ap bp
}}
INITIAL {{
    rates(v)
    m = am / (am + bm)
    h = ah / (ah + bh)
    n = an / (an + bn)
    p = ap / (ap + bp)
    noise = sigma * random_normal(draw) * {DT**-0.5}
}}
BREAKPOINT {{
    LOCAL stimulus
    SOLVE states METHOD cnexp
    stimulus = 0
    if (t > {STIMULUS_ON} && t <= {STIMULUS_OFF}) {{ stimulus = {STIMULUS} }}
    i = 0.001 * (g_na*m*m*m*h*(v - 53) + (g_k*n*n*n*n + g_m*p)*(v + 107) + g_l*(v + minus_el)
        - stimulus - noise)
}}
DERIVATIVE states {{
    rates(v)
    noise = sigma * random_normal(draw) * {DT**-0.5}
    m' = am - (am + bm) * m
    h' = ah - (ah + bh) * h
    n' = an - (an + bn) * n
    p' = ap - (ap + bp) * p
}}
PROCEDURE rates(v) {{
    LOCAL u, w
    u = v + minus_vt
    am = 0.32 * (13 - u) / (exp((13 - u) / 4) - 1)
    bm = 0.28 * (u - 40) / (exp((u - 40) / 5) - 1)
    ah = 0.128 * exp((17 - u) / 18)
    bh = 4 / (1 + exp((40 - u) / 5))
    an = 0.032 * (15 - u) / (exp((15 - u) / 5) - 1)
    bn = 0.5 * exp((10 - u) / 40)
    w = exp((v + 35) / 20)
    ap = (3.3 * w + 1 / w) / tau_max / (1 + 1 / (w * w))
    bp = (3.3 * w + 1 / w) / tau_max - ap
}}
"""


def brian2(theta: np.ndarray, options: dict[str, Any], result: dict[str, Any]) -> np.ndarray | None:
    """Exponential Euler with all variables at once; Cython, or compiled as a whole ("standalone")."""
    import brian2 as b

    is_standalone = options.get("target") == "standalone"
    b.prefs.core.default_float_dtype = getattr(np, options.get("dtype", "float64"))
    if is_standalone:
        b.set_device("cpp_standalone", build_on_run=False)
    else:
        b.prefs.codegen.target = "cython"
    b.defaultclock.dt = DT * b.ms
    b.seed(0)
    cells = b.NeuronGroup(
        len(theta),
        EQUATIONS + PARAMETERS,
        method="exponential_euler",
        threshold="v > -10",
        refractory="v > -10",
    )
    for name, column in zip(NAMES, theta.T, strict=True):
        setattr(cells, name, column)
    cells.v = V_0
    for gate, steady in {
        "m": "am/(am+bm)",
        "h": "ah/(ah+bh)",
        "n": "an/(an+bn)",
        "p": "1/(1+1/w**2)",
    }.items():
        setattr(cells, gate, steady)
    spikes = b.SpikeMonitor(cells, record=False)
    parts = [cells, spikes]
    if options["voltage"]:
        parts.append(b.StateMonitor(cells, "v", record=True, dt=DT * b.ms))
    network = b.Network(parts)
    if is_standalone:
        network.run(DURATION * b.ms)
        b.device.build(directory=tempfile.mkdtemp())
        result["seconds"] = b.device._last_run_time  # of the run alone; there is no public name for it
    else:
        network.store()
        network.run(DT * b.ms)  # compiles
        network.restore()
        began = time.perf_counter()
        network.run(DURATION * b.ms)
        result["seconds"] = time.perf_counter() - began
    result["spikes"] = np.asarray(spikes.count).tolist()
    result["version"] = f"Brian2 {b.__version__}"
    return np.asarray(parts[-1].v) if options["voltage"] else None


def neuron(theta: np.ndarray, options: dict[str, Any], result: dict[str, Any]) -> np.ndarray | None:
    """The kinetics as a mechanism: gates by exponential Euler, the voltage by NEURON's implicit Euler."""
    folder = Path(tempfile.mkdtemp())
    (folder / "cell.mod").write_text(MECHANISM)
    compile_with = Path(sys.executable).parent / "nrnivmodl"
    subprocess.run([sys.executable, compile_with], cwd=folder, check=True, capture_output=True)
    import neuron as package
    from neuron import h

    with contextlib.redirect_stdout(io.StringIO()):
        package.load_mechanisms(str(folder))
    cells = [h.Section(name=f"cell{i}") for i in range(len(theta))]
    for index, (cell, row) in enumerate(zip(cells, theta.tolist(), strict=True)):
        cell.L = cell.diam = 70.0
        cell.insert("cell")
        for name, value in zip(NAMES, row, strict=True):
            setattr(cell(0.5).cell, name, value)
        cell(0.5).cell.draw.set_ids(0, 0, index)
    h.dt, h.secondorder = DT, 0
    kept = [h.Vector().record(cell(0.5)._ref_v) for cell in cells] if options["voltage"] else []
    parallel = h.ParallelContext()
    parallel.set_maxstep(10.0)
    h.finitialize(V_0)
    began = time.perf_counter()
    parallel.psolve(DURATION)
    result["seconds"] = time.perf_counter() - began
    result["version"] = f"NEURON {package.__version__}"
    return np.array([vector.as_numpy() for vector in kept]) if kept else None


def main() -> None:
    """Do the job of the first argument, and write its numbers to the second."""
    options, path = json.loads(sys.argv[1]), Path(sys.argv[2])
    theta = np.load(options["theta"]).astype(float)
    result: dict[str, Any] = {"options": options, "num": len(theta)}
    voltage = {"brian2": brian2, "neuron": neuron}[options["tool"]](theta, options, result)
    if voltage is not None:
        np.save(options["voltage"], voltage[:, : round(DURATION / DT) + 1].astype(np.float32))
    path.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
