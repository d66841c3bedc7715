"""From simulations to posteriors: methods, results, diagnostics and analyses.

Each name is loaded when it is first asked for, so that nobody waits for methods that they do not use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inference import analysis as analysis
    from inference import diagnostics as diagnostics
    from inference.drawn_posterior import DrawnPosterior as DrawnPosterior
    from inference.execute import run as run
    from inference.goals import EmergentProperty as EmergentProperty
    from inference.goals import Observation as Observation
    from inference.hierarchical_posterior import HierarchicalPosterior as HierarchicalPosterior
    from inference.methods import METHODS as METHODS
    from inference.methods.epi import EPI as EPI
    from inference.methods.genetic import Genetic as Genetic
    from inference.methods.hnpe import HNPE as HNPE
    from inference.methods.nuts import NUTS as NUTS
    from inference.methods.polya_gamma import PolyaGammaGibbs as PolyaGammaGibbs
    from inference.methods.rejection_abc import RejectionABC as RejectionABC
    from inference.methods.smc_abc import SMCABC as SMCABC
    from inference.methods.snpe import SNPE as SNPE
    from inference.posterior import Posterior as Posterior
    from inference.progress import Progress as Progress
    from inference.progress import Stopped as Stopped
    from inference.property_posterior import PropertyPosterior as PropertyPosterior
    from inference.result import Result as Result
    from inference.result import load_result as load_result

__all__ = [
    "EPI",
    "HNPE",
    "METHODS",
    "NUTS",
    "SMCABC",
    "SNPE",
    "DrawnPosterior",
    "EmergentProperty",
    "Genetic",
    "HierarchicalPosterior",
    "Observation",
    "PolyaGammaGibbs",
    "Posterior",
    "Progress",
    "PropertyPosterior",
    "RejectionABC",
    "Result",
    "Stopped",
    "analysis",
    "diagnostics",
    "load_result",
    "run",
]

_HOMES = {
    "DrawnPosterior": "inference.drawn_posterior",
    "run": "inference.execute",
    "EmergentProperty": "inference.goals",
    "Observation": "inference.goals",
    "HierarchicalPosterior": "inference.hierarchical_posterior",
    "METHODS": "inference.methods",
    "EPI": "inference.methods.epi",
    "Genetic": "inference.methods.genetic",
    "HNPE": "inference.methods.hnpe",
    "NUTS": "inference.methods.nuts",
    "PolyaGammaGibbs": "inference.methods.polya_gamma",
    "RejectionABC": "inference.methods.rejection_abc",
    "SMCABC": "inference.methods.smc_abc",
    "SNPE": "inference.methods.snpe",
    "Posterior": "inference.posterior",
    "Progress": "inference.progress",
    "Stopped": "inference.progress",
    "PropertyPosterior": "inference.property_posterior",
    "Result": "inference.result",
    "load_result": "inference.result",
}


def __getattr__(name: str) -> Any:
    """What is asked for the first time, from where it is defined."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"inference.{name}")
    raise AttributeError(f"module 'inference' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
