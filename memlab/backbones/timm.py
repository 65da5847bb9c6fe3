"""Networks of timm, by name: CNNs and vision transformers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import timm
import torch
from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from timm.models import group_parameters
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from memlab.backbones.base import Backbone, Step, download_error, gathered, load_weights
from memlab.errors import MemlabError, did_you_mean


class Timm(Backbone):
    """Network of timm (github.com/huggingface/pytorch-image-models) without its classifier.

    The feature layer is the last spatial activations. In a vision transformer it lies before the
    last block: after the last block, a class token no longer depends on the patch tokens.

    Args:
        name: any name that timm knows, such as resnet18, convnext_tiny, vit_small_patch16_224.
        pretrained: start from timm's weights, downloaded once.
        weights: start from a local file (timm's keys) instead.
        image_size: side in pixels, if it differs from the network's default.
    """

    def __init__(
        self,
        name: str = "resnet18",
        pretrained: bool = True,
        weights: str | None = None,
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        if not timm.is_model(name):
            raise MemlabError(
                f"timm has no network {name!r}{did_you_mean(name, timm.list_models())}"
            )
        network = _create(name, pretrained and weights is None, image_size)
        config = network.pretrained_cfg
        self.network = network
        self.feature_dim = int(getattr(network, "head_hidden_size", network.num_features))
        self.input_size = image_size or int(config["input_size"][-1])
        self.fixed_size = bool(config.get("fixed_input_size", False))
        self.mean = tuple(config["mean"])
        self.std = tuple(config["std"])
        self._steps: tuple[str, ...] | None = None  # unknown until asked for
        self._cut_before_last = isinstance(network, VisionTransformer)
        if weights is not None:
            heads = config.get("classifier") or "fc"
            names = (heads,) if isinstance(heads, str) else tuple(heads)
            load_weights(network, weights, classifier=tuple(f"{head}." for head in names))

    def stem(self, images: Tensor) -> Tensor:
        """Return maps (B, C, h, w) or (B, h, w, C), or tokens (B, N, C), of images (B, 3, H, W)."""
        network = self.network
        if not self._cut_before_last:
            features = network.forward_features(images)
            assert isinstance(features, Tensor)
            return features
        before_last = len(network.blocks) - 2
        ((patches, prefix),) = network.forward_intermediates(
            images,
            indices=[before_last],
            return_prefix_tokens=True,
            output_fmt="NLC",
            intermediates_only=True,
            stop_early=True,
        )
        return torch.cat([prefix, patches], dim=1)

    def chain(self) -> dict[str, Step]:
        """Return the children of the network up to the feature layer, stages and blocks singly.

        If that is not how the network computes, there are none, and the feature layer cannot be
        moved.
        """
        if self._cut_before_last:
            return self._blocks_of_a_transformer()
        if self._steps is None:
            self._steps = self._found_steps()
        children = dict(_in_order(self.network))
        return {name: children[name] for name in self._steps}

    def _found_steps(self) -> tuple[str, ...]:
        """Return the names of the children whose composition is `stem`, tried on noise."""
        seeded, side = torch.Generator().manual_seed(0), self.input_size
        noise = torch.randn(1, 3, side, side, generator=seeded)
        values = noise.to(next(self.network.parameters()))
        names: list[str] = []
        with torch.no_grad():
            wanted = self.stem(values.clone())
            for name, module in _in_order(self.network):
                try:
                    values = module(values.clone())
                except Exception:  # the children are no chain, for whatever reason
                    return ()
                names.append(name)
                if values.shape == wanted.shape and torch.allclose(values, wanted, atol=1e-5):
                    return tuple(names)
        return ()

    def _blocks_of_a_transformer(self) -> dict[str, Step]:
        network = self.network

        def embedded(images: Tensor) -> Tensor:
            tokens = network._pos_embed(network.patch_embed(images))
            made: Tensor = network.norm_pre(network.patch_drop(tokens))
            return made

        blocks = {f"blocks.{at}": block for at, block in enumerate(network.blocks[:-1])}
        return {"patch_embed": embedded, **blocks}

    def rest(self, activations: Tensor) -> Tensor:
        """Return the activations that the head pools, from activations at the feature layer."""
        network = self.network
        if self._cut_before_last:
            activations = network.norm(network.blocks[-1](activations))
        return activations

    def tail(self, activations: Tensor) -> Tensor:
        """Return features (B, D) from activations at the feature layer."""
        features = self.network.forward_head(self.rest(activations), pre_logits=True)
        assert isinstance(features, Tensor)
        return features

    def grid(self, activations: Tensor) -> Tensor:
        """Return maps, or the patch tokens in their image layout, as (B, C, h, w).

        Raises:
            MemlabError: if the network reads its class token alone, or its tokens form no square
                grid.
        """
        network = self.network
        if activations.ndim == 4:
            channels_last = getattr(network, "output_fmt", "NCHW") == "NHWC"
            return activations.permute(0, 3, 1, 2) if channels_last else activations
        if not self._cut_before_last and getattr(network, "global_pool", "") == "token":
            raise MemlabError(
                f"{self._arguments['name']} has no spatial feature layer: only its class token is "
                "read"
            )
        patches = activations[:, getattr(network, "num_prefix_tokens", 0) :]
        count = patches.shape[1]
        side = round(count**0.5)
        if side * side != count:
            raise MemlabError(f"{self._arguments['name']}: {count} tokens are not a square grid")
        return patches.transpose(1, 2).reshape(len(patches), -1, side, side)

    def blocks(self) -> list[nn.Module]:
        """Return timm's coarse groups: the stem and stages, or the blocks of a transformer."""
        network = self.network
        named = dict(network.named_parameters())
        try:
            numbered = group_parameters(network, network.group_matcher(coarse=True))
        except (AttributeError, NotImplementedError):  # a network without stages
            return [self]
        groups: list[list[str]] = [names for _, names in sorted(numbered.items())]
        if len(groups) > 1 and all(named[name].ndim == 1 for name in groups[-1]):
            # A last normalisation layer alone is not a useful block; it joins the block before it.
            groups[-2:] = [groups[-2] + groups[-1]]
        return gathered(network, groups)


def _in_order(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the children of a network, and those of its sequences of stages, by name."""
    for name, child in network.named_children():
        if isinstance(child, nn.Sequential) and name in ("blocks", "stages", "layers", "features"):
            yield from ((f"{name}.{inner}", one) for inner, one in child.named_children())
        else:
            yield name, child


def _create(name: str, pretrained: bool, image_size: int | None) -> Any:
    # Transformers are built for one size; convolutional networks take no `img_size`.
    fixed = timm.get_pretrained_cfg(name, allow_unregistered=True)
    options: dict[str, Any] = {}
    if image_size is not None and getattr(fixed, "fixed_input_size", False):
        options["img_size"] = image_size
    if not pretrained:
        return timm.create_model(name, pretrained=False, num_classes=0, **options)
    try:
        _ask_hub(getattr(fixed, "hf_hub_id", None))
        return timm.create_model(name, pretrained=True, num_classes=0, **options)
    except Exception as error:  # no network, no such weights: the remedies are the same
        raise download_error(name, error) from error


def _ask_hub(repository: str | None) -> None:
    # Without a network, the hub's client retries for 45 seconds and prints each attempt; this check
    # fails at once instead.
    if repository is None:
        return
    names = ("model.safetensors", "pytorch_model.bin")
    if not any(isinstance(try_to_load_from_cache(repository, name), str) for name in names):
        get_hf_file_metadata(hf_hub_url(repository, "config.json"), timeout=10)
