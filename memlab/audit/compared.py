"""Audits of several models or training seeds, compared on their common images. No torch.

Images are paired: each resample holds the same images for all models. The networks of one model,
which differ in their training seed, are resampled above the images; see `memlab.stats`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from memlab.audit.common_images import CommonImages
from memlab.audit.compared_shares import ModelShares, measured_alike, model_shares
from memlab.audit.comparison_result import (
    SHARE,
    AuditComparison,
    ComparedFeature,
    ComparedModel,
    ShareDifference,
)
from memlab.audit.finished import FinishedAudit
from memlab.audit.order import no_ranking, ranked
from memlab.audit.representatives import representatives, stand_ins
from memlab.audit.result import Ranking
from memlab.audit.semantic import derived, range_of_all
from memlab.audit.shares import Shares
from memlab.audit.verdict import no_order
from memlab.errors import DataError
from memlab.stats import LEVEL
from memlab.stats.intervals import Resampled

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def models_of(audits: Sequence[FinishedAudit]) -> list[list[FinishedAudit]]:
    """Group audits of the same network trained with different seeds, in the order given.

    Two audits belong together if class, arguments and training data of their models are equal and
    their weights differ.
    """
    groups: dict[str, list[FinishedAudit]] = {}
    for index, audit in enumerate(audits):
        model = audit.result.model
        key = f"{index}"
        if model is not None:
            key = f"{model.class_path} {model.init_args} {model.seen_data}"
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
    data, notes = measured_alike({str(audit.folder): common.features(audit) for audit in audits})
    stands_in = stand_ins(protocol, data[str(audits[0].folder)])
    names = representatives(protocol, stands_in)
    labels = {one.name: one.label for one in protocol.features}
    sides = {one.name: one.side for one in protocol.features}
    found: dict[str, ModelShares] = {}
    for letter, group in zip(LETTERS, groups, strict=False):
        networks = [data[str(audit.folder)] for audit in group]
        found[letter] = model_shares(networks, names, protocol, seed, level, common.strata)
    models = [
        ComparedModel(
            letter,
            group[0].label,
            [str(audit.folder) for audit in group],
            [audit.result.verdict.verdict for audit in group],
            _ranking(group, names, found[letter].shares, labels, common.n, level),
            found[letter].semantic,
        )
        for letter, group in zip(LETTERS, groups, strict=False)
    ]
    features = [
        ComparedFeature(
            name,
            labels[name],
            sides[name],
            {letter: of.every[name].interval() for letter, of in found.items()},
            {letter: of.networks[name] for letter, of in found.items()},
        )
        for name in names
        if any(name in of.shares.of for of in found.values())
    ]
    differences = _differences(names, found, level)
    return AuditComparison(
        common.n,
        len(common.table),
        models,
        features,
        differences,
        _sentences(models, differences, labels),
        [*common.notes, *notes, *_open_notes(models), *_seed_notes(models)],
    )


def _ranking(
    group: Sequence[FinishedAudit],
    names: Sequence[str],
    shares: Shares,
    labels: Mapping[str, str],
    audited: int,
    level: float,
) -> Ranking:
    nothing = next(filter(None, (no_order(audit.result.sample) for audit in group)), None)
    if nothing:
        return no_ranking("variance_share", names, nothing)
    without = {name: shares.without[name] for name in names if name not in shares.of}
    there = {name: shares.of[name] for name in names if name in shares.of}
    return ranked("variance_share", there, without, labels, audited, level)


def _differences(
    names: Sequence[str], models: Mapping[str, ModelShares], level: float
) -> list[ShareDifference]:
    found: list[tuple[str, str, str, Resampled]] = []
    for first, second in combinations(models, 2):
        one, other = models[first], models[second]
        pairs = [
            (name, one.shares.of[name], other.shares.of[name])
            for name in names
            if name in one.shares.of and name in other.shares.of
        ]
        if len(one.draws) and len(other.draws):
            pairs.append((SHARE, one.semantic_share, other.semantic_share))
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


def _open_notes(models: Sequence[ComparedModel]) -> list[str]:
    ranges = {model.letter: range_of_all(model.semantic_share) for model in models}
    return [
        f"{letter}: the semantic share in percent is {of}" for letter, of in ranges.items() if of
    ]


def _seed_notes(models: Sequence[ComparedModel]) -> list[str]:
    notes = []
    for model in models:
        count = len(model.audits)
        if count == 1:
            notes.append(f"{model.letter} is one network: its intervals say nothing of other seeds")
            continue
        few = "; with so few networks they are somewhat too narrow" if count < 5 else ""
        notes.append(
            f"{model.letter} is the mean of {count} networks of one class with the same arguments "
            "and data, taken to differ in their training seed; its intervals hold for other seeds, "
            f"too{few}"
        )
    return notes
