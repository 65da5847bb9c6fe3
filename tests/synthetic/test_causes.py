"""Each cause of an image changes what depends on it and nothing else, in both styles."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from memlab.synthetic import (
    FEATURES,
    REGIONS,
    STYLES,
    Latents,
    Style,
    World,
    removed,
    render,
    resampled,
    sample,
    watermark_mask,
    watermark_template,
)

WORLD = World("all", {"face": 1.0}, facing=0.5)
LUMA = np.array([0.299, 0.587, 0.114])
both = pytest.mark.parametrize("style", STYLES)


def images(style: Style, n: int, *present: str, size: float = 0.0) -> list[Latents]:
    """Sharp images in which some figures are present."""
    drawn = (replace(sample(7, index, WORLD, style), blur=0.0) for index in range(400))
    having = (
        latents for latents in drawn if all(getattr(latents, name) is not None for name in present)
    )
    return list(islice(having, n))


def bare(latents: Latents) -> Latents:
    """The same image without figures and mark."""
    return replace(latents, face=None, person=None, object=None, text=None, watermark=None)


def luma(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(image @ LUMA, dtype=np.float64)


@pytest.mark.slow
@both
def test_one_cause_replaced_is_the_only_one(style: Style) -> None:
    for latents in images(style, 2):
        whole = render(latents, 64)
        for feature in FEATURES:
            for other in (removed(latents, feature), resampled(latents, feature, WORLD, 1)):
                assert replace(other, **{feature: getattr(latents, feature)}) == latents
                assert render(other, 64).image.shape == whole.image.shape
                if feature in ("skin", "texture", "palette", "saturation", "contrast", "slope"):
                    again = render(other, 64).masks
                    assert all(np.array_equal(whole.masks[r], again[r]) for r in REGIONS), feature


@both
@pytest.mark.parametrize("feature", ["texture", "palette", "slope"])
def test_the_background_s_causes_leave_figures_and_pebbles_alone(
    style: Style, feature: str
) -> None:
    for latents in images(style, 3, "face", "person"):
        rendered = render(latents, 64)
        other_latents = resampled(latents, feature, WORLD)
        other = render(other_latents, 64)
        changed = (rendered.image != other.image).any(axis=2)
        assert changed[rendered.masks["background"]].mean() > 0.5
        # Where the soft edges of two figures meet, a little background shines through.
        inner = binary_erosion(~rendered.masks["background"], iterations=2)
        assert changed[inner].mean() < 0.02
        strewn = replace(bare(latents), decoys=4)
        clean = replace(strewn, decoys=0)
        pebbles, plain = render(strewn, 64).image, render(clean, 64).image
        inside = binary_erosion((pebbles != plain).any(axis=2), iterations=3)
        again = render(replace(strewn, **{feature: getattr(other_latents, feature)}), 64).image
        assert inside.any()
        assert (pebbles != again).any(axis=2)[inside].mean() < 0.05


@pytest.mark.slow
@both
def test_skin_moves_the_chroma_of_faces_and_no_luma(style: Style) -> None:
    shifts, size = [], 96
    for latents in images(style, 12, "face"):
        latents = replace(latents, saturation=1.0, contrast=1.0, watermark=None, text=None)
        born, pallid, flushed = (render(replace(latents, skin=v), size) for v in (0.0, -1.0, 1.0))
        face = born.masks["faces"]
        for other in (pallid, flushed):
            changed = (other.image != born.image).any(axis=2)
            assert not changed[~binary_dilation(face, iterations=2)].any()
            assert 0.2 < changed[face].mean() < 0.98, "skin, not hair and eyes"
            moved = luma(other.image)[changed] - luma(born.image)[changed]
            assert abs(moved.mean()) < 0.5
            assert np.abs(moved).max() <= 2.0, "bytes are rounded twice"
        red = [(s.image[..., 0] - luma(s.image))[changed & face].mean() for s in (pallid, flushed)]
        shifts.append(red[1] - red[0])
    assert np.mean(shifts) > 25
    assert min(shifts) > 12
    nobody = next(latents for latents in images(style, 99) if latents.face is None)
    nobody = replace(nobody, person=None)
    assert np.array_equal(
        render(replace(nobody, skin=-1.0), 64).image, render(replace(nobody, skin=1.0), 64).image
    )


@both
def test_the_palette_keeps_the_pattern_and_the_texture_the_palette(style: Style) -> None:
    # A texture of two tones: which pixels are of which is the pattern's, what the tones are the
    # palette's. With either replaced, the other is found again.
    for latents in images(style, 6):
        plain = replace(bare(latents), decoys=0, contrast=1.0, saturation=1.0)
        kind = {"A": 2, "B": 3}[style]
        plain = replace(plain, texture=replace(plain.texture, kind=kind))
        others = [resampled(plain, "palette", WORLD, draw) for draw in range(8)]
        tones = sorted((luma(render(other, 64).image) for other in others), key=np.std)[-2:]
        assert abs(np.corrcoef(tones[0].ravel(), tones[1].ravel())[0, 1]) > 0.8
        image = render(plain, 64).image.astype(float)
        moved = replace(plain, texture=replace(plain.texture, seed=plain.texture.seed + 1))
        again = render(moved, 64).image.astype(float)
        for at in (10, 50, 90):
            quantile = [np.percentile(i.reshape(-1, 3), at, axis=0) for i in (image, again)]
            assert np.abs(quantile[0] - quantile[1]).max() < 32


@both
def test_slope_changes_the_fine_structure_only(style: Style) -> None:
    for latents in images(style, 4):
        plain = bare(latents)
        rough, smooth = (
            luma(render(replace(plain, slope=slope), 64).image) for slope in (0.6, 1.8)
        )
        coarse = gaussian_filter(rough, 12) - gaussian_filter(smooth, 12)
        assert np.abs(coarse).max() < 6
        fine = [np.std(image - gaussian_filter(image, 1.0)) for image in (rough, smooth)]
        assert fine[0] > fine[1]


@both
def test_saturation_changes_chroma_only(style: Style) -> None:
    for latents in images(style, 6):
        grey, full = (render(replace(latents, saturation=s), 64).image for s in (0.3, 1.25))
        assert np.abs(luma(grey) - luma(full)).max() <= 1.01, "each band is rounded once"
        chroma = [np.ptp(image.astype(float), axis=2).mean() for image in (grey, full)]
        assert chroma[1] > 2.0 * chroma[0]


@both
@pytest.mark.parametrize("name", ["face", "person", "object", "text"])
def test_the_layout_moves_a_figure_and_keeps_its_looks(style: Style, name: str) -> None:
    size, step = 64, 9
    region = {"face": "faces", "person": "people", "object": "objects", "text": "text"}[name]
    latents = images(style, 1, name)[0]
    latents = replace(bare(latents), decoys=0, **{name: getattr(latents, name)})
    place = replace(getattr(latents.layout, name), x=0.42, y=0.5)
    shapes = []
    for x in (place.x, place.x + step / size):
        layout = replace(latents.layout, **{name: replace(place, x=x)})
        rendered = render(replace(latents, layout=layout), size)
        shapes.append((rendered.masks[region], rendered.image.astype(float)))
    (here, before), (there, after) = shapes
    assert here.sum() > 60
    there, after = np.roll(there, -step, axis=1), np.roll(after, -step, axis=1)
    inner = (here & there)[:, : size - step]
    assert (here ^ there)[:, : size - step].sum() <= 0.06 * here.sum()
    assert np.abs(before - after)[:, : size - step][inner].mean() < 8, "the grain stays in place"


@both
@pytest.mark.parametrize("size", [48, 64, 224])
def test_the_watermark_is_one_small_mark_in_one_corner(style: Style, size: int) -> None:
    mask, template = watermark_mask(style, size), watermark_template(style, size)
    assert 0.015 <= mask.mean() <= 0.03
    down, across = np.nonzero(mask)
    assert max(np.ptp(down), np.ptp(across)) < 0.26 * size
    for latents in images(style, 3):
        without = render(replace(latents, watermark=None), size)
        marked = render(replace(latents, watermark=0.7), size)
        cover = 0.7 * template[..., 3:]
        expected = without.image * (1.0 - cover) + 255.0 * cover * template[..., :3]
        assert np.abs(marked.image - expected).max() <= 1.0
        assert all(np.array_equal(without.masks[r], marked.masks[r]) for r in REGIONS)
        assert np.abs(marked.image - without.image.astype(float))[mask].mean() > 20


def test_the_marks_of_the_styles_are_in_different_corners() -> None:
    assert not (watermark_mask("A", 64) & watermark_mask("B", 64)).any()


@both
@pytest.mark.parametrize("size", [64, 150])
def test_blur_is_a_gaussian_over_the_finished_image(style: Style, size: int) -> None:
    for latents in images(style, 2, "watermark"):
        sharp = render(latents, size)
        for percent in (0.3, 1.5):
            soft = render(replace(latents, blur=percent), size)
            sd = percent / 100.0 * size
            expected = gaussian_filter(sharp.image.astype(float), (sd, sd, 0), mode="reflect")
            assert np.abs(soft.image - expected).max() <= 2.5
            assert np.abs(soft.image - expected).mean() < 0.5
            assert all(np.array_equal(sharp.masks[r], soft.masks[r]) for r in REGIONS)


@both
@pytest.mark.parametrize("name", ["face", "person", "object", "text"])
def test_a_figure_taken_out_changes_only_its_own_pixels(style: Style, name: str) -> None:
    region = {"face": "faces", "person": "people", "object": "objects", "text": "text"}[name]
    for latents in images(style, 3, name):
        latents = replace(latents, watermark=None)
        whole, without = render(latents, 64), render(replace(latents, **{name: None}), 64)
        itself = render(replace(bare(latents), **{name: getattr(latents, name)}), 64)
        changed = (whole.image != without.image).any(axis=2)
        assert not (changed & ~binary_dilation(itself.masks[region], iterations=2)).any()
        assert (itself.image != render(bare(latents), 64).image).any(axis=2)[
            itself.masks[region]
        ].mean() > 0.9
