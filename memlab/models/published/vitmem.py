"""ViTMem, a vision transformer (Hagen & Espeseth 2023)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torchvision.transforms.v2.functional import center_crop

from memlab.data.geometry import squashed
from memlab.models.published.files import Release
from memlab.models.published.timm_file import TimmFile

SQUASH, CROP = 256, 224
"""Sides in pixels: what images are squashed to, and of the middle that the network sees."""

RELEASE = Release(
    model="vitmem",
    url="https://huggingface.co/brainpriority/vitmem/resolve/main/"
    "vitmem_base_patch16_224_miil_v1-f580d24a.pth",
    sha256="f580d24a",
)


class ViTMem(TimmFile):
    """ViTMem: how memorable an image is, 0 to 1.

    The network of Hagen & Espeseth (2023, arXiv:2301.08647), a ViT-B/16 with one output, as in the
    package `vitmem` 1.0.1. Images are not normalised. The original squashes an image to 256 ×
    256 pixels and looks at the middle 224 × 224. So does this: `input_size` is 256, which is where
    memlab squashes to, and the crop is inside: of a border of 16 pixels (23 % of the area) the
    model sees nothing, and what an ablation does there has no effect. Images of another size are
    brought to 256 × 256 inside.

    Args:
        weights: the file; by default where the package `vitmem` puts it, in torch.hub's folder.

    Raises:
        CheckpointError: if the file is not there, with where to fetch it; or does not fit.
    """

    about: ClassVar[dict[str, str]] = {
        "output": "memorability score, as of LaMem",
        "trained_on": "LaMem and MemCat, by what others write (the package does not say)",
        "licence": "MIT, as the package vitmem says",
    }
    data = ("LaMem", "MemCat")
    resampler = "pillow"  # as the package
    _blank = "meta"  # no random weights are drawn only to be thrown away

    def __init__(self, weights: str | None = None) -> None:
        super().__init__("vit_base_patch16_224_miil", str(RELEASE.find(weights)), "sigmoid")
        self._one_size = False  # the crop is inside

    def prove(self) -> None:
        """See that what lies where downloads are kept is the published file."""
        RELEASE.prove(self.file, self.sha256)

    @property
    def published(self) -> bool:
        """Whether the file is the published one, by the eight digits that are published."""
        return self.sha256.startswith(RELEASE.sha256)

    @property
    def input_size(self) -> int:
        """256, where the original squashes images to."""
        return SQUASH

    @property
    def card(self) -> dict[str, str]:
        """The published file's; of another file of the same shape nothing is known."""
        if self.published:
            return {**super().card, **self.about}
        other = {"trained_on": "unknown data (not the published file)", "licence": "not known"}
        return {**super().card, "output": self.about["output"], **other}

    @property
    def seen_data(self) -> tuple[str, ...] | None:
        """LaMem and MemCat, if the file is the published one."""
        return super().seen_data if self.published else None

    def prepared(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to the middle 224 × 224 of the image squashed to 256 × 256."""
        crops: Tensor = center_crop(squashed(images, (SQUASH, SQUASH)), [CROP, CROP])
        return crops
