"""Checks of the regressor's options, before a backbone is built or downloaded."""

from __future__ import annotations

from typing import Any, Literal

from memlab.errors import MemlabError

HIDDEN = 256
DROPOUT = 0.3


def check_options(
    hidden: int = HIDDEN,
    dropout: float = DROPOUT,
    unfrozen: int | Literal["all"] = "all",
    layer_decay: float = 1.0,
    head: str = "mlp",
    loss: str = "mse",
    compile: bool = False,  # noqa: A002 - what the option is called everywhere
    **_: Any,
) -> None:
    """Check the ranges of the options, and that none is without effect on a ridge head.

    Raises:
        MemlabError: if a value is out of range or would do nothing; the message names the option.
    """
    if hidden < 1:
        raise MemlabError(f"--model.hidden {hidden}: at least 1")
    if not 0 <= dropout < 1:
        raise MemlabError(f"--model.dropout {dropout:g}: 0 to below 1")
    if not 0 < layer_decay <= 1:
        raise MemlabError(f"--model.layer_decay {layer_decay:g}: above 0, at most 1")
    if unfrozen != "all" and unfrozen < 0:
        raise MemlabError(f"--model.unfrozen {unfrozen}: 0 or more, or all")
    if unfrozen == 0 and layer_decay < 1:
        raise MemlabError(
            f"--model.layer_decay {layer_decay:g} has no block to act on: --model.unfrozen 0"
        )
    if head == "ridge" and (hidden, dropout) != (HIDDEN, DROPOUT):
        name = f"hidden {hidden}" if hidden != HIDDEN else f"dropout {dropout:g}"
        raise MemlabError(f"--model.{name}: --model.head ridge has no hidden layer; leave it out")
    check_unused(head, unfrozen, loss=None if loss == "mse" else loss, compile=compile or None)


def check_unused(head: str, unfrozen: int | Literal["all"], **options: Any) -> None:
    """Check that no option of training is given where a ridge head leaves nothing to train.

    Args:
        head: head of the model.
        unfrozen: number of trained blocks.
        options: options that only matter for training by gradient; None where not given.

    Raises:
        MemlabError: if one is given; the message names it.
    """
    given = [name for name, value in options.items() if value is not None]
    if head == "ridge" and unfrozen == 0 and given:
        raise MemlabError(
            f"--model.{given[0]} would do nothing: --model.head ridge is solved in closed form and "
            "--model.unfrozen 0 trains nothing further; leave it out"
        )
