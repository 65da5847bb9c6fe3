"""Statistics of an audit: the image is the unit, draws are averaged within it first."""

from memlab.audit.statistics.bootstrap import RESAMPLES, Bootstrap, bootstrap
from memlab.audit.statistics.correlations import Correlations, rho, rho_difference
from memlab.audit.statistics.estimate import Estimate
from memlab.audit.statistics.intervals import LEVEL, Resampled

__all__ = [
    "LEVEL",
    "RESAMPLES",
    "Bootstrap",
    "Correlations",
    "Estimate",
    "Resampled",
    "bootstrap",
    "rho",
    "rho_difference",
]
