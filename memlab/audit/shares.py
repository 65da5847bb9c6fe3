"""T of the features, in the reading that ranks and decides; the same for audits and comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memlab.analysis.insertion_agreement import insertion_agrees
from memlab.audit.bounds import no_share
from memlab.audit.estimates import FeatureData, bearing
from memlab.audit.protocol import Protocol
from memlab.stats.intervals import Resampled
from memlab.stats.measures import Statistic

PRESENCE = "_presence"
"""Suffix of T without the exchange of the feature for another of its kind."""


@dataclass(frozen=True)
class Shares:
    """T of the features, on common resamples.

    Args:
        of: feature to T.
        presence: feature to the T of its presence alone, where T also has its exchange.
        presence_only: features whose T has no exchange.
        without: feature without a T to the reason.
    """

    of: dict[str, Resampled]
    presence: dict[str, Resampled]
    presence_only: frozenset[str]
    without: dict[str, str]

    def alike(self, first: str, second: str) -> tuple[Resampled, Resampled]:
        """Return two T that measure the same.

        If the exchange of one feature was not measured, both are of presence alone. Otherwise, the
        T of persons would count which person it is, and the T of faces would not.
        """
        if not self.differ(first, second):
            return self.of[first], self.of[second]
        one, other = (self.presence.get(name, self.of[name]) for name in (first, second))
        return one, other

    def differ(self, first: str, second: str) -> bool:
        """Return whether the T of one feature has its exchange and that of the other has not."""
        pair = {first, second}
        return bool(pair & self.presence_only) and bool(pair & set(self.presence))


def headlines(
    resampled: Mapping[str, Mapping[str, Resampled]], protocol: Protocol
) -> dict[str, dict[str, Resampled]]:
    """Return each feature's estimates with the T that counts.

    Insertion enters T where an equivalence test shows that it agrees with removal. A T whose
    interval lies above 1 is no share, and has no value.

    Args:
        resampled: feature to its resampled estimates.
        protocol: the protocol.
    """
    found = {name: dict(estimates) for name, estimates in resampled.items()}
    for estimates in found.values():
        chosen = headline(estimates, protocol)
        for reading in ("", PRESENCE):
            name = f"variance_share{reading}"
            if name in estimates:
                estimates[name] = no_share(estimates[f"{chosen}{reading}"])
    return found


def headline(estimates: Mapping[str, Resampled], protocol: Protocol) -> str:
    """Return the name of the T that counts: of removal, or of removal and insertion."""
    agree = insertion_agrees(estimates, protocol.sesoi, protocol.alpha).equivalent
    return "variance_share_both" if agree else "variance_share"


def shares_of(
    data: Sequence[FeatureData],
    resampled: Mapping[str, Mapping[str, Resampled]],
    protocol: Protocol,
) -> Shares:
    """Return the T that may rank and decide.

    A T decides nothing without an interval, or if fewer images than the protocol's `least_images`
    were compared with a control.

    Args:
        data: the features.
        resampled: result of `headlines`.
        protocol: the protocol.
    """
    least = int(protocol.thresholds["least_images"])
    of: dict[str, Resampled] = {}
    presence: dict[str, Resampled] = {}
    without: dict[str, str] = {}
    for one in data:
        name = one.feature.name
        share = resampled.get(name, {}).get("variance_share")
        found = Statistic(None, 0) if share is None else share.interval()
        compared = int(bearing(one).sum())
        if share is None or found.value is None or found.low is None:
            without[name] = one.reason or found.reason or "no interval"
        elif compared < least:
            without[name] = f"only {compared} images; fewer than {least} decide nothing"
        else:
            of[name] = share
            alone = resampled[name].get(f"variance_share{PRESENCE}")
            if alone is not None and alone.interval().low is not None:
                presence[name] = alone
    kinds = {one.feature.name: one.feature.kind for one in data}
    only = {name for name in of if kinds[name] == "presence" and name not in presence}
    return Shares(of, presence, frozenset(only), without)
