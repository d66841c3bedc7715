"""The estimator that a round begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from inference.embeddings.spec import named_embedding
from inference.estimators import DensityEstimator, EstimatorSpec, make_estimator
from inference.estimators.hierarchical import NAME as HIERARCHICAL
from inference.estimators.hierarchy import HierarchySpec
from inference.scaling import fit_feature_scaling, fit_parameter_scaling

if TYPE_CHECKING:
    from inference.methods.sequential.bank import Bank
    from inference.methods.sequential.history import Campaign


def new_estimator(
    campaign: Campaign,
    bank: Bank,
    training: Int[np.ndarray, " t"],
    number: int,
    *,
    hierarchy: HierarchySpec | None = None,
) -> DensityEstimator:
    """An untrained estimator, scaled to the training rows; with a hierarchy one of groups of recordings."""
    config, simulator = campaign.config, campaign.simulator
    embedding = named_embedding(config.embedding, simulator.feature_shapes)
    groups = None if embedding is None else embedding.groups
    scalings = (
        fit_parameter_scaling(bank.u[training]),
        fit_feature_scaling(bank.x[training], groups=groups),
    )
    spec = EstimatorSpec(
        config.estimator if hierarchy is None else HIERARCHICAL,
        simulator.prior.dim,
        simulator.num_features,
        num_layers=config.num_layers,
        width=config.width,
        depth=1 if config.estimator == "bayesian_mdn" else 2,  # its divergence grows with every weight
        num_components=1 if config.estimator == "gaussian" else config.num_components,
        transformer=config.transformer,
        num_members=config.members,
        imputes=bank.has_gaps,
        embedding=embedding,
        hierarchy=hierarchy,
    )
    module: Any = None if isinstance(config.embedding, str) else config.embedding
    return make_estimator(campaign.key_of(number).weights, spec, scalings=scalings, module=module)
