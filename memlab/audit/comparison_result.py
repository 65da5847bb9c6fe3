"""Result of a comparison of audits: models, features, differences, and what is decided."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.audit.result import Ranking, SemanticShare
from memlab.stats.measures import Statistic

SHARE = "semantic share"
"""Name of the semantic share among the differences."""


@dataclass(frozen=True)
class ComparedModel:
    """Model of a comparison, with its networks.

    Args:
        letter: name in tables.
        label: the audit, or the first of several.
        audits: folders of its audits, one per training seed.
        verdicts: their verdicts, each from all of its images.
        ranking: ranking by T over the common images and all networks.
        semantic_share: share of semantic features, over the same.
    """

    letter: str
    label: str
    audits: list[str]
    verdicts: list[str]
    ranking: Ranking
    semantic_share: SemanticShare


@dataclass(frozen=True)
class ComparedFeature:
    """T of one feature in every model.

    Args:
        name: key of the feature.
        label: name for readers.
        side: semantic, low-level, layout or context.
        shares: letter to T, the mean over the model's networks.
        networks: letter to the T of each network.
    """

    name: str
    label: str
    side: str
    shares: dict[str, Statistic]
    networks: dict[str, list[float | None]]


@dataclass(frozen=True)
class ShareDifference:
    """Difference of T, or of the semantic share, between two models on the same images.

    Args:
        feature: key of the feature, or `semantic share`.
        first: letter of the model that is subtracted.
        second: letter of the other model.
        difference: second − first.
        for_all: the same with an interval that holds for all differences together (Bonferroni).
    """

    feature: str
    first: str
    second: str
    difference: Statistic
    for_all: Statistic

    @property
    def decided(self) -> bool:
        """Whether the interval for all differences together excludes 0."""
        low, high = self.for_all.low, self.for_all.high
        return low is not None and high is not None and (low > 0 or high < 0)


@dataclass(frozen=True)
class AuditComparison:
    """Comparison of audits.

    Args:
        images: number of common audited images.
        table: number of common images with a clean prediction.
        models: the models, in the order given.
        features: features that some model has a T of.
        differences: differences between every two models.
        sentences: what is decided, for the reader.
        notes: notes for the reader.
    """

    images: int
    table: int
    models: list[ComparedModel]
    features: list[ComparedFeature]
    differences: list[ShareDifference]
    sentences: list[str]
    notes: list[str]
