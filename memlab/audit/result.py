"""Result of an audit: features, rankings, contrasts, hypotheses and the verdict. No torch.

`audit.json` holds it; `memlab.audit.result_file` writes and reads the file. A number that is
missing is a `Statistic` without a value, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from memlab.ablations.record import ConditionRecord
from memlab.analysis.cell_effect import CellEffect
from memlab.analysis.run_record import DataRecord, ModelRecord, Provenance
from memlab.audit.feature_result import FeatureResult
from memlab.stats import Place
from memlab.stats.measures import Statistic

SCHEMA = 1
Outcome = Literal["as predicted", "reversed", "open", "cannot tell"]
VerdictName = Literal["human-interpretable", "shortcut", "mixed", "cannot tell"]


@dataclass(frozen=True)
class ProtocolRecord:
    """Protocol that an audit followed, with its smallest effect of interest in SDs."""

    name: str
    version: int
    sha256: str
    sesoi: float


@dataclass(frozen=True)
class SampleRecord:
    """Images of an audit.

    Args:
        table: number of images with a clean prediction.
        audited: number of images that were changed.
        scored: number of images of the table with a score from people.
        strata: stratum to its number of audited images; empty if the sample is not stratified.
        spearman: Spearman's ρ of clean predictions with scores, over the table.
        spearman_audited: the same over the audited images, unweighted.
        sd: SD of the clean predictions over the table.
    """

    table: int
    audited: int
    scored: int
    strata: dict[str, int]
    spearman: Statistic
    spearman_audited: Statistic
    sd: Statistic


@dataclass(frozen=True)
class Ranking:
    """Features in the order of a quantity.

    Args:
        quantity: `variance_share` (T, over the data set) or `rms_effect_sd` (when present).
        places: one per ranked feature, largest value first; those without a rank last.
        decisive: whether the first place is decided.
        sentence: what the order shows.
        images_needed: audited images that would separate the first two features, roughly.
        reason: why there is no ranking.
    """

    quantity: str
    places: list[Place]
    decisive: bool
    sentence: str
    images_needed: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ContrastResult:
    """Difference that the protocol declares.

    Args:
        name: name of the contrast.
        first: features of the first group that were measured.
        second: features of the second group that were measured.
        difference: mean T of the first group − mean T of the second group.
        same_images: difference of RMS effects over images that have both features, in SDs of the
            clean predictions; for contrasts of two presence features.
        missing: features without a T.
        presence_only: whether both T are of presence alone, because the exchange of one feature
            was not measured.
    """

    name: str
    first: list[str]
    second: list[str]
    difference: Statistic
    same_images: Statistic | None
    missing: list[str]
    presence_only: bool = False


@dataclass(frozen=True)
class SemanticShare:
    """Share of semantic features in what all representatives move.

    Args:
        share: sum of semantic T over the sum of semantic and low-level T; parts are not clipped.
        semantic: sum of the T of semantic representatives.
        low_level: sum of the T of low-level representatives.
        total: sum of both.
        low: lower end of the share if every feature without a T counted against it.
        high: upper end of the share if every feature without a T counted for it.
        unmeasured: representative without a T to the largest T that it could have.
        unexchanged: representative whose T is of presence alone to the largest T that exchanging
            it for another of its kind could add.
    """

    share: Statistic
    semantic: Statistic
    low_level: Statistic
    total: Statistic
    low: float | None
    high: float | None
    unmeasured: dict[str, float]
    unexchanged: dict[str, float]


@dataclass(frozen=True)
class OrderedPair:
    """Two features that a hypothesis orders, and whether the audit agrees.

    Args:
        first: feature that the hypothesis ranks higher.
        second: the other feature.
        outcome: whether the interval of the difference decides.
        difference: T of the first − T of the second.
        presence_only: whether both T are of presence alone, because the exchange of one feature
            was not measured.
    """

    first: str
    second: str
    outcome: Outcome
    difference: Statistic
    presence_only: bool = False


@dataclass(frozen=True)
class HypothesisResult:
    """Hypothesis beside the measured order.

    Args:
        name: name of the hypothesis.
        claim: what it says of the model.
        words: its order in words.
        order: groups of names, largest reliance first, as measured.
        unmeasured: name to the reason why no T belongs to it.
        tau: Kendall's τ_b of its order with that of T; descriptive.
        pairs: one per pair of features that it orders.
        sentence: how many pairs are decided.
    """

    name: str
    claim: str
    words: str
    order: list[list[str]]
    unmeasured: dict[str, str]
    tau: Statistic
    pairs: list[OrderedPair]
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """Answer of the audit.

    Args:
        verdict: human-interpretable, shortcut, mixed, or cannot tell.
        clause: the rule that fired, with its numbers.
        shows: what the audit shows, in one sentence.
        does_not_show: what it does not show, in one sentence.
        images_needed: audited images that would decide, roughly; None if unknown.
    """

    verdict: VerdictName
    clause: str
    shows: str
    does_not_show: str
    images_needed: int | None = None


@dataclass(frozen=True)
class NuisanceChange:
    """Change that should not matter: its RMS effect, in SDs of the clean predictions."""

    condition: str
    label: str
    rms_effect_sd: Statistic


@dataclass(frozen=True)
class ScanResult:
    """Blind scan: effects of occluding each cell outside all masks.

    Args:
        n: number of scanned images.
        cells: number of rows and of columns.
        smallest_effect: smallest effect of interest, in units of the score.
        strongest: index of the strongest cell; None if no cell was tested.
        positions: one entry per cell, row by row.
        sentence: what the scan found.
    """

    n: int
    cells: int
    smallest_effect: float | None
    strongest: int | None
    positions: list[CellEffect]
    sentence: str


@dataclass(frozen=True)
class Sufficiency:
    """Correlation with people's scores that survives in images reduced to one kind of information.

    Args:
        condition: the reduction.
        label: name for readers.
        reduced: Q, Spearman's ρ of scores of reduced images; no value if its interval includes 0.
        measured: the same with its value in any case.
        clean: Spearman's ρ of the unchanged images' scores, same images.
    """

    condition: str
    label: str
    reduced: Statistic
    measured: Statistic
    clean: Statistic


@dataclass(frozen=True, kw_only=True)
class AuditResult:
    """Contents of `audit.json`.

    Args:
        protocol: the protocol.
        seed: seed of the audit.
        sample: the images.
        features: one entry per feature of the protocol, in its order.
        ranking: order of the representatives by T.
        ranking_present: order by the RMS effect where the feature is present.
        contrasts: differences that the protocol declares.
        semantic_share: share of semantic features.
        hypotheses: the hypotheses of the protocol.
        verdict: the answer.
        nuisance: changes that should not matter, largest first.
        scan: blind scan; None if it was not run.
        sufficiency: images reduced to one kind of information.
        notes: notes for the reader.
        conditions: records of all conditions that were run.
        model: the audited model.
        data: its data.
        provenance: code and machine.
        started: UTC, ISO 8601.
        finished: UTC, ISO 8601.
        figures: paths relative to the file.
        schema: version of this layout.
    """

    protocol: ProtocolRecord
    seed: int
    sample: SampleRecord
    features: list[FeatureResult]
    ranking: Ranking
    ranking_present: Ranking
    contrasts: list[ContrastResult]
    semantic_share: SemanticShare
    hypotheses: list[HypothesisResult]
    verdict: Verdict
    nuisance: list[NuisanceChange]
    scan: ScanResult | None
    sufficiency: list[Sufficiency]
    notes: list[str]
    conditions: list[ConditionRecord]
    model: ModelRecord | None = None
    data: DataRecord | None = None
    provenance: Provenance | None = None
    started: str | None = None
    finished: str | None = None
    figures: list[str] = field(default_factory=list)
    schema: int = SCHEMA

    def feature(self, name: str) -> FeatureResult:
        """Return the result of a feature; raises KeyError if there is none."""
        return {one.name: one for one in self.features}[name]
