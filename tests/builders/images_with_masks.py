"""Images with masks: rendered ones, and wide ones with an ellipse."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from memlab.synthetic import Latents, render
from memlab.testing import sample_images
from memlab.types import Context, Donors


def drawn(latents: list[Latents], size: int = 64) -> tuple[Tensor, Context]:
    synthetic = [render(one, size) for one in latents]
    images = torch.stack(
        [torch.from_numpy(rendered.image).permute(2, 0, 1) for rendered in synthetic]
    )
    masks = {
        region: torch.from_numpy(np.stack([rendered.masks[region] for rendered in synthetic]))[
            :, None
        ].to(torch.uint8)
        for region in synthetic[0].masks
    }
    ids = [str(one.index) for one in latents]
    return images.float() / 255, Context(ids, seed=3, masks=masks)


def wide_images() -> tuple[Tensor, Context]:
    """Images that are not square, with an ellipse, not in the middle, that touches an edge."""
    images = sample_images(3, 70)[..., :45, :].contiguous()
    down, across = torch.meshgrid(torch.arange(45), torch.arange(70), indexing="ij")
    ellipse = ((down - 12) / 14) ** 2 + ((across - 30) / 10) ** 2 < 1
    masks = {"faces": ellipse.expand(3, 1, -1, -1).to(torch.uint8)}
    donors = Donors(["x", "y", "z"], images.flip(0), {"faces": masks["faces"].flip(3)})
    return images, Context(["a", "b", "c"], seed=5, masks=masks, donors=donors)
