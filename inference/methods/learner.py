"""Settings that all methods which train a density estimator in rounds have: its network and its training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from inference.embeddings.spec import NAMES as EMBEDDINGS
from inference.methods.fields import setting

FLOWS = ("nsf", "maf", "coupling")
SMALL, FEW_MEMBERS = 30_000, 4  # up to so many rows in all, so many members

Values = Mapping[str, Any]


def is_sequential(values: Values) -> bool:
    """Whether there are several rounds."""
    return (values.get("num_rounds") or 1) > 1


def applies_with(name: str, *choices: str, sequential: bool = False) -> Callable[[Values], bool]:
    """Applies where a setting has one of these values (and there are several rounds)."""
    return lambda values: values.get(name) in choices and (not sequential or is_sequential(values))


@dataclass(frozen=True, kw_only=True)
class Learner:
    """The common settings; a method adds its budget, estimators and variants."""

    embedding: str | Any | None = setting(
        "auto",
        "Embedding network",
        "Learns features from the features: mlp; cnn for an image; gru for series; deepset for sets. auto: "
        "cnn where the model gives an image, else none. none: the features as they are.",
        choices=("auto", None, *EMBEDDINGS[:-1]),
        group="Network",
        advanced=True,
    )
    num_members: int | None = setting(
        None,
        "Ensemble members",
        "Estimators trained side by side and averaged, which keeps few simulations from making a "
        "posterior too sure of itself. Empty: 4 flows for up to 30 000 simulations (or groups) in all, "
        "else 1.",
        bounds=(1, 20),
        group="Network",
        advanced=True,
    )
    num_components: int = setting(
        8,
        "Mixture components",
        "Gaussians in the mixture.",
        bounds=(1, 100),
        group="Network",
        advanced=True,
        applies=applies_with("estimator", "mdn", "bayesian_mdn"),
    )
    transformer: str = setting(
        "affine",
        "Coupling",
        "What each layer of the coupling flow does: affine is fastest, spline bends.",
        choices=("affine", "spline"),
        group="Network",
        advanced=True,
        applies=applies_with("estimator", "coupling"),
    )
    num_layers: int = setting(
        5,
        "Flow layers",
        "Layers of the density estimator.",
        bounds=(1, 20),
        group="Network",
        advanced=True,
        applies=applies_with("estimator", *FLOWS),
    )
    width: int = setting(
        64,
        "Hidden units",
        "Units per hidden layer; multiples of 16 are fastest.",
        bounds=(1, 4096),
        group="Network",
        advanced=True,
    )
    learning_rate: float = setting(
        5e-3,
        "Learning rate",
        "At the top of the schedule; lower it if training is unstable.",
        bounds=(1e-6, 0.1),
        group="Training",
        advanced=True,
    )
    batch_size: int | None = setting(
        None,
        "Batch size",
        "Simulations, or groups of them, per training step; empty: chosen by their number.",
        bounds=(8, 100_000),
        group="Training",
        advanced=True,
    )
    max_epochs: int | None = setting(
        None,
        "Most epochs",
        "Passes over all that is learnt from at most, in each round; empty: as many as pay.",
        bounds=(1, 100_000),
        group="Training",
        advanced=True,
    )
    patience: int = setting(
        20,
        "Patience",
        "Epochs without a better held-out loss after which a cycle of training ends.",
        bounds=(1, 10_000),
        group="Training",
        advanced=True,
    )
    validation_fraction: float = setting(
        0.1,
        "Held-out share",
        "Share kept for the held-out loss.",
        bounds=(0.01, 0.5),
        group="Training",
        advanced=True,
    )
    stop_when_settled: bool = setting(
        default=True,
        label="Stop when settled",
        explanation="End before the last round once a round changes the posterior by less than 0.02 nats.",
        group="Later rounds",
        advanced=True,
        applies=is_sequential,
    )
    screen_failures: bool = setting(
        default=True,
        label="Screen failures",
        explanation="In later rounds do not simulate where simulations are expected to fail. It amounts to a "
        "prior without those parameters.",
        group="Later rounds",
        advanced=True,
        applies=is_sequential,
    )

    def _members(self, num_rows: int, estimator: str) -> int:
        """Ensemble members, chosen by the number of rows where `num_members` is None."""
        if self.num_members is not None:
            return self.num_members
        return FEW_MEMBERS if num_rows <= SMALL and estimator in FLOWS else 1
