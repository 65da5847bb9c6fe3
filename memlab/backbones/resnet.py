"""ResNet50 from torchvision, the backbone of the Columbia student study."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models import ResNet50_Weights, resnet50

from memlab.backbones.base import Backbone, Step, download_error, load_weights


class ResNet50(Backbone):
    """ResNet50 of torchvision (He et al. 2016, CVPR); 2048 features.

    Args:
        pretrained: start from ImageNet weights, which torchvision downloads once.
        weights: start from a local file (torchvision's keys) instead.
    """

    feature_dim = 2048
    input_size = 224

    def __init__(self, pretrained: bool = True, weights: str | None = None) -> None:
        super().__init__()
        try:
            download = ResNet50_Weights.DEFAULT if pretrained and weights is None else None
            network = resnet50(weights=download)
        except Exception as error:  # no network, a proxy, a full disk: the remedies are the same
            raise download_error("resnet50", error) from error
        del network.fc
        self.network = network
        if weights is not None:
            load_weights(network, weights, classifier=("fc.",))

    def stem(self, images: Tensor) -> Tensor:
        """Return activations (B, 2048, H/32, W/32) of images (B, 3, H, W)."""
        for step in self.chain().values():
            images = step(images)
        return images

    def chain(self) -> dict[str, Step]:
        """Return the first layers as one step, and the four stages."""
        net = self.network

        def first(images: Tensor) -> Tensor:
            pooled: Tensor = net.maxpool(net.relu(net.bn1(net.conv1(images))))
            return pooled

        stages = {name: getattr(net, name) for name in ("layer1", "layer2", "layer3", "layer4")}
        return {"maxpool": first, **stages}

    def tail(self, activations: Tensor) -> Tensor:
        """Return the mean over positions, (B, 2048)."""
        return activations.mean(dim=(2, 3))

    def grid(self, activations: Tensor) -> Tensor:
        """Return the activations unchanged."""
        return activations

    def blocks(self) -> list[nn.Module]:
        """Return the first convolution and the four stages."""
        net = self.network
        first = nn.ModuleList([net.conv1, net.bn1])
        return [first, net.layer1, net.layer2, net.layer3, net.layer4]
