"""Scores are computed in single precision, whatever a user allowed for training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import backends
from torch.backends import cudnn

from memlab.precision import single_precision

PARTS: tuple[Any, ...] = (backends.cuda.matmul, cudnn.conv, cudnn.rnn, backends.mkldnn.matmul)
"""What may compute in TF32 or bf16."""


def grains() -> list[str]:
    return [part.fp32_precision for part in PARTS]


def set_all(precision: str) -> None:
    backends.fp32_precision = precision  # type: ignore[attr-defined]


def set_products(precision: str) -> None:
    backends.cuda.matmul.fp32_precision = precision


def set_convolutions(precision: str) -> None:
    cudnn.conv.fp32_precision = precision  # type: ignore[attr-defined]


def allow_products(allowed: bool) -> None:
    backends.cuda.matmul.allow_tf32 = allowed


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before, whole = grains(), backends.fp32_precision  # type: ignore[attr-defined]
    yield
    torch.set_float32_matmul_precision("highest")
    set_all(whole)
    for part, one in zip(PARTS, before, strict=True):
        part.fp32_precision = one


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        (torch.set_float32_matmul_precision, "highest"),
        (torch.set_float32_matmul_precision, "high"),
        (torch.set_float32_matmul_precision, "medium"),
        (allow_products, True),
        (set_all, "tf32"),
        (set_products, "tf32"),
        (set_convolutions, "ieee"),
    ],
)
def test_products_and_convolutions_are_in_single_precision(
    switch: Callable[[Any], None], value: Any
) -> None:
    switch(value)
    before = grains()
    with single_precision("cpu"):
        assert not {"tf32", "bf16"} & set(grains())
    assert grains() == before


def test_what_was_set_comes_back_after_an_error() -> None:
    torch.set_float32_matmul_precision("high")
    with pytest.raises(ValueError, match="stop"), single_precision("cpu"):
        raise ValueError("stop")
    assert torch.get_float32_matmul_precision() == "high"
    assert cudnn.allow_tf32
