"""Statistics with the image as the unit; draws are averaged within an image first."""

from memlab.stats.blocks import AnyEstimate
from memlab.stats.bootstrap import RESAMPLES, Bootstrap, bootstrap
from memlab.stats.correlations import Correlations, rho, rho_difference
from memlab.stats.equivalence import (
    CLAIM_LEVEL,
    Equivalence,
    equivalence,
    equivalence_t,
    holm,
    positive,
)
from memlab.stats.estimate import Estimate
from memlab.stats.intervals import LEVEL, Resampled
from memlab.stats.permutation import PERMUTATIONS, PermutationTests, Test, permutation_tests
from memlab.stats.planning import (
    chance_to_exclude,
    detectable,
    draws_for_width,
    images_for_width,
    images_to_exclude,
    width,
)
from memlab.stats.ranking import Place, ranking
from memlab.stats.resampling import Strata
from memlab.stats.training_seeds import bootstrap_seeds

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
    "PermutationTests",
    "Place",
    "Resampled",
    "Strata",
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
    "permutation_tests",
    "positive",
    "ranking",
    "rho",
    "rho_difference",
    "width",
]
