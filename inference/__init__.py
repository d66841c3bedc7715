"""From simulations to posteriors: methods, results, diagnostics and analyses."""

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
