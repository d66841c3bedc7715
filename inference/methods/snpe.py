"""SNPE: sequential neural posterior estimation, its settings and its entry among the methods.

Simulate, train a conditional density q(theta | x), and in further rounds simulate where the posterior of the
observation lies. How a round is run is in `sequential/rounds.py`, how the variants differ in
`sequential/variants.py`.

References:
    Papamakarios and Murray 2016 (A), arXiv:1605.06376; Lueckmann et al. 2017 (B), arXiv:1711.01861;
    Greenberg et al. 2019 (C), arXiv:1905.07488; Deistler et al. 2022 (truncated), arXiv:2210.04815.
"""

from dataclasses import dataclass

from inference.embeddings.spec import named_embedding
from inference.goals import Goal
from inference.methods.base import Method, MethodOutput, RunContext
from inference.methods.fields import check_settings, explained, setting
from inference.methods.learner import Learner, Values, applies_with, is_sequential
from inference.methods.sequential.rounds import run_rounds
from simulators import Simulator

VARIANTS = ("truncated", "A", "B", "C")
ESTIMATORS = ("nsf", "maf", "coupling", "mdn", "gaussian", "bayesian_mdn")
MIXTURES = ("mdn", "gaussian")


@explained
@dataclass(frozen=True)
class SNPE(Learner):
    """Settings of sequential neural posterior estimation.

    Raises:
        ValueError: a value is outside its bounds or choices, or values that do not go together.
    """

    num_simulations: int = setting(
        10_000,
        "Simulations",
        "How many simulations to learn from in each round; more give a sharper and safer posterior.",
        bounds=(100, 100_000_000),
    )
    num_rounds: int = setting(
        1,
        "Rounds",
        "One round gives an amortised posterior: any other observation is answered at once. Further rounds "
        "simulate only where the posterior of the observation lies.",
        bounds=(1, 100),
    )
    estimator: str = setting(
        "nsf",
        "Density estimator",
        "nsf: spline coupling flow, the sharpest. maf: autoregressive flow. coupling: the fastest to draw "
        "from. mdn: a mixture of Gaussians. gaussian: a single one. bayesian_mdn: a mixture with uncertain "
        "weights, which learns on from round to round without keeping simulations.",
        choices=ESTIMATORS,
    )
    variant: str = setting(
        "truncated",
        "Variant",
        "How later rounds allow for their proposal. truncated: simulate from the prior within the "
        "posterior's region, whose edge the loss allows for. C: correct the loss. B: weigh the simulations. "
        "A: correct a mixture.",
        choices=VARIANTS,
        applies=is_sequential,
    )
    prior_share: float = setting(
        0.1,
        "Share from the prior",
        "Share of each later round that is drawn from the prior, which bounds the weights of variant B.",
        bounds=(0.0, 0.9),
        group="Later rounds",
        advanced=True,
        applies=applies_with("variant", "B", sequential=True),
    )
    calibration_kernel: str = setting(
        "none",
        "Calibration kernel",
        "Weigh simulations by how near they are to the observation. gaussian: a smooth weight.",
        choices=("none", "gaussian"),
        group="Later rounds",
        advanced=True,
        applies=applies_with("variant", "B", sequential=True),
    )
    bandwidth: float | None = setting(
        None,
        "Kernel bandwidth",
        "In robust standard deviations of the features; empty: so that a fifth of the simulations count.",
        bounds=(1e-3, 1e3),
        group="Later rounds",
        advanced=True,
        applies=lambda values: (
            applies_with("variant", "B", sequential=True)(values)
            and applies_with("calibration_kernel", "gaussian")(values)
        ),
    )
    num_atoms: int = setting(
        10,
        "Atoms",
        "Parameter sets among which a row's own must be recognised, for flows with variant C.",
        bounds=(2, 1_000),
        group="Later rounds",
        advanced=True,
        applies=lambda values: applies_with("variant", "C", sequential=True)(values) and _is_atomic(values),
    )
    combined_loss: bool = setting(
        default=False,
        label="Combined loss",
        explanation="Add the plain loss of the first round, which pins the density down where the prior is.",
        group="Later rounds",
        advanced=True,
        applies=lambda values: applies_with("variant", "C", sequential=True)(values) and _is_atomic(values),
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.num_rounds > 1:
            _check_rounds(self)
        if self.estimator == "bayesian_mdn" and self.members > 1:
            raise ValueError("A bayesian_mdn already averages over its weights; use num_members=1 with it.")

    @property
    def members(self) -> int:
        """Ensemble members, chosen by the number of simulations where `num_members` is None."""
        return self._members(self.num_simulations * self.num_rounds, self.estimator)


def _is_atomic(values: Values) -> bool:
    return values.get("estimator") not in MIXTURES or (values.get("num_members") or 1) > 1


def _check_rounds(config: SNPE) -> None:
    if config.variant == "A" and (config.estimator not in MIXTURES or config.members > 1):
        raise ValueError(
            "Variant A corrects Gaussian mixtures: use estimator='mdn' or 'gaussian' without an ensemble, or "
            f"another variant; got estimator='{config.estimator}', num_members={config.members}."
        )
    if config.estimator == "bayesian_mdn" and config.variant not in ("B", "truncated"):
        raise ValueError(
            f"A bayesian_mdn learns on with variant 'B' or 'truncated'; got variant='{config.variant}'."
        )


def check(config: SNPE, simulator: Simulator) -> None:
    """Whether the settings can work with a simulator.

    Raises:
        ValueError: an embedding that the features do not suit, or a mixture's network too narrow for the
            number of parameters.
    """
    named_embedding(config.embedding, simulator.feature_shapes)
    if config.estimator in (*MIXTURES, "bayesian_mdn") and config.width < simulator.prior.dim:
        raise ValueError(
            f"A mixture over {simulator.prior.dim} parameters needs at least as many hidden units; got "
            f"width={config.width}: use width={max(64, 16 * -(-simulator.prior.dim // 16))} or more."
        )


def run(config: SNPE, simulator: Simulator, goal: Goal, context: RunContext) -> MethodOutput:
    """Simulate, train, and give the posterior.

    Args:
        config: settings.
        simulator: the model.
        goal: an observation, or None for an amortised posterior without one (one round).
        context: key, progress, folder, and simulations to use for the first round.

    Raises:
        TypeError: the goal is an emergent property.
        ValueError: settings and model do not go together; the observation misses a feature that simulations
            never miss; several rounds without an observation; too few simulations are valid; training never
            got finite; a correction of variant A failed.
    """
    check(config, simulator)
    return run_rounds(config, simulator, goal, context)


snpe = Method("snpe", "Sequential neural posterior estimation (SNPE)", SNPE, run, check)
