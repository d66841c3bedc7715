"""sbi's side of the speed benchmark: one job in one process, in an environment that has sbi and torch.

    python speed_sbi.py '{"job": "train", "num": 10000}' result.json

Jobs: "train" (then sampling, densities and calibration with what was trained) and "two_rounds" (two moons).
Times are CPU seconds of this process, which runs on one thread and is pinned to one core by its caller.
"""

import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sbi
import torch
from sbi.inference import NPE
from sbi.neural_nets import posterior_nn
from sbi.utils import BoxUniform, RestrictedPrior, get_density_thresholder
from speed_data import NUM_PARAMETERS, speed_data

NUM_DRAWS = 10_000
NUM_CALIBRATED = 20  # observations drawn for; the time grows in proportion


def train(options: dict[str, Any], result: dict[str, Any]) -> None:
    """Train on the fixed data until the tool stops itself or `max_epochs`; then time what follows."""
    data = {name: torch.as_tensor(array) for name, array in speed_data(options["num"]).items()}
    torch.manual_seed(options.get("seed", 0))
    network = posterior_nn(options.get("model", "maf"), hidden_features=50, num_transforms=5)
    inference = NPE(_box(NUM_PARAMETERS), density_estimator=network, show_progress_bars=False)
    inference.append_simulations(data["theta"], data["x"])
    settings = {
        "training_batch_size": options.get("batch_size", 200),
        "learning_rate": options.get("learning_rate", 5e-4),
        "max_num_epochs": options.get("max_epochs", 2**31 - 1),
    }
    result["train"], flow = _timed(lambda: inference.train(**settings))
    losses = inference.summary["validation_loss"]
    result |= {"epochs": len(losses), "validation_log_prob": -min(losses)}
    with torch.no_grad():
        log_prob = flow.log_prob(data["theta_test"][None], data["x_test"])[0]
    result["test_log_prob"] = float(log_prob.mean())
    result["history"] = [round(float(-loss), 4) for loss in losses]
    if options.get("with_use", True):
        _use(inference.build_posterior(), flow, data["x_test"], result)


def _use(posterior: Any, flow: Any, x: torch.Tensor, result: dict[str, Any]) -> None:
    """Draws, densities and calibration, each after one call that is not timed."""
    draw = lambda i: posterior.sample((NUM_DRAWS,), x=x[i : i + 1], show_progress_bars=False)  # noqa: E731
    draws = draw(0)
    result["sample"] = min(_timed(lambda i=i: draw(i))[0] for i in range(1, 4))
    density = lambda: posterior.log_prob(draws, x=x[:1])  # noqa: E731
    density()
    result["log_prob"] = min(_timed(density)[0] for _ in range(3))
    raw = lambda: flow.log_prob(draws[:, None], condition=x[:1])  # noqa: E731
    with torch.no_grad():
        result["log_prob_raw"] = min(_timed(raw)[0] for _ in range(3))
        outside = flow.sample((NUM_DRAWS,), condition=x[:1])[:, 0].abs().amax(1) > 1
    result["leakage"] = float(outside.float().mean())
    batched = lambda: posterior.sample_batched((1000,), x=x[:NUM_CALIBRATED], show_progress_bars=False)  # noqa: E731
    result["calibration_per_observation"] = _timed(batched)[0] / NUM_CALIBRATED


def two_rounds(options: dict[str, Any], result: dict[str, Any]) -> None:
    """Two rounds of 5 000 on two moons, then 10 000 draws, written beside the result."""
    torch.manual_seed(options.get("seed", 0))
    x_o, prior = torch.tensor([options["x_o"]], dtype=torch.float32), _box(2)
    inference = NPE(prior, show_progress_bars=False)
    seconds, draws = _timed(lambda: _sequential(inference, prior, x_o, options))
    result["two_rounds"] = seconds
    np.save(options["draws"], draws.numpy())


def _sequential(inference: Any, prior: Any, x_o: torch.Tensor, options: dict[str, Any]) -> torch.Tensor:
    proposal = prior
    for round_ in range(2):
        theta = proposal.sample((options["num"],))
        keep = {"proposal": proposal} if options["variant"] == "C" and round_ else {}
        inference.append_simulations(theta, _two_moons(theta), **keep)
        truncated = {"force_first_round_loss": True} if options["variant"] == "truncated" else {}
        inference.train(**truncated)
        posterior = inference.build_posterior().set_default_x(x_o)
        if options["variant"] == "C":
            proposal = posterior
        elif round_ == 0:
            inside = get_density_thresholder(posterior, quantile=1e-4)
            proposal = RestrictedPrior(prior, inside, sample_with="rejection")
    return posterior.sample((NUM_DRAWS,), show_progress_bars=False)


def _two_moons(theta: torch.Tensor) -> torch.Tensor:
    angle = (torch.rand(len(theta)) - 0.5) * torch.pi
    radius = 0.1 + 0.01 * torch.randn(len(theta))
    crescent = torch.stack([radius * angle.cos() + 0.25, radius * angle.sin()], 1)
    total, difference = theta.sum(1), theta[:, 1] - theta[:, 0]
    return crescent + torch.stack([-total.abs(), difference], 1) / 2**0.5


def _box(dim: int) -> Any:
    return BoxUniform(-torch.ones(dim), torch.ones(dim))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    value = work()
    return time.process_time() - began, value


def main() -> None:
    """Do the job of the first argument, and write its numbers to the second."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    options, path = json.loads(sys.argv[1]), Path(sys.argv[2])
    result: dict[str, Any] = {"options": options}
    result["versions"] = {"sbi": sbi.__version__, "torch": torch.__version__, "numpy": np.__version__}
    result["machine"] = {"system": platform.platform(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    {"train": train, "two_rounds": two_rounds}[options["job"]](options, result)
    path.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
