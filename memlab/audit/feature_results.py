"""Results of features from their resampled estimates: claims, fills, insertion, eligibility."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from memlab.analysis.arrays import ImageEffects, Images
from memlab.analysis.claims import Claim, removal_claim, swap_claim
from memlab.analysis.insertion_agreement import insertion_agrees
from memlab.analysis.rank_loss import performance_loss
from memlab.audit.beside import scored_only
from memlab.audit.estimates import FeatureData, bearing
from memlab.audit.feature_result import FeatureResult, FillEffect, InsertionEffect
from memlab.audit.feature_tests import FeatureTests, feature_tests
from memlab.audit.protocol import Protocol
from memlab.audit.resampling import Resampling
from memlab.audit.speaks_for import areas, have, without
from memlab.stats import CLAIM_LEVEL, Correlations, detectable
from memlab.stats.intervals import Resampled
from memlab.stats.measures import Statistic, constant


def feature_results(
    data: Sequence[FeatureData],
    resampled: Mapping[str, Mapping[str, Resampled]],
    conditions: pd.DataFrame,
    images: Images,
    ranked: Sequence[str],
    stands_in: Mapping[str, str],
    random_shapes: set[str],
    protocol: Protocol,
    resampling: Resampling,
) -> list[FeatureResult]:
    """Return the result of each feature, in the order of the protocol; see `audit_result`."""
    tests = feature_tests(
        data, ranked, resampled, random_shapes, resampling.seed, resampling.resamples
    )
    losses = _losses(data, images, resampling)
    taken = {name: other for other, name in stands_in.items()}
    results = []
    for one in data:
        name = one.feature.name
        found = _Found(one, resampled.get(name, {}), tests[name], protocol)
        results.append(
            found.result(
                losses.get(name, Statistic(None, 0, reason=one.reason or "not measured")),
                conditions,
                images,
                name in ranked,
                taken.get(name),
            )
        )
    return results


class _Found:
    """One feature with its resampled estimates.

    Args:
        data: the feature with its conditions.
        resampled: its estimates by name.
        tests: its p-values.
        protocol: the protocol.
    """

    def __init__(
        self,
        data: FeatureData,
        resampled: Mapping[str, Resampled],
        tests: FeatureTests,
        protocol: Protocol,
    ) -> None:
        self.data, self.resampled, self.tests, self.protocol = data, resampled, tests, protocol
        self.missing = Statistic(None, 0, reason=data.reason or "not measured")

    def statistic(self, name: str) -> Statistic:
        one = self.resampled.get(name)
        return self.missing if one is None else one.interval()

    def at_claim_level(self, name: str) -> Statistic:
        one = self.resampled.get(name)
        return self.missing if one is None else one.interval(CLAIM_LEVEL)

    def result(
        self,
        loss: Statistic,
        conditions: pd.DataFrame,
        images: Images,
        ranked: bool,
        stands_in_for: str | None,
    ) -> FeatureResult:
        feature, data = self.data.feature, self.data
        presence = feature.kind == "presence"
        bears = bearing(data)
        main = data.main
        fills = self._fills()
        return FeatureResult(
            name=feature.name,
            label=feature.label,
            side=feature.side,
            family=feature.family,
            kind=feature.kind,
            ranked=ranked,
            stands_in_for=stands_in_for,
            conditions=[record.condition for record in data.records],
            prevalence=self.statistic("prevalence"),
            have=have(data, images),
            compared=int(bears.sum()),
            without=without(data, conditions, bears, images),
            areas=areas(data, conditions, bears, images),
            effect=self.statistic("effect") if presence else None,
            specific_effect=self.statistic("specific_effect") if presence else None,
            specific_effect_sd=self.statistic("specific_effect_sd") if presence else None,
            rms_effect=self.statistic("rms_effect"),
            rms_effect_sd=self.statistic("rms_effect_sd"),
            variance_share=self.statistic("variance_share"),
            exchange_share=self._exchange() if presence else None,
            control_share=self.statistic("control_share").value,
            performance_loss=loss,
            test=self.tests.either,
            claim=self._claim(main),
            detectable=self._detectable("variance_share"),
            detectable_effect=self._detectable("specific_effect_sd") if presence else None,
            fills=fills,
            fill_dependent=_disagree([one.specific_effect_sd for one in fills]),
            insertion=self._insertion(),
            gauge=list(data.gauges),
            notes=list(data.notes),
        )

    def _claim(self, main: ImageEffects | None) -> Claim:
        if main is None:
            return Claim("cannot tell", self.data.reason or "not measured")
        why = self.statistic("variance_share").reason or ""
        if why.startswith("out of distribution"):
            return Claim("cannot tell", why)
        sesoi, alpha, p = self.protocol.sesoi, self.protocol.alpha, self.tests.either.p_corrected
        if self.data.feature.kind == "value":
            share, most = map(self.at_claim_level, ("variance_share", "variance_share_upper"))
            return swap_claim(share, most, p, sesoi**2 / 2, alpha)
        signed, lower, upper = (
            self.at_claim_level(name)
            for name in ("specific_effect_sd", "rms_effect_sd_lower", "rms_effect_sd_upper")
        )
        return removal_claim(signed, lower, upper, p, sesoi, alpha)

    def _exchange(self) -> Statistic:
        found = self.statistic("exchange_share")
        swap = next((one.condition for one in self.data.records if one.role == "swap"), None)
        if swap is None:
            return replace(found, reason=self.data.reason or "not run")
        return replace(found, reason=self.data.beyond.get(swap, found.reason))

    def _detectable(self, name: str) -> float | None:
        one = self.resampled.get(name)
        error = None if one is None else one.standard_error()
        return None if error is None else detectable(error, alpha=self.protocol.alpha)

    def _fills(self) -> list[FillEffect]:
        records = {record.condition: record for record in self.data.records}
        return [
            FillEffect(
                condition,
                records[condition].fill or "default",
                self.statistic(f"fill {index}/specific_effect_sd"),
                self.statistic(f"fill {index}/rms_effect_sd"),
            )
            for index, condition in enumerate(self.data.removals)
        ]

    def _insertion(self) -> InsertionEffect | None:
        if self.data.insertion is None:
            return None
        signed = self.statistic("insertion/specific_effect_sd")
        agrees = insertion_agrees(self.resampled, self.protocol.sesoi, self.protocol.alpha)
        not_shown = f"not shown to agree with removal within {agrees.margin:g} SD"
        return InsertionEffect(
            self.data.records[-1].condition,
            _mirrored(signed),
            self.statistic("insertion/rms_effect_sd"),
            used=bool(agrees.equivalent),
            reason=None if agrees.equivalent else agrees.reason or not_shown,
        )


def _mirrored(statistic: Statistic) -> Statistic:
    """Return the statistic of the opposite sign: pasted − original."""
    value, low, high = (
        None if one is None else -one for one in (statistic.value, statistic.high, statistic.low)
    )
    return replace(statistic, value=value, low=low, high=high)


def _disagree(fills: Sequence[Statistic]) -> bool | None:
    """Return whether some fill's interval lies above 0 and another's below; None if unknown."""
    ends = [(one.low, one.high) for one in fills if one.low is not None and one.high is not None]
    if len(ends) < 2:
        return None
    return any(low > 0 for low, _ in ends) and any(high < 0 for _, high in ends)


def _losses(
    data: Sequence[FeatureData], images: Images, resampling: Resampling
) -> dict[str, Statistic]:
    """Return P of each feature: the loss of ρ beyond that of its control."""
    if not np.isfinite(images.score).any():
        none = Statistic(None, 0, reason="the images have no scores")
        return {one.feature.name: none for one in data}
    requested: dict[str, Correlations] = {}
    for one in data:
        effects = _target_and_control(one)
        if effects is not None:
            requested[one.feature.name] = performance_loss(effects)
    weights = None if constant(images.audited[images.audited > 0]) else images.audited
    return resampling.of_ranks(requested, weights).statistics


def _target_and_control(data: FeatureData) -> ImageEffects | None:
    """Return the draws of all fills, or of the swap, as roles `target` and `control`."""
    if data.feature.kind == "presence" and data.removals:
        fills = [scored_only(one, "target", "control") for one in data.removals.values()]
        by_role = {
            role: np.concatenate([one.of(role) for one in fills], axis=1)
            for role in ("target", "control")
        }
        return replace(fills[0], by_role=by_role)
    if data.feature.kind == "value" and data.swap is not None:
        swap = scored_only(data.swap, "swap", "round-trip")
        by_role = {"target": swap.of("swap"), "control": swap.of("round-trip")}
        return replace(swap, by_role=by_role)
    return None
