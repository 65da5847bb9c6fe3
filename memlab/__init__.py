"""memlab: a laboratory for image memorability."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import TYPE_CHECKING, Any

import memlab.audit as _audit

if TYPE_CHECKING:
    from memlab.ablations.base import Ablation as Ablation
    from memlab.ablations.evaluate import evaluate as evaluate
    from memlab.ablations.plan import plan as plan
    from memlab.analysis.analyse import Analysis as Analysis
    from memlab.analysis.analyse import analyse as analyse
    from memlab.api import ablate as ablate
    from memlab.api import audit as audit
    from memlab.api import explain as explain
    from memlab.api import fit as fit
    from memlab.api import predict as predict
    from memlab.api import test as test
    from memlab.attributions.base import Attribution as Attribution
    from memlab.backbones.base import Backbone as Backbone
    from memlab.data.sources.base import Source as Source
    from memlab.errors import MemlabError as MemlabError
    from memlab.models.base import MemorabilityModel as MemorabilityModel
    from memlab.models.load import load as load
    from memlab.types import Context as Context

_PUBLIC = {
    "Ablation": "memlab.ablations.base",
    "Analysis": "memlab.analysis.analyse",
    "Attribution": "memlab.attributions.base",
    "Backbone": "memlab.backbones.base",
    "Context": "memlab.types",
    "MemlabError": "memlab.errors",
    "MemorabilityModel": "memlab.models.base",
    "Source": "memlab.data.sources.base",
    "ablate": "memlab.api",
    "analyse": "memlab.analysis.analyse",
    "audit": "memlab.api",
    "evaluate": "memlab.ablations.evaluate",
    "explain": "memlab.api",
    "fit": "memlab.api",
    "load": "memlab.models.load",
    "plan": "memlab.ablations.plan",
    "predict": "memlab.api",
    "test": "memlab.api",
}

__all__ = sorted(_PUBLIC)


class _Audit(ModuleType):
    """Package `memlab.audit`, which is also the function `memlab.api.audit`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return importlib.import_module("memlab.api").audit(*args, **kwargs)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(importlib.import_module("memlab.api").audit)


_audit.__class__ = _Audit  # importing a module of the package would replace a function of its name


def __getattr__(name: str) -> Any:
    # Imported on first use, so that `memlab --help` does not import torch.
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("memlab")
    raise AttributeError(f"module 'memlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*_PUBLIC, "__version__"])
