"""From the tables of an audit to its result: one function, without a model and without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from memlab.ablations.record import ConditionRecord
from memlab.analysis.arrays import ImageEffects, Images, read_effects
from memlab.analysis.comparable import finite_changes, mostly_random_shapes
from memlab.analysis.gauge import Gauge, gauges
from memlab.audit.beside import (
    CELL,
    nuisance_changes,
    nuisance_estimates,
    scan_result,
    sufficiency_estimates,
    sufficiency_result,
)
from memlab.audit.contrasts import contrasts
from memlab.audit.estimates import feature_data
from memlab.audit.feature_results import feature_results
from memlab.audit.hypothesis_results import hypothesis_result
from memlab.audit.order import no_ranking, ranked
from memlab.audit.protocol import Protocol
from memlab.audit.representatives import representatives, stand_ins, unmeasured_shares
from memlab.audit.resampling import Resampling, images_of, sampled
from memlab.audit.result import AuditResult, ProtocolRecord, SampleRecord, Sufficiency
from memlab.audit.semantic import semantic_share
from memlab.audit.shares import headlines, shares_of
from memlab.audit.verdict import no_order, verdict
from memlab.numbers import number
from memlab.stats import Bootstrap, rho
from memlab.stats.blocks import AnyEstimate
from memlab.stats.intervals import Resampled
from memlab.stats.measures import Statistic, constant


def audit_result(
    rows: pd.DataFrame,
    conditions: pd.DataFrame,
    records: Sequence[ConditionRecord],
    protocol: Protocol,
    seed: int,
    left_out: Mapping[str, str] | None = None,
) -> AuditResult:
    """Return what a model relies on, with intervals, ranking and verdict, from tables alone.

    Args:
        rows: the clean predictions of the whole table: `id`, `predicted`; optionally `score`,
            `audited` (1 for images that were changed; all if absent), `weight` (inverse inclusion
            of audited images), `stratum`, and a column of 0, 1 or empty for each presence feature.
        conditions: the changed images, as in `conditions.csv`.
        records: records of all conditions.
        protocol: the protocol.
        seed: seed of the resampling and of the permutations.
        left_out: reason for each feature that the audit did not measure, by name.

    Raises:
        DataError: if a column is missing, no image was audited, an id is unknown or duplicated, or
            an eligible image has no prediction.
    """
    rows = rows[np.isfinite(pd.to_numeric(rows["predicted"], errors="coerce"))]
    rows = rows.reset_index(drop=True)
    rows, strata = sampled(rows)
    images = images_of(rows)
    resampling = Resampling(seed, protocol.resamples, protocol.level, strata)
    sample = _sample(rows, images, resampling)
    random_shapes = mostly_random_shapes(conditions)
    conditions = conditions[conditions["condition"].isin(finite_changes(conditions))]
    measured = _measured(images, conditions, records)
    gauge_of = _gauges(rows, conditions, records)
    data = [
        feature_data(feature, protocol, records, measured, images, random_shapes, gauge_of)
        for feature in protocol.features
    ]
    known = left_out or {}
    data = [
        replace(one, reason=known.get(one.feature.name, one.reason)) if one.reason else one
        for one in data
    ]
    stands_in = stand_ins(protocol, data)
    ranked_names = representatives(protocol, stands_in)
    thresholds = protocol.thresholds

    nuisance = nuisance_estimates(records, measured, images)
    requested: dict[str, AnyEstimate] = {
        f"{one.feature.name}|{name}": estimate
        for one in data
        for name, estimate in one.estimates.items()
    }
    requested |= {f"nuisance|{name}": estimate for name, estimate in nuisance.items()}
    resampled = headlines(_by_owner(resampling.of(requested)), protocol)
    features = feature_results(
        data, resampled, conditions, images, ranked_names, stands_in, random_shapes,
        protocol, resampling,
    )  # fmt: skip

    shares = shares_of(data, resampled, protocol)
    labels = {one.name: one.label for one in features}
    sesoi_t = protocol.sesoi**2 / 2
    nothing = no_order(sample)
    rankings = []
    for quantity in ("variance_share", "rms_effect_sd"):
        if nothing:
            rankings.append(no_ranking(quantity, ranked_names, nothing))
            continue
        rankings.append(
            ranked(
                quantity,
                {
                    name: resampled[name][quantity]
                    for name in ranked_names
                    if name in shares.of and quantity in resampled[name]
                },
                {name: shares.without[name] for name in ranked_names if name not in shares.of},
                labels,
                sample.audited,
                protocol.level,
            )
        )
    of_ranked = {name: shares.of[name] for name in ranked_names if name in shares.of}
    sides = {one.name: one.side for one in features if one.name in ranked_names}
    unmeasured = unmeasured_shares(protocol, resampled, shares.of, shares.presence_only)
    share, draws = semantic_share(sides, of_ranked, *unmeasured, sesoi_t, protocol.level)
    scan = scan_result(records, measured, images, protocol.sesoi, seed) if protocol.scan else None
    return AuditResult(
        protocol=ProtocolRecord(protocol.name, protocol.version, protocol.sha256, protocol.sesoi),
        seed=seed,
        sample=sample,
        features=features,
        ranking=rankings[0],
        ranking_present=rankings[1],
        contrasts=contrasts(protocol, data, shares, stands_in, resampling),
        semantic_share=share,
        hypotheses=[
            hypothesis_result(one, shares, stands_in, sesoi_t, protocol.level)
            for one in protocol.hypotheses
        ],
        verdict=verdict(features, share, draws, sample, scan, thresholds),
        nuisance=nuisance_changes(records, resampled.get("nuisance", {})),
        scan=scan,
        sufficiency=_sufficiency(protocol, records, measured, images, resampling),
        notes=_notes(sample, rows),
        conditions=list(records),
    )


def _measured(
    images: Images, conditions: pd.DataFrame, records: Sequence[ConditionRecord]
) -> dict[str, ImageEffects]:
    """Return the effects of the primary conditions and of the scan's cells; no ladder."""
    wanted = {record.condition for record in records if record.primary or record.ablation == CELL}
    return read_effects(images, conditions[conditions["condition"].isin(wanted)])


