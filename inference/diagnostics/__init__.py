"""Is it right? Numbers that say how far a posterior can be trusted."""

from inference.diagnostics.bands import Band as Band
from inference.diagnostics.bands import ecdf_band as ecdf_band
from inference.diagnostics.calibration import Coverage as Coverage
from inference.diagnostics.calibration import Ranks as Ranks
from inference.diagnostics.calibration import expected_coverage as expected_coverage
from inference.diagnostics.calibration import sbc as sbc
from inference.diagnostics.calibration import tarp as tarp
from inference.diagnostics.chains import chain_diagnostics as chain_diagnostics
from inference.diagnostics.compare import Comparison as Comparison
from inference.diagnostics.compare import RunFacts as RunFacts
from inference.diagnostics.compare import compare_runs as compare_runs
from inference.diagnostics.compare import run_facts as run_facts
from inference.diagnostics.contraction import Contraction as Contraction
from inference.diagnostics.contraction import contraction as contraction
from inference.diagnostics.diagnose import diagnose as diagnose
from inference.diagnostics.judging import Finding as Finding
from inference.diagnostics.local_c2st import LocalC2ST as LocalC2ST
from inference.diagnostics.local_c2st import local_c2st as local_c2st
from inference.diagnostics.misspecification import Misspecification as Misspecification
from inference.diagnostics.misspecification import misspecification as misspecification
from inference.diagnostics.mmd import MMD as MMD
from inference.diagnostics.mmd import mmd as mmd
from inference.diagnostics.moments import Gaussian as Gaussian
from inference.diagnostics.moments import Moments as Moments
from inference.diagnostics.moments import compare_moments as compare_moments
from inference.diagnostics.moments import relative_kl_error as relative_kl_error
from inference.diagnostics.predictive import Predictive as Predictive
from inference.diagnostics.predictive import PriorPredictive as PriorPredictive
from inference.diagnostics.predictive import posterior_predictive as posterior_predictive
from inference.diagnostics.predictive import prior_predictive as prior_predictive
from inference.diagnostics.sensitivity import Sensitivity as Sensitivity
from inference.diagnostics.sensitivity import sensitivity as sensitivity
from inference.diagnostics.two_sample import C2ST as C2ST
from inference.diagnostics.two_sample import c2st as c2st
from inference.diagnostics.two_sample import c2st_interval as c2st_interval
from inference.diagnostics.verdict import Verdict as Verdict
from inference.diagnostics.verdict import verdict as verdict

__all__ = [
    "C2ST",
    "Band",
    "Comparison",
    "Contraction",
    "Coverage",
    "Finding",
    "Gaussian",
    "LocalC2ST",
    "MMD",
    "Misspecification",
    "Moments",
    "Predictive",
    "PriorPredictive",
    "Ranks",
    "RunFacts",
    "Sensitivity",
    "Verdict",
    "c2st",
    "c2st_interval",
    "compare_moments",
    "compare_runs",
    "contraction",
    "chain_diagnostics",
    "diagnose",
    "ecdf_band",
    "expected_coverage",
    "local_c2st",
    "misspecification",
    "mmd",
    "posterior_predictive",
    "prior_predictive",
    "relative_kl_error",
    "run_facts",
    "sbc",
    "sensitivity",
    "tarp",
    "verdict",
]
