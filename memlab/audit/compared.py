"""Audits of several models or training seeds, compared on their common images. No torch.

Images are paired: each resample holds the same images for all models. The networks of one model,
which differ in their training seed, are resampled above the images; see `memlab.stats`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from memlab.audit.common_images import CommonImages
from memlab.audit.comparison_result import (
    SHARE,
    AuditComparison,
    ComparedFeature,
    ComparedModel,
    ShareDifference,
)
from memlab.audit.estimates import FeatureData
from memlab.audit.finished import FinishedAudit
from memlab.audit.order import no_ranking, ranked
from memlab.audit.representatives import representatives, stand_ins
from memlab.audit.result import Ranking
from memlab.audit.semantic import derived, semantic_share
from memlab.audit.verdict import no_order
from memlab.errors import DataError
from memlab.stats import LEVEL, Estimate, bootstrap_seeds
from memlab.stats.bootstrap import point
from memlab.stats.intervals import Resampled

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def models_of(audits: Sequence[FinishedAudit]) -> list[list[FinishedAudit]]:
    """Group audits of the same network trained with different seeds, in the order given.

    Two audits belong together if class and arguments of their models are equal and their weights
    differ.
    """
    groups: dict[str, list[FinishedAudit]] = {}
    for index, audit in enumerate(audits):
        model = audit.result.model
        key = f"{index}" if model is None else f"{model.class_path} {model.init_args}"
        members = groups.setdefault(key, [])
        known = {one.result.model.weights_id for one in members if one.result.model}
        if model is not None and model.weights_id in known:  # the same network audited twice
            groups[f"{key} {index}"] = [audit]
        else:
            members.append(audit)
    return list(groups.values())


def compare_audits(
    groups: Sequence[Sequence[FinishedAudit]], seed: int = 0, level: float = LEVEL
) -> AuditComparison:
    """Compare models by their audits, over the images that all audits changed.

    Args:
        groups: the audits of each model, one per training seed.
        seed: seed of the resampling.
        level: level of the intervals.

    Raises:
        DataError: if protocols differ, or fewer than three audited images are common.
    """
    audits = [audit for group in groups for audit in group]
    protocol = audits[0].protocol
    for audit in audits:
        if audit.protocol.sha256 != protocol.sha256:
            raise DataError(
                f"{audits[0].folder} and {audit.folder} followed different protocols; audit both "
                "by one protocol"
            )
    common = CommonImages(audits)
    data = {str(audit.folder): common.features(audit) for audit in audits}
    stands_in = stand_ins(protocol, data[str(audits[0].folder)])
    names = representatives(protocol, stands_in)
    labels = {one.name: one.label for one in protocol.features}
    sides = {one.name: one.side for one in protocol.features}
    resampled: dict[str, dict[str, Resampled]] = {}
    networks: dict[str, dict[str, list[float | None]]] = {}
    for letter, group in zip(LETTERS, groups, strict=False):
        estimates = {
            name: [_share(data[str(audit.folder)], name) for audit in group] for name in labels
        }
        resampled[letter] = bootstrap_seeds(
            estimates, seed, protocol.resamples, level, strata=common.strata
        ).resampled
        networks[letter] = {
            name: [point(one).value for one in members] for name, members in estimates.items()
        }
    shares = {
        letter: {name: one for name, one in found.items() if one.interval().low is not None}
        for letter, found in resampled.items()
    }
    of_sides = {
        letter: _semantic({name: sides[name] for name in names}, found, protocol.sesoi, level)
        for letter, found in shares.items()
    }
    models = [
        ComparedModel(
            letter,
            group[0].label,
            [str(audit.folder) for audit in group],
            [audit.result.verdict.verdict for audit in group],
            _ranking(group, names, shares[letter], resampled[letter], labels, common.n, level),
            of_sides[letter].interval(),
        )
        for letter, group in zip(LETTERS, groups, strict=False)
    ]
    features = [
        ComparedFeature(
            name,
            labels[name],
            sides[name],
            {letter: resampled[letter][name].interval() for letter in resampled},
            {letter: networks[letter][name] for letter in resampled},
        )
        for name in names
        if any(name in found for found in shares.values())
    ]
    differences = _differences(names, shares, of_sides, level)
    return AuditComparison(
        common.n,
        len(common.table),
        models,
        features,
        differences,
        _sentences(models, differences, labels),
        common.notes + _seed_notes(models),
    )


def _share(data: Sequence[FeatureData], name: str) -> Estimate:
    one = next(one for one in data if one.feature.name == name)
    empty = Estimate(np.zeros((0, 1)), lambda means: means[..., 0], 0, one.reason or "not measured")
    return one.estimates.get("variance_share", empty)


def _semantic(
    sides: Mapping[str, str], shares: Mapping[str, Resampled], sesoi: float, level: float
) -> Resampled:
    """Return the semantic share of a model as an estimate with draws."""
    found, draws = semantic_share(sides, shares, {}, sesoi**2 / 2, level)
    share = replace(found.share, low=None, high=None, level=None, method=None)
    return Resampled(share, draws, kind="percentile", level=level)


def _ranking(
    group: Sequence[FinishedAudit],
    names: Sequence[str],
    shares: Mapping[str, Resampled],
    resampled: Mapping[str, Resampled],
    labels: Mapping[str, str],
    audited: int,
    level: float,
) -> Ranking:
    nothing = next(filter(None, (no_order(audit.result.sample) for audit in group)), None)
    if nothing:
        return no_ranking("variance_share", names, nothing)
    without = {
        name: resampled[name].interval().reason or "no interval"
        for name in names
        if name not in shares
    }
    there = {name: shares[name] for name in names if name in shares}
    return ranked("variance_share", there, without, labels, audited, level)


def _differences(
    names: Sequence[str],
    shares: Mapping[str, Mapping[str, Resampled]],
    of_sides: Mapping[str, Resampled],
    level: float,
) -> list[ShareDifference]:
    letters = list(shares)
    found: list[tuple[str, str, str, Resampled]] = []
    for index, first in enumerate(letters):
        for second in letters[index + 1 :]:
            pairs = [
                (name, shares[first][name], shares[second][name])
                for name in names
                if name in shares[first] and name in shares[second]
            ]
            one, other = of_sides[first], of_sides[second]
            if len(one.draws) and len(other.draws):
                pairs.append((SHARE, one, other))
            for name, a, b in pairs:
                n = min(a.statistic.n, b.statistic.n)
                found.append((name, first, second, derived(lambda x, y: y - x, [a, b], n, level)))
    together = 1 - (1 - level) / max(len(found), 1)
    return [
        ShareDifference(name, first, second, one.interval(), one.interval(together))
        for name, first, second, one in found
    ]


def _sentences(
    models: Sequence[ComparedModel],
    differences: Sequence[ShareDifference],
    labels: Mapping[str, str],
) -> list[str]:
    sentences = [f"{model.letter}: {model.ranking.sentence}" for model in models]
    decided = [one for one in differences if one.decided]
    if not differences:
        return sentences
    if not decided:
        return [
            *sentences,
            f"None of the {len(differences)} differences between models is decided: every interval "
            "includes 0.",
        ]
    listed = ", ".join(
        f"{labels.get(one.feature, one.feature)} ({one.second} "
        f"{'above' if (one.difference.value or 0) > 0 else 'below'} {one.first})"
        for one in decided
    )
    return [*sentences, f"{len(decided)} of {len(differences)} differences are decided: {listed}."]


def _seed_notes(models: Sequence[ComparedModel]) -> list[str]:
    notes = []
    for model in models:
        count = len(model.audits)
        if count > 1:
            notes.append(
                f"{model.letter} is the mean of {count} networks that differ in their training "
                "seed; its intervals hold for other seeds, too"
                + ("; with so few networks they are somewhat too narrow" if count < 5 else "")
            )
        else:
            notes.append(f"{model.letter} is one network: its intervals say nothing of other seeds")
    return notes