def _gauges(
    rows: pd.DataFrame, conditions: pd.DataFrame, records: Sequence[ConditionRecord]
) -> dict[str, Gauge]:
    """Return the distance of each primary condition's images from the clean ones."""
    wanted = {record.condition for record in records if record.primary and record.ablation != CELL}
    return gauges(rows, conditions[conditions["condition"].isin(wanted)])


def _by_owner(resampled: Bootstrap) -> dict[str, dict[str, Resampled]]:
    found: dict[str, dict[str, Resampled]] = {}
    for key, one in resampled.resampled.items():
        owner, _, name = key.partition("|")
        found.setdefault(owner, {})[name] = one
    return found


def _sample(rows: pd.DataFrame, images: Images, resampling: Resampling) -> SampleRecord:
    scored = np.isfinite(images.score)
    requested = {
        "all": rho(images.predicted, images.score, scored),
        "audited": rho(images.predicted, images.score, scored & (images.audited > 0)),
    }
    spearman = resampling.of_ranks(requested).statistics
    if not scored.any():
        none = Statistic(None, 0, reason="the images have no scores")
        spearman = dict.fromkeys(spearman, none)
    n = len(images.predicted)
    sd = Statistic(float(images.predicted.std(ddof=1)) if n > 1 else None, n)
    if n < 2 or constant(images.predicted):
        sd = Statistic(None, n, reason="the predictions do not vary")
    audited = rows["audited"] > 0
    counts = rows.loc[audited, "stratum"].value_counts()
    return SampleRecord(
        table=n,
        audited=int(audited.sum()),
        scored=int(scored.sum()),
        strata={str(name): int(count) for name, count in counts.items() if name},
        spearman=spearman["all"],
        spearman_audited=spearman["audited"],
        sd=sd,
    )


def _sufficiency(
    protocol: Protocol,
    records: Sequence[ConditionRecord],
    measured: Mapping[str, ImageEffects],
    images: Images,
    resampling: Resampling,
) -> list[Sufficiency]:
    if not np.isfinite(images.score).any():
        return []
    found = sufficiency_estimates(protocol, records, measured)
    weights = None if constant(images.audited[images.audited > 0]) else images.audited
    requested = {f"{key}|{i}": one for key, of in found.items() for i, one in enumerate(of[1:])}
    if not requested:
        return []
    drawn = _by_owner(resampling.of_ranks(requested, weights))
    return [
        sufficiency_result(record, drawn[key]["0"].interval(), drawn[key]["1"].interval())
        for key, (record, _, _) in found.items()
    ]


def _notes(sample: SampleRecord, rows: pd.DataFrame) -> list[str]:
    notes = []
    audited = set(rows.loc[rows["audited"] > 0, "stratum"])
    unlike = rows.loc[~rows["stratum"].isin(audited), "stratum"].value_counts()
    if len(unlike):
        percent = number(100 * unlike.sum() / sample.table, 1)
        notes.append(
            f"{unlike.sum()} images ({percent} % of the table) have features that no audited image "
            f"has together (most: {unlike.index[0]}): no effect is weighted for them"
        )
    if sample.scored == 0:
        notes.append(
            "the images have no scores: it is unknown whether the predictions carry any of what "
            "people remember; losses of ρ and sufficiency are not measured"
        )
    elif sample.scored < sample.table:
        notes.append(
            f"{sample.table - sample.scored} of {sample.table} images have no score; "
            "correlations are without them"
        )
    return notes
