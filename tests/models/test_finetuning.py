"""Fine-tuning: frozen blocks, discriminative learning rates, options of the Trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, StepLR

from memlab import MemlabError
from memlab.backbones.base import Backbone
from memlab.backbones.resnet import ResNet50
from memlab.backbones.timm import Timm
from memlab.models.finetune import check_decay, make_optimizer
from memlab.models.regressor import MemorabilityRegressor
from memlab.models.schedules import WarmupCosine
from tests.builders.backbones import Strange
from tests.builders.commands import TINY

NETWORKS: list[tuple[Callable[[], Backbone], int]] = [
    (lambda: ResNet50(pretrained=False), 5),
    (lambda: Timm("test_resnet", pretrained=False), 5),
    (lambda: Timm("test_efficientnet", pretrained=False), 6),
    (lambda: Timm("test_convnext", pretrained=False), 5),
    (lambda: Timm("test_vit", pretrained=False), 7),
    (lambda: Timm("test_vit2", pretrained=False), 9),
    (Strange, 1),
]

NAMES = ["resnet50", "test_resnet", "test_efficientnet", "test_convnext", "vit", "vit2", "strange"]


@pytest.mark.parametrize(("make", "count"), NETWORKS, ids=NAMES)
def test_every_parameter_is_in_one_block(make: Callable[[], Backbone], count: int) -> None:
    backbone = make()
    blocks = backbone.blocks()
    assert len(blocks) == count
    inside = [id(parameter) for block in blocks for parameter in block.parameters()]
    assert len(inside) == len(set(inside))
    assert set(inside) == {id(parameter) for parameter in backbone.parameters()}
    first = {name for name, p in backbone.named_parameters() if id(p) in inside[:1]}
    assert not any(".7." in name or "layer4" in name or "stages.3" in name for name in first)
    if count > 1:  # what keeps statistics is in a block, too
        covered = {id(module) for block in blocks for module in block.modules()}
        keeps = [module for module in backbone.modules() if list(module.buffers(recurse=False))]
        assert {id(module) for module in keeps} <= covered


def test_blocks_run_from_the_input_to_the_output() -> None:
    vit = Timm("test_vit", pretrained=False)
    blocks = vit.blocks()
    assert id(vit.network.cls_token) in {id(p) for p in blocks[0].parameters()}
    assert vit.network.pos_drop in list(blocks[0].modules())
    assert vit.network.norm in list(blocks[-1].modules())
    convnext = Timm("test_convnext", pretrained=False).blocks()
    norms = [type(module).__name__ for module in convnext[-1].modules()]
    assert "NormMlpClassifierHead" in norms  # its last norm is no block of its own


def batch(count: int = 8, size: int = 32) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    return {
        "ids": [str(place) for place in range(count)],
        "images": torch.rand(count, 3, size, size, generator=generator),
        "scores": torch.rand(count, generator=generator),
        "valid": torch.ones(count, dtype=torch.bool),
    }


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext", "test_vit"])
@pytest.mark.parametrize("unfrozen", [0, 2])
def test_frozen_blocks_stay_bit_for_bit(name: str, unfrozen: int) -> None:
    size = 64 if name == "test_vit" else None
    backbone = Timm(name, pretrained=False, image_size=size)
    model = MemorabilityRegressor(backbone, unfrozen=unfrozen, optimizer=partial(SGD, lr=0.1))
    model.log = lambda *_, **__: None  # type: ignore[method-assign]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    frozen = backbone.blocks()[: len(backbone.blocks()) - unfrozen]
    optimizer = model.configure_optimizers()
    for _ in range(2):
        model.train()
        optimizer.zero_grad()
        model.training_step(batch(size=64), 0).backward()  # type: ignore[arg-type]
        optimizer.step()
    inside = {id(module) for block in frozen for module in block.modules()}
    own = [module for module in backbone.modules() if id(module) in inside]
    assert len(own) > 3
    assert not any(module.training for module in own)
    kept = {id(value) for block in frozen for value in [*block.parameters(), *block.buffers()]}
    assert all(p.grad is None and not p.requires_grad for b in frozen for p in b.parameters())
    given = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert given == {id(p) for p in model.parameters()} - kept
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    moved = {key for key in before if not torch.equal(before[key], state[key])}
    assert not any(id(state[key]) in kept for key in moved)
    assert any(key.startswith("head") for key in moved)
    assert any(key.startswith("backbone") for key in moved) == (unfrozen > 0)
    assert model.frozen_backbone == (unfrozen == 0)


def test_features_and_head_are_apart() -> None:
    model = MemorabilityRegressor(Timm("test_resnet", pretrained=False), unfrozen=0).eval()
    images = batch()["images"]
    features = model.embed(images)
    assert features.shape == (8, model.backbone.feature_dim)
    assert not features.requires_grad  # no graph is kept for what is not trained
    assert torch.equal(model.readout(features), model(images))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model.unfrozen=6"], "--model.unfrozen 6: Timm has 5 blocks; 0 to 5, or all"),
        (["--model.unfrozen=-1"], "0 or more, or all"),
        (["--model.layer_decay=1.5"], "--model.layer_decay 1.5: above 0, at most 1"),
        (["--model.layer_decay=0.5", "--model.unfrozen=0"], "no block to act on"),
        (
            ["--model.layer_decay=0.5", "--model.optimizer=LBFGS"],
            "--model.optimizer: LBFGS doesn't support per-parameter options",
        ),
        (
            [
                "--model.layer_decay=0.5",
                "--model.lr_scheduler=OneCycleLR",
                "--model.lr_scheduler.max_lr=0.1",
                "--model.lr_scheduler.total_steps=9",
            ],
            "undoes --model.layer_decay 0.5",
        ),
        (
            ["--model.layer_decay=0.5", "--trainer.callbacks=lr_finder"],
            "leave out --model.layer_decay",
        ),
    ],
)
def test_what_cannot_be_is_one_line(
    options: list[str], message: str, synthetic: Path, failing: Callable[..., str]
) -> None:
    arguments = [f"--data.root={synthetic}", "--data.image_size=64", *TINY, *options]
    assert message in failing("fit", *arguments)


def decayed(make: Callable[[Iterable[Any]], Optimizer], decay: float) -> Optimizer:
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(4)))
    return make_optimizer(make, model, list(model)[:3], decay)


def test_rates_fall_towards_the_input() -> None:
    optimizer = decayed(partial(torch.optim.AdamW, lr=0.2), 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.2, 0.1, 0.05, 0.025]
    names = [group["name"] for group in optimizer.param_groups]
    assert names == ["head", "block_3", "block_2", "block_1"]
    assert len(decayed(partial(SGD, lr=0.2), 1).param_groups) == 1


@pytest.mark.parametrize(
    "schedule",
    [WarmupCosine, partial(StepLR, step_size=2), partial(CosineAnnealingLR, T_max=5)],
)
def test_schedulers_keep_the_ratio(schedule: Callable[[Optimizer], Any]) -> None:
    optimizer = decayed(partial(SGD, lr=0.2), 0.5)
    scheduler = schedule(optimizer)
    for _ in range(4):
        check_decay(optimizer, 0.5)
        optimizer.step()
        scheduler.step()
    check_decay(optimizer, 0.5)
    assert optimizer.param_groups[0]["lr"] != 0.2


def test_one_rate_for_all_is_noticed() -> None:
    optimizer = decayed(partial(SGD, lr=0.2, momentum=0.9), 0.5)
    OneCycleLR(optimizer, max_lr=0.1, total_steps=9)
    with pytest.raises(MemlabError, match="layer_decay"):
        check_decay(optimizer, 0.5)
