"""Does NUTS find both posterior modes of the Gabor toy cell, half a turn apart, with the right shares?

    python -m tests.benchmarks.gabor_nuts [--recording 0] [--seed 0] [--set num_samples=300 num_warmup=200]

Of the spikes of a recording (0 is the built-in one, 1 to 10 are further ones of the same cell; -1 takes that
of these which favours neither mode) tells which share of the draws, and of the draws of each chain, has the
angle within half a radian of the true one and of the opposite one, and how their fields correlate with the
true field.
"""

import argparse
import os
import sys
import time

import jax
import numpy as np

from inference import NUTS, DrawnPosterior, Progress, run
from inference.diagnostics import verdict
from inference.settings import make_config
from simulators.models import gabor_v1 as model
from tests.benchmarks.gabor_modes import modes, most_even, recordings


def main() -> None:
    """Run and write the shares."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recording", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], help="settings of NUTS, name=value")
    options = parser.parse_args()
    config = make_config("nuts", dict(item.split("=") for item in options.set))
    assert isinstance(config, NUTS)
    counts = recordings()
    row = options.recording if options.recording >= 0 else most_even(counts[1:]) + 1
    simulator = model.given(jax.numpy.asarray(counts[row]))
    began = time.process_time(), time.perf_counter()

    def hear(event: Progress) -> None:
        spent = time.process_time() - began[0]
        sys.stdout.write(f"{spent:.0f} s CPU: {event.stage} {event.done} of {event.total} {event.message}\n")
        sys.stdout.flush()

    result = run(
        config,
        simulator,
        simulator.default_observation().x,
        key=jax.random.key(options.seed),
        on_progress=hear,
    )
    sys.stdout.write(
        f"recording {row}, {int(counts[row].sum())} spikes, {config}, seed {options.seed}: "
        f"{time.process_time() - began[0]:.0f} s CPU, {time.perf_counter() - began[1]:.0f} s wall, "
        f"load {os.getloadavg()[0]:.1f}\n"
    )
    assert isinstance(result.posterior, DrawnPosterior)
    true, draws = np.asarray(model.gabor_v1.true_theta, np.float32), result.posterior.draws
    chains = [(f"chain {i}", chain) for i, chain in enumerate(draws)]
    for name, theta in [("all", draws.reshape(-1, draws.shape[-1])), *chains]:
        found = modes(theta, np.ones(len(theta)), true)
        words = [f"{mode} {share:.3f} (correlation {c:.3f})" for mode, (share, c) in found.items()]
        sys.stdout.write(f"  {name}: {', '.join(words)}\n")
    found = result.tree.children["diagnostics"]
    sys.stdout.write(f"jumps accepted {found['jump_rate'].item():.3f}\n")
    sys.stdout.write("\n".join(verdict(result.tree).sentences) + "\n")


if __name__ == "__main__":
    main()
