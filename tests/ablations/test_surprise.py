"""Distance of changed images to unchanged ones in the features of the model that scores them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from memlab import evaluate, plan
from memlab.ablations.frequency import Blur
from memlab.ablations.surprise import clean_features, pooled
from memlab.scorer import Scorer
from memlab.testing import sample_images
from tests.builders.random_ablation import Noise, names


class Pooled(Scorer):
    """Mean colour, its standard deviation and the mean contrast, read by one linear layer."""

    input_size = 48
    device = torch.device("cpu")

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0
        self.head = nn.Linear(7, 1)

    def weights_id(self) -> str | None:
        return "closed-form"

    def forward(self, images: Tensor) -> Tensor:
        self.passes += 1
        colour = images.mean(dim=(2, 3)), images.std(dim=(2, 3))
        steps = (images[..., 1:] - images[..., :-1]).abs().mean(dim=(1, 2, 3))
        scores: Tensor = self.head(torch.cat([*colour, steps[:, None]], dim=1)).squeeze(1)
        return scores


class Samples(torch.utils.data.Dataset):
    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, object]:
        return {
            "index": index, "id": names(len(self)).ids[index], "image": self.images[index],
            "score": 0.0, "masks": {}, "error": "",
        }  # fmt: skip


def test_features_are_read_in_the_pass_that_scores() -> None:
    model, images = Pooled(), sample_images(40)
    clean = clean_features(model, Samples(images), 40)
    assert clean is not None
    model.passes = 0
    conditions = plan([Blur()])
    plain = list(evaluate(model.scores, images, names(40), conditions))
    passes = model.passes
    gauged = list(evaluate(model.scores, images, names(40), conditions, clean=clean))
    assert model.passes == 2 * passes
    assert torch.equal(plain[0].predicted, gauged[0].predicted)
    assert plain[0].surprise is None or plain[0].surprise.isnan().all()
    assert not model.head._forward_pre_hooks


def test_strange_images_are_far_and_unchanged_ones_are_not() -> None:
    model, images = Pooled(), sample_images(60)
    clean = clean_features(model, Samples(images), 60)
    conditions = plan([Noise(0.001), Noise(1.0)])
    faint, strong = evaluate(model.scores, images, names(60), conditions, clean=clean)
    assert faint.surprise is not None
    assert strong.surprise is not None
    assert float(faint.surprise.mean()) == pytest.approx(0.5, abs=0.03)
    assert faint.distance is not None
    assert abs(float(faint.distance.mean())) < 0.05
    assert float(strong.surprise.mean()) > 0.9
    assert strong.distance is not None
    assert float(strong.distance.mean()) > 2


@pytest.mark.parametrize("micro_batch", [1, 7])
def test_a_distance_does_not_depend_on_the_batch(micro_batch: int) -> None:
    model, images = Pooled(), sample_images(30)
    clean = clean_features(model, Samples(images), 30)
    conditions = plan([Blur()])
    (whole,) = evaluate(model.scores, images, names(30), conditions, clean=clean)
    (parts,) = evaluate(
        model.scores, images, names(30), conditions, micro_batch=micro_batch, clean=clean
    )
    assert whole.distance is not None
    assert parts.distance is not None
    assert torch.allclose(whole.distance, parts.distance, atol=1e-4)


def test_without_features_nothing_is_measured() -> None:
    model, images = Pooled(), sample_images(40)
    assert clean_features(model, Samples(images[:19]), 19) is None
    model.head = nn.Identity()  # type: ignore[assignment]
    assert clean_features(model, Samples(images), 40) is None


def test_features_of_several_positions_are_averaged() -> None:
    crops = torch.rand(4, 10, 3)
    features = pooled([crops], 4)
    assert features is not None
    assert torch.allclose(features, crops.mean(dim=1))
    assert pooled([crops], 3) is None
    assert pooled([], 4) is None
