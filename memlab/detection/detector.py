"""What finds regions, and what is known about it."""

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
    """How much of a region a finder found, and how much of what it marked was right, as counts.

    Args:
        region: what was looked for.
        on: in which images, and who or what told right from wrong.
        there: regions that are in them.
        found: of these, those that the finder marked.
        marked: everything that it marked.
        right: of these, those that are such a region.
    """

    region: str
    on: str
    there: int
    found: int
    marked: int
    right: int

    def __post_init__(self) -> None:
        if not (0 <= self.found <= self.there and 0 <= self.right <= self.marked):
            raise ValueError(f"{self}: more was found than is there, or more right than marked")


class RegionFinder(Specified, nn.Module, ABC):
    """Finds faces, people, text or anything else that has a place.

    A subclass implements `forward`; its constructor's arguments, a threshold say, become
    `--with.NAME` options, and are kept with the masks. Any class whose objects can be called in the
    same way serves, too, but without its arguments nobody knows how its masks came about.
    """

    licence: ClassVar[str | None] = None
    """Licence of the code and of the weights, where theirs is another."""

    quality: ClassVar[Sequence[Quality]] = ()
    """What is known of recall and precision; kept with the masks, and told with every result."""

    @abstractmethod
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Find regions, the same ones in every image.

        Args:
            images: (B, 3, H, W) float in [0, 1]; of any size.

        Returns:
            Region name to masks, (B, 1, H, W) of 0 and 1; a mask of zeros where nothing was found.
        """

    def weights_id(self) -> str | None:
        """Which weights are loaded, by a hash or a file name; None where there are none."""
        return None


def provenance_of(finder: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept with the masks of a finder, as plain data.

    Args:
        finder: of any class; `licence`, `threshold`, `quality` and `weights_id()` are asked for
            where it has them.
        arguments: that it was made with.
    """
    cls = type(finder)
    plugin = plugin_of(cls)
    weights = getattr(finder, "weights_id", None)
    threshold = getattr(finder, "threshold", arguments.get("threshold"))
    return {
        "plugin": plugin.name if plugin else f"{cls.__module__}:{cls.__qualname__}",
        "distribution": plugin.distribution if plugin else None,
        "version": plugin.version if plugin else None,
        "arguments": dict(arguments),
        "threshold": threshold if isinstance(threshold, int | float) else None,
        "licence": getattr(finder, "licence", None),
        "weights_id": weights() if callable(weights) else None,
        "quality": [asdict(one) for one in _declared(cls, threshold)],
    }


def _declared(cls: type, threshold: Any) -> Sequence[Quality]:
    """What a finder declares of its quality; nothing at another threshold than its own."""
    usual = signature(cls).parameters.get("threshold")
    if usual is not None and usual.default != threshold:
        return ()
    declared: Sequence[Quality] = getattr(cls, "quality", ())
    return declared
