"""ViTMem, a vision transformer (Hagen & Espeseth 2023)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torchvision.transforms.v2.functional import center_crop

from memlab.data.geometry import squashed
from memlab.models.published.files import Release
from memlab.models.published.timm_file import TimmFile

SQUASH, CROP = 256, 224
"""Sides in pixels: of the squashed image, and of its central crop, the network's input."""

RELEASE = Release(
    model="vitmem",
    url="https://huggingface.co/brainpriority/vitmem/resolve/main/"
    "vitmem_base_patch16_224_miil_v1-f580d24a.pth",
    sha256="f580d24a",
)


class ViTMem(TimmFile):
    """ViTMem: memorability score from 0 to 1.

    The network is that of Hagen & Espeseth (2023, arXiv:2301.08647), a ViT-B/16 with one output, as
    in the package `vitmem` 1.0.1. Images are not normalised. The original squashes an image to 256
    × 256 pixels and crops the central 224 × 224. This class does the same: `input_size` is 256, the
    size that memlab squashes to, and the model crops. The model does not see a border of 16 pixels
    (23 % of the area), so an ablation has no effect there. Images of other sizes are resized to 256
    × 256 inside the model.

    Args:
        weights: the file; by default where the package `vitmem` stores it, in torch.hub's folder.

    Raises:
        CheckpointError: if the file is missing, with its download address, or does not fit.
    """

    about: ClassVar[dict[str, str]] = {
        "output": "memorability score, as of LaMem",
        "trained_on": "LaMem and MemCat, by what others write (the package does not say)",
        "licence": "MIT, as the package vitmem says",
    }
    data = ("LaMem", "MemCat")
    resampler = "pillow"  # as the package resizes
    _blank = "meta"  # no random weights are drawn that would be discarded

    def __init__(self, weights: str | None = None) -> None:
        super().__init__("vit_base_patch16_224_miil", str(RELEASE.find(weights)), "sigmoid")
        self._one_size = False  # the model resizes and crops

    def prove(self) -> None:
        """Check that the file in the download folder is the published one."""
        RELEASE.prove(self.file, self.sha256)

    @property
    def published(self) -> bool:
        """Whether the file's hash begins with the eight published digits."""
        return self.sha256.startswith(RELEASE.sha256)

    @property
    def input_size(self) -> int:
        """256, the size that the original squashes images to."""
        return SQUASH

    @property
    def card(self) -> dict[str, str]:
        """Card of the published file; for another file, data and licence are given as unknown."""
        if self.published:
            return {**super().card, **self.about}
        unknown = {"trained_on": "unknown data (not the published file)", "licence": "not known"}
        return {**super().card, "output": self.about["output"], **unknown}

    @property
    def seen_data(self) -> tuple[str, ...] | None:
        """LaMem and MemCat for the published file; else None."""
        return super().seen_data if self.published else None

    def prepared(self, images: Tensor) -> Tensor:
        """Return the central 224 × 224 of images (B, 3, H, W) squashed to 256 × 256."""
        crops: Tensor = center_crop(squashed(images, (SQUASH, SQUASH)), [CROP, CROP])
        return crops
