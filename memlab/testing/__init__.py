"""Contract checks for plugin authors: one line in a plugin's tests checks one class.

Example::

    from memlab.testing import check_ablation

    def test_contract() -> None:
        check_ablation(MyAblation)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memlab.errors import MemlabError, PluginError
from memlab.testing.ablation import check_ablation
from memlab.testing.parts import (
    check_attribution,
    check_backbone,
    check_callback,
    check_model,
    check_regions,
    check_source,
)
from memlab.testing.samples import sample_images, sample_masks

__all__ = [
    "check_ablation",
    "check_attribution",
    "check_backbone",
    "check_callback",
    "check_model",
    "check_plugin",
    "check_regions",
    "check_source",
    "sample_images",
    "sample_masks",
]

_CHECKS: dict[str, Callable[[Any], None]] = {
    "ablations": check_ablation,
    "attributions": check_attribution,
    "backbones": check_backbone,
    "callbacks": check_callback,
    "models": check_model,
    "regions": check_regions,
    "sources": check_source,
}


def check_plugin(group: str, cls: type[Any]) -> None:
    """Check that a class satisfies the contract of its group.

    Raises:
        PluginError: if the contract is broken; names the broken part.
    """
    try:
        _CHECKS[group](cls)
    except MemlabError:
        raise
    except Exception as error:  # third-party code may raise anything
        first = (str(error).strip().splitlines() or [""])[0]
        raise PluginError(f"{cls.__name__}: {type(error).__name__}: {first}") from error
