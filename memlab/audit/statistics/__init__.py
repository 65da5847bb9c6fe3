"""Statistics of an audit: the image is the unit, draws are averaged within it first."""

from memlab.audit.statistics.blocks import AnyEstimate
from memlab.audit.statistics.bootstrap import RESAMPLES, Bootstrap, bootstrap
from memlab.audit.statistics.correlations import Correlations, rho, rho_difference
from memlab.audit.statistics.equivalence import (
    CLAIM_LEVEL,
    Equivalence,
    equivalence,
    equivalence_t,
    holm,
    positive,
)
from memlab.audit.statistics.estimate import Estimate
from memlab.audit.statistics.intervals import LEVEL, Resampled
from memlab.audit.statistics.planning import (
    chance_to_exclude,
    detectable,
    draws_for_width,
    images_for_width,
    images_to_exclude,
    width,
)
from memlab.audit.statistics.ranking import Place, ranking
from memlab.audit.statistics.relabelling import PERMUTATIONS, Relabelling, Test, relabelling
from memlab.audit.statistics.training_seeds import bootstrap_seeds

__all__ = [
    "CLAIM_LEVEL",
    "LEVEL",
    "PERMUTATIONS",
    "RESAMPLES",
    "AnyEstimate",
    "Bootstrap",
    "Correlations",
    "Equivalence",
    "Estimate",
    "Place",
    "Relabelling",
    "Resampled",
    "Test",
    "bootstrap",
    "bootstrap_seeds",
    "chance_to_exclude",
    "detectable",
    "draws_for_width",
    "equivalence",
    "equivalence_t",
    "holm",
    "images_for_width",
    "images_to_exclude",
    "positive",
    "ranking",
    "relabelling",
    "rho",
    "rho_difference",
    "width",
]
