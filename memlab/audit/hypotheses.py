"""Two hypotheses of the Columbia student study, as rankings of features, and their test results.

The study stated both hypotheses before it collected data. Case A: the model relies on the features
that people remember. Case B: the model relies on surface features. The module reads `results.json`
alone and needs no torch.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from memlab.analysis.effect import AblationEffect

LEAST = 20
"""Minimum number of images for a decision; below it, intervals are too narrow."""


@dataclass(frozen=True)
class Way:
    """Way to measure a feature: an ablation and its requirements.

    Args:
        ablation: name of the ablation.
        masks: region whose masks the ablation needs; `any` for any region; None for none.
        donors: whether the ablation needs donor images.
        region: region that the ablation is applied to, if not its default.
    """

    ablation: str
    masks: str | None = None
    donors: bool = False
    region: str | None = None

    @property
    def arguments(self) -> list[str]:
        """Arguments for `memlab test`."""
        bound = ["--ablation.region", self.region] if self.region else []
        return ["--ablation", self.ablation, *bound]

    def lacks(self, regions: Collection[str], donors: bool) -> str | None:
        """Return which requirement is missing, in words; None if nothing is missing."""
        if self.masks == "any" and not regions:
            return "no masks"
        if self.masks not in (None, "any") and self.masks not in regions:
            return f"no masks of {self.masks}"
        if self.donors and not donors:
            return "no other images to swap with"
        return None

    def matches(self, effect: AblationEffect) -> bool:
        """Return whether an effect is that of this ablation at its primary dose."""
        same_region = self.region is None or effect.region == self.region
        return effect.ablation == self.ablation and effect.primary and same_region


@dataclass(frozen=True)
class Member:
    """Feature in a hypothesis.

    Args:
        name: name of the feature in the hypothesis.
        rank: rank of the feature; equal for features that the hypothesis does not order.
        ways: ways to measure the feature, of which the first available is used; empty if there is
            none.
        reading: what the ablation measures, in words.
    """

    name: str
    rank: int
    ways: tuple[Way, ...]
    reading: str


@dataclass(frozen=True)
class Case:
    """Hypothesis: features in the order of the model's predicted reliance, largest first."""

    name: str
    claim: str
    order: str
    members: tuple[Member, ...]


# Each way has its own control: a matched control or a round trip. Changes of the whole image
# without their own control (grayscale, for example) are compared with the nuisance baseline, and
# cannot be ranked.
_PALETTE = (Way("swap_palette", donors=True),)
CASES = (
    Case(
        "Case A",
        "the model relies on what people remember",
        "face > person, action > salient object > text >> background, colour",
        (
            Member("face", 1, (Way("remove_faces", "faces"),), "faces removed"),
            Member("person", 2, (Way("remove_people", "people"),), "people removed"),
            Member("action", 2, (), "no detector tells what people do"),
            Member(
                "salient object",
                3,
                (Way("remove_objects", "objects"), Way("remove", "salient", region="salient")),
                "objects removed, or what stands out",
            ),
            Member("text", 4, (Way("remove_text", "text"),), "text removed"),
            Member(
                "background",
                5,
                (Way("swap_background", "any", True),),
                "another image's background",
            ),
            Member("colour", 5, _PALETTE, "another image's palette"),
        ),
    ),
    Case(
        "Case B",
        "the model relies on surface",
        "texture, pattern > colour contrast > spatial frequency > semantic content",
        (
            Member(
                "texture, pattern",
                1,
                (Way("swap_texture", donors=True),),
                "noise like another image's fine texture",
            ),
            Member("colour contrast", 2, _PALETTE, "another image's palette"),
            Member(
                "spatial frequency",
                3,
                (Way("swap_spectrum", donors=True),),
                "another image's spectrum",
            ),
            Member(
                "semantic content",
                4,
                (Way("background_only", "any"),),
                "all that is labelled removed",
            ),
        ),
    ),
)
WHOLE = ("blur", "grayscale", "center_crop", "desaturate", "color_contrast")
"""Whole-image ablations of the Columbia student study, and removal of colour contrast."""
BESIDE = (Way("remove_background", "any"),)
"""Ablations that are reported but belong to neither ranking."""


def ways(regions: Collection[str], donors: bool) -> list[Way]:
    """Return all ablations that the study runs, without duplicates.

    Args:
        regions: regions with masks.
        donors: whether there are donor images to swap with.
    """
    runnable = [Way(name) for name in WHOLE]
    for member in (member for case in CASES for member in case.members):
        can = (way for way in member.ways if way.lacks(regions, donors) is None)
        runnable += [way] if (way := next(can, None)) else []
    runnable += [way for way in BESIDE if way.lacks(regions, donors) is None]
    return list(dict.fromkeys(runnable))
