"""Is it right? Numbers that say how far a posterior can be trusted."""

from inference.diagnostics.calibration import Coverage as Coverage
from inference.diagnostics.calibration import Ranks as Ranks
from inference.diagnostics.calibration import expected_coverage as expected_coverage
from inference.diagnostics.calibration import sbc as sbc
from inference.diagnostics.calibration import tarp as tarp
from inference.diagnostics.chains import chain_diagnostics as chain_diagnostics
from inference.diagnostics.diagnose import diagnose as diagnose
from inference.diagnostics.judging import Finding as Finding
from inference.diagnostics.misspecification import Misspecification as Misspecification
from inference.diagnostics.misspecification import misspecification as misspecification
from inference.diagnostics.predictive import Predictive as Predictive
from inference.diagnostics.predictive import posterior_predictive as posterior_predictive
from inference.diagnostics.two_sample import c2st as c2st
from inference.diagnostics.verdict import Verdict as Verdict
from inference.diagnostics.verdict import verdict as verdict

__all__ = [
    "Coverage",
    "Finding",
    "Misspecification",
    "Predictive",
    "Ranks",
    "Verdict",
    "c2st",
    "chain_diagnostics",
    "diagnose",
    "expected_coverage",
    "misspecification",
    "posterior_predictive",
    "sbc",
    "tarp",
    "verdict",
]
