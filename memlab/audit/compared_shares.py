"""T of each feature of a model, over its networks and the images that all audits share. No torch.

T is that of audits: the same rule for insertions, the same bounds, the same least number of images.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from memlab.audit.estimates import FeatureData
from memlab.audit.protocol import Protocol
from memlab.audit.representatives import unmeasured_shares
from memlab.audit.result import SemanticShare
from memlab.audit.semantic import semantic_share
from memlab.audit.shares import PRESENCE, Shares, headline, headlines, shares_of
from memlab.stats import Estimate, Strata, bootstrap_seeds
from memlab.stats.bootstrap import point
from memlab.stats.intervals import Resampled

_READINGS = ("variance_share", "variance_share_both")
_WANTED = (
    *_READINGS,
    *(f"{name}{PRESENCE}" for name in _READINGS),
    "insertion_difference_sd",
    "prevalence",
)


@dataclass(frozen=True)
class ModelShares:
    """T of the features of a model.

    Args:
        shares: T of the features.
        every: feature to its T, also where that decides nothing.
        networks: feature to the T of each network.
        semantic: share of semantic features.
        draws: its values on the resamples.
    """

    shares: Shares
    every: dict[str, Resampled]
    networks: dict[str, list[float | None]]
    semantic: SemanticShare
    draws: np.ndarray

    @property
    def semantic_share(self) -> Resampled:
        """Return the semantic share with its values on the resamples."""
        return Resampled(self.semantic.share, self.draws, kind="percentile")


def model_shares(
    networks: Sequence[Sequence[FeatureData]],
    ranked: Collection[str],
    protocol: Protocol,
    seed: int,
    level: float,
    strata: Strata | None,
) -> ModelShares:
    """Return T of the features of a model.

    Args:
        networks: the features of each of its networks, over the same images.
        ranked: names of the features that represent their families.
        protocol: the protocol.
        seed: seed of the resampling.
        level: level of the intervals.
        strata: strata of the images.
    """
    by_name = {one.feature.name: one for one in networks[0]}
    estimates: dict[str, list[Estimate]] = {}
    for name, first in by_name.items():
        of_all = [
            next(one for one in network if one.feature.name == name).estimates
            for network in networks
        ]
        why = first.reason or "not measured"
        missing = Estimate(np.zeros((0, 1)), lambda means: means[..., 0], 0, why)
        for key in _WANTED:
            if key == "variance_share" or all(key in one for one in of_all):
                estimates[f"{name}|{key}"] = [one.get(key, missing) for one in of_all]
    drawn = bootstrap_seeds(estimates, seed, protocol.resamples, level, strata=strata).resampled
    resampled: dict[str, dict[str, Resampled]] = {}
    for key, one in drawn.items():
        name, _, estimate = key.partition("|")
        resampled.setdefault(name, {})[estimate] = one
    found = headlines(resampled, protocol)
    shares = shares_of(networks[0], found, protocol)
    sides = {one.name: one.side for one in protocol.features if one.name in ranked}
    unmeasured = unmeasured_shares(protocol, found, shares.of, shares.presence_only)
    of_ranked = {name: shares.of[name] for name in ranked if name in shares.of}
    semantic, draws = semantic_share(sides, of_ranked, *unmeasured, protocol.sesoi**2 / 2, level)
    return ModelShares(
        shares,
        {name: of["variance_share"] for name, of in found.items()},
        {
            name: [point(one).value for one in estimates[f"{name}|{headline(of, protocol)}"]]
            for name, of in resampled.items()
        },
        semantic,
        draws,
    )


def measured_alike(
    audits: Mapping[str, Sequence[FeatureData]],
) -> tuple[dict[str, list[FeatureData]], list[str]]:
    """Return the features so that the T of each is of the same kind in all audits, and notes.

    If some audits could not exchange a feature for another of its kind, its T is of presence alone
    in all of them.

    Args:
        audits: the features of each audit.
    """
    exchanged = [
        {one.feature.name for one in features if f"variance_share{PRESENCE}" in one.estimates}
        for features in audits.values()
    ]
    everywhere = exchanged[0].intersection(*exchanged)
    unlike = set().union(*exchanged) - everywhere
    labels = {
        one.feature.name: one.feature.label for features in audits.values() for one in features
    }
    notes = [
        f"the exchange of {labels[name]} was not measured in all audits: T of {labels[name]} is of "
        "presence alone here"
        for name in sorted(unlike)
    ]
    alike = {
        key: [_of_presence(one) if one.feature.name in unlike else one for one in features]
        for key, features in audits.items()
    }
    return alike, notes


def _of_presence(data: FeatureData) -> FeatureData:
    estimates = dict(data.estimates)
    for name in _READINGS:
        alone = estimates.pop(f"{name}{PRESENCE}", None)
        if alone is not None:
            estimates[name] = alone
    return replace(data, estimates=estimates)
