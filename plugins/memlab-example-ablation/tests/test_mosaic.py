import torch
from memlab_example_ablation import Mosaic

from memlab import Context
from memlab.testing import check_ablation, sample_pictures


def test_mosaic_keeps_the_contract() -> None:
    check_ablation(Mosaic)


def test_cells_have_one_colour_each() -> None:
    images = sample_pictures(2, 64)
    changed = Mosaic(cell=25.0)(images, Context(["a", "b"]))
    assert torch.allclose(changed[..., :16, :16], changed[..., :1, :1].expand(2, 3, 16, 16))
    assert torch.allclose(changed.mean(dim=(2, 3)), images.mean(dim=(2, 3)), atol=1e-5)
