"""White-box models: each equals its closed form, and reads what it says it reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import memlab
from memlab import Context, evaluate, plan
from memlab.ablations.colour import Grayscale
from memlab.attributions.grad_cam import GradCAM
from memlab.cli import main
from memlab.errors import MemlabError
from memlab.models.base import MemorabilityModel
from memlab.synthetic import FEATURES, World, render, sample
from memlab.synthetic.watermark import watermark_template
from memlab.validation.truth import truth
from memlab.validation.white_box import Constant, RandomConv, Watermark, WhiteBoxModel
from tests.builders.commands import QUIET, results

EVERY = World(name="every", weights={"face": 1.0})
"""A world in which every feature varies."""

NAMES = (
    *("chroma", "constant", "face_chroma", "face_luminance"),
    *("high_frequency", "random_conv", "redness", "watermark"),
)


def grey(image: np.ndarray) -> np.ndarray:
    return image @ np.array([0.299, 0.587, 0.114])


def colour(image: np.ndarray) -> np.ndarray:
    return np.sqrt(((image - grey(image)[..., None]) ** 2).sum(axis=2))


def redness(image: np.ndarray, faces: np.ndarray) -> float:
    return float(0.5 + (image[..., 0] - image[..., 1:].mean(axis=2)).mean())


def high_frequency(image: np.ndarray, faces: np.ndarray) -> float:
    windows = np.lib.stride_tricks.sliding_window_view(grey(image), (3, 3))
    fine = windows[..., 1, 1] - windows.mean(axis=(2, 3))
    return float(0.05 + 5 * np.sqrt((fine**2).mean()))


def watermark(image: np.ndarray, faces: np.ndarray) -> float:
    template = watermark_template("A", len(image)).astype(float)
    cover = template[..., 3]
    rows, columns = np.flatnonzero(cover.max(axis=1)), np.flatnonzero(cover.max(axis=0))
    box = np.ix_(range(rows[0], rows[-1] + 1), range(columns[0], columns[-1] + 1))
    mark = grey(0.5 * (1 - cover[..., None]) + cover[..., None] * template[..., :3])
    return float(0.5 + 0.45 * np.corrcoef(mark[box].ravel(), grey(image)[box].ravel())[0, 1])


CLOSED: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "chroma": lambda image, faces: 0.05 + 1.8 * colour(image).mean(),
    "constant": lambda image, faces: 0.5,
    "face_chroma": lambda image, faces: (
        0.1 + 2 * colour(image)[faces].mean() if faces.any() else 0.1
    ),
    "face_luminance": lambda image, faces: grey(image)[faces].mean() if faces.any() else 0.5,
    "high_frequency": high_frequency,
    "redness": redness,
    "watermark": watermark,
}


def photos(size: int, n: int = 12) -> tuple[torch.Tensor, Context, list[np.ndarray]]:
    synthetic = [render(sample(5, index, EVERY), size) for index in range(n)]
    images = torch.stack([torch.from_numpy(rendered.image) for rendered in synthetic]).permute(
        0, 3, 1, 2
    )
    faces = [rendered.masks["faces"] for rendered in synthetic]
    masks = {"faces": torch.from_numpy(np.stack(faces))[:, None].to(torch.uint8)}
    return images.float() / 255, Context([str(k) for k in range(n)], masks=masks), faces


@pytest.mark.parametrize("size", [48, 64, 224])
@pytest.mark.parametrize("name", CLOSED)
def test_a_white_box_model_equals_its_closed_form(name: str, size: int) -> None:
    images, context, faces = photos(size)
    model = memlab.load(f"white_box_{name}")
    assert model.weights_id() == "closed-form"
    found = model.scores(images, context).numpy()
    wanted = [
        CLOSED[name](image, inside)
        for image, inside in zip(images.permute(0, 2, 3, 1).double().numpy(), faces, strict=True)
    ]
    assert np.abs(found - wanted).max() < 1e-6
    assert {inside.any() for inside in faces} == {True, False}


@pytest.mark.parametrize("name", NAMES)
def test_a_score_does_not_depend_on_the_batch(name: str) -> None:
    images, context, _ = photos(48)
    model = memlab.load(f"white_box_{name}")
    whole = model.scores(images, context)
    for size in (1, 3):
        parts = [
            model.scores(images[places], context.select(places))
            for places in torch.arange(12).split(size)
        ]
        assert torch.allclose(torch.cat(parts), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_white_box_model_reads_moves_it_and_what_it_ignores_does_not(name: str) -> None:
    model = memlab.load(f"white_box_{name}")
    assert isinstance(model, WhiteBoxModel)
    declared = (*model.reads, *model.ignores)
    assert len(set(declared)) == len(declared)
    if not declared:
        assert name == "random_conv"
        return
    found = truth(model, EVERY, n=20, draws=1, image_size=48, features=declared, progress=False)
    table = found.table.set_index("feature")
    size = np.sqrt(2 * table["g_res"])  # in SDs, as the smallest effect of interest is
    assert (size[list(model.reads)] >= 0.05).all()
    if name == "constant":
        assert (table["g_rem_rms"] == 0).all()
    else:
        assert (size[list(model.ignores)] < 0.05).all()
    scores = pd.concat([found.rows["predicted"], found.conditions["predicted"].dropna()])
    assert scores.between(0.001, 0.999).all()  # nothing was cut: differences are the measure's


def test_the_watermark_is_found_whatever_is_behind_it() -> None:
    for style in ("A", "B"):
        there = [sample(5, index, EVERY, style) for index in range(60)]
        images = torch.stack(
            [torch.from_numpy(render(latents, 64).image).permute(2, 0, 1) for latents in there]
        )
        scores = Watermark(style).scores(images.float() / 255, Context(()))
        marked = torch.tensor([latents.watermark is not None for latents in there])
        higher = scores[marked][:, None] > scores[~marked]
        assert higher.float().mean() > 0.97


def test_the_random_net_is_its_seeds() -> None:
    images, context, _ = photos(48)
    first, again, other = RandomConv(), memlab.load("white_box_random_conv"), RandomConv(seed=1)
    assert first.weights_id() == again.weights_id() != other.weights_id()
    scores = first.scores(images, context)
    assert torch.equal(again.scores(images, context), scores)
    assert not torch.allclose(other.scores(images, context), scores, atol=0.01)
    assert scores.std() > 0.02
    assert not any(parameter.requires_grad for parameter in first.parameters())


def test_a_constant_is_constant() -> None:
    assert set(Constant.ignores) == set(FEATURES)
    assert (Constant()(torch.rand(3, 3, 50, 70)) == 0.5).all()


def test_without_masks_a_face_model_says_so_in_a_line(
    make_image: Callable[..., Path], failing: Callable[..., str]
) -> None:
    make_image("in/a.png")
    message = failing("score", "white_box_face_luminance", "in")
    assert "white_box_face_luminance needs masks of 'faces', and there are none here" in message
    for use in (
        lambda model: model.predict(torch.rand(2, 3, 64, 64)),
        lambda model: model.ablate(torch.rand(2, 3, 64, 64), "blur"),
    ):
        with pytest.raises(MemlabError, match="needs masks of 'faces'"):
            use(memlab.load("white_box_face_chroma"))
    root = Path("photos")
    for place in range(20):
        make_image(f"photos/{place}.png", seed=place)
    rows = {"image": [f"{place}.png" for place in range(20)], "score": np.linspace(0.1, 0.9, 20)}
    pd.DataFrame(rows).to_csv(root / "table.csv", index=False)
    message = failing("test", "--model", "white_box_face_chroma", "--data.root", "photos/table.csv")
    assert "no masks of region 'faces'" in message


def test_score_and_test_take_white_box_models_by_name_and_fit_says_why_not(
    synthetic: Path, failing: Callable[..., str]
) -> None:
    root = shutil.copytree(synthetic, "synthetic")
    assert main(["score", "white_box_redness", "synthetic/images", "--out", "scores.csv"]) == 0
    assert len(pd.read_csv("scores.csv")) == 60
    message = failing("fit", "--model", "white_box_redness", f"--data.root={root}", *QUIET)
    assert "this model cannot be trained: use it as it is, by memlab test or score" in message
    more = ["--ablation", "grayscale", "--ablation.region", "faces", "--data.num_workers=0", *QUIET]
    options = [f"--data.root={root}", "--data.batch_size=5", *more]
    assert main(["test", "--model", "white_box_face_chroma", *options]) == 0
    (folder,) = Path("runs").glob("*/test-001-grayscale")
    assert results(folder)["model"]["weights_id"] == "closed-form"
    conditions = pd.read_csv(folder / "conditions.csv")
    conditions = conditions[conditions["role"] == "target"]
    grey_faces = conditions[conditions["eligible"]]
    assert np.allclose(grey_faces["predicted"], 0.1, atol=1e-6)
    clean = pd.read_csv(folder / "rows.csv").set_index("index")["predicted"]
    assert (clean[grey_faces["index"]] > 0.12).all()  # all images, small faces among them
    assert np.allclose(clean[conditions.loc[~conditions["eligible"], "index"]], 0.1)


def test_the_engine_hands_over_the_masks_of_the_unchanged_images() -> None:
    images, context, _ = photos(48)
    model = memlab.load("white_box_face_luminance")
    clean = model.scores(images, context)
    for size in (1, 3, 64):
        (found,) = evaluate(model.scores, images, context, plan([Grayscale()]), size)
        assert torch.allclose(found.predicted, clean, atol=1e-6)  # grey keeps luma


def test_a_third_party_module_may_ask_for_masks() -> None:
    Path("asking.py").write_text(
        "from torch import nn\n"
        "class Share(nn.Module):\n"
        "    needs_context = ('faces',)\n"
        "    def forward(self, images, context):\n"
        "        return context.masks['faces'].float().mean(dim=(1, 2, 3))\n"
    )
    model = memlab.load("asking:Share")
    assert isinstance(model, MemorabilityModel)
    images, context, faces = photos(48)
    found = model.scores(images, context).numpy()
    assert np.allclose(found, [inside.mean() for inside in faces])
    with pytest.raises(MemlabError, match="asking:Share needs masks of 'faces'"):
        model.predict(images)


@pytest.mark.parametrize(("module", "named"), [("naming", "'faces'"), ("numbering", "(1,)")])
def test_what_a_third_party_module_asks_for_is_a_tuple_of_regions(module: str, named: str) -> None:
    Path(f"{module}.py").write_text(
        f"from torch import nn\nclass Share(nn.Module):\n    needs_context = {named}\n"
    )
    with pytest.raises(MemlabError) as caught:
        memlab.load(f"{module}:Share")
    assert f"needs_context {named}" in str(caught.value)
    assert "a tuple of regions" in str(caught.value)


def test_maps_at_a_layer_are_refused_where_masks_are_needed() -> None:
    Path("layered.py").write_text(
        "import torch\n"
        "class Share(torch.nn.Module):\n"
        "    needs_context = ('faces',)\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.layer = torch.nn.AvgPool2d(8)\n"
        "    def cam_layer(self):\n"
        "        return self.layer\n"
        "    def forward(self, images, context):\n"
        "        return self.layer(images).mean(dim=(1, 2, 3))\n"
    )
    model = memlab.load("layered:Share")
    assert isinstance(model, MemorabilityModel)
    with pytest.raises(MemlabError, match="which grad_cam does not hand over"):
        GradCAM().maps(model, photos(48)[0])


def test_scoring_a_rendered_folder_leaves_its_masks_alone(synthetic: Path) -> None:
    assert (synthetic / "masks").is_dir()
    assert main(["score", "white_box_redness", str(synthetic), "--out", "scores.csv"]) == 0
    scored = pd.read_csv("scores.csv")
    assert len(scored) == 60
    assert scored["image"].str.contains("images").all()


def test_a_face_model_is_refused_where_photographs_have_no_masks(
    make_image: Callable[..., Path], failing: Callable[..., str]
) -> None:
    for place in range(12):
        make_image(f"photos/{place:02d}.jpg", seed=place)
    assert main(["data", "synthetic", "--world", "W12", "--photos", "photos", "planted"]) == 0
    test = ["test", "--model=white_box_face_chroma", "--data.root=planted", *QUIET]
    assert "no masks of region 'faces'" in failing(*test, "--ablation=grayscale")
