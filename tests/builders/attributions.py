"""Names of memlab's attribution methods, and a model without a feature layer."""

from __future__ import annotations

from torch import Tensor, nn

from memlab import MemorabilityModel, registry

METHODS = [one.name for one in registry.plugins("attributions") if one.distribution == "memlab"]


class Hooked(MemorabilityModel):
    """Model without a feature layer, but with a layer that hooks can watch."""

    input_size = 16

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 4, stride=4)
        self.last = nn.Linear(4, 1)
        self.fails = False

    def weights_id(self) -> str:
        return "closed-form"

    def cam_layer(self) -> nn.Module:
        return self.layer

    def forward(self, images: Tensor) -> Tensor:
        pooled = self.layer(images).relu().mean(dim=(2, 3))
        if self.fails:
            raise RuntimeError("in mid-batch")
        return self.last(pooled).squeeze(1).sigmoid()
