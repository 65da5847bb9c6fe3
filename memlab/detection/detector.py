"""Base class of detectors, their quality, and their provenance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from inspect import signature
from typing import Any, ClassVar

from torch import Tensor, nn

from memlab.registry import plugin_of
from memlab.spec import Specified


@dataclass(frozen=True)
class Quality:
    """Counts for the recall and precision of a detector on one region.

    Args:
        region: the region.
        on: the evaluated images, and the person or reference that judged them.
        there: number of regions in the images.
        found: number of these that the detector marked.
        marked: number of all detections.
        right: number of detections that are such a region.
        held_out: whether these images had no part in the choice of the threshold; None if that is
            not known.
    """

    region: str
    on: str
    there: int
    found: int
    marked: int
    right: int
    held_out: bool | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.found <= self.there and 0 <= self.right <= self.marked):
            raise ValueError(f"{self}: more was found than is there, or more right than marked")


class RegionDetector(Specified, nn.Module, ABC):
    """Base class of detectors of faces, people, text or other regions.

    A subclass implements `forward`. The arguments of its constructor, such as a threshold, become
    `--with.NAME` options and are kept with the masks. Any class whose objects are callable with the
    same signature also works, but its arguments are not recorded.
    """

    licence: ClassVar[str | None] = None
    """Licence of the code, and of the weights if it differs."""

    quality: ClassVar[Sequence[Quality]] = ()
    """Known recall and precision; kept with the masks and printed with every result."""

    @abstractmethod
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Find regions, the same ones in every image.

        Args:
            images: (B, 3, H, W) float in [0, 1]; of any size.

        Returns:
            Region name to masks, (B, 1, H, W) of 0 and 1; a mask of zeros if nothing was found.
        """

    def weights_id(self) -> str | None:
        """Return a hash or file name of the loaded weights; None without weights."""
        return None

    def notes(self) -> list[str]:
        """Return what a user should know after a run, a line each, e.g. detections left out."""
        return []


def provenance_of(detector: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provenance of a detector as plain data, which is kept with its masks.

    Args:
        detector: detector of any class; `licence`, `threshold`, `quality` and `weights_id()` are
            recorded if it has them.
        arguments: arguments of its constructor.
    """
    cls = type(detector)
    plugin = plugin_of(cls)
    weights = getattr(detector, "weights_id", None)
    threshold = getattr(detector, "threshold", arguments.get("threshold"))
    return {
        "plugin": plugin.name if plugin else f"{cls.__module__}:{cls.__qualname__}",
        "distribution": plugin.distribution if plugin else None,
        "version": plugin.version if plugin else None,
        "arguments": dict(arguments),
        "threshold": threshold if isinstance(threshold, int | float) else None,
        "licence": getattr(detector, "licence", None),
        "weights_id": weights() if callable(weights) else None,
        "quality": [asdict(measured) for measured in _declared(cls, threshold)],
    }


def _declared(cls: type, threshold: Any) -> Sequence[Quality]:
    """Return the declared quality of a detector; empty at a threshold other than the default."""
    usual = signature(cls).parameters.get("threshold")
    if usual is not None and usual.default != threshold:
        return ()
    declared: Sequence[Quality] = getattr(cls, "quality", ())
    return declared
