"""Images are read as people see them, whatever their mode."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from memlab.data.geometry import Geometry
from memlab.errors import DataError
from memlab.imaging import decode as decode_module
from memlab.imaging.decode import decode, decode_mask


def gradient(size: int = 32) -> np.ndarray:
    ramp = np.linspace(0, 255, size).astype(np.uint8)
    return np.stack(
        [
            np.tile(ramp, (size, 1)),
            np.tile(ramp[:, None], (1, size)),
            np.full((size, size), 90, np.uint8),
        ],
        axis=2,
    )


def read(path: Path) -> np.ndarray:
    image = decode(path)
    assert image.dtype == torch.uint8
    assert image.shape[0] == 3
    return image.permute(1, 2, 0).numpy()


def test_rgb_is_exact(tmp_path: Path) -> None:
    Image.fromarray(gradient()).save(tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png"), gradient())


def test_bytes_and_files_agree(tmp_path: Path) -> None:
    Image.fromarray(gradient()).save(tmp_path / "a.jpg")
    path = tmp_path / "a.jpg"
    assert torch.equal(decode(path), decode(path.read_bytes()))


def test_grey_has_three_equal_channels(tmp_path: Path) -> None:
    Image.fromarray(gradient()[..., 0]).save(tmp_path / "a.png")
    found = read(tmp_path / "a.png")
    assert np.array_equal(found[..., 0], gradient()[..., 0])
    assert (found == found[..., :1]).all()


def test_sixteen_bit_greys_keep_their_top_bits(tmp_path: Path) -> None:
    wide = gradient()[..., 0].astype(np.uint16) * 257
    Image.fromarray(wide).save(tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png")[..., 0], gradient()[..., 0])


def test_palette_becomes_rgb(tmp_path: Path) -> None:
    flat = np.zeros((8, 8, 3), np.uint8)
    flat[:, 4:] = (200, 30, 60)
    Image.fromarray(flat).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png"), flat)


def test_transparent_pixels_lie_on_white(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:, 2:] = (10, 20, 30, 255)
    Image.fromarray(pixels, "RGBA").save(tmp_path / "a.png")
    found = read(tmp_path / "a.png")
    assert (found[:, :2] == 255).all()
    assert (found[:, 2:] == (10, 20, 30)).all()


def test_transparent_palette_lies_on_white(tmp_path: Path) -> None:
    indexed = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    indexed.putpalette([9, 9, 9, 50, 60, 70])
    indexed.save(tmp_path / "a.gif", transparency=0)
    found = read(tmp_path / "a.gif")
    assert tuple(found[0, 0]) == (255, 255, 255)
    assert tuple(found[0, 1]) == (50, 60, 70)


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    ink = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # full magenta and yellow: red
    ink.save(tmp_path / "a.jpg", quality=100)
    red, green, blue = read(tmp_path / "a.jpg")[4, 4]
    assert red > 240
    assert green < 15
    assert blue < 15


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_cameras_rotation_is_applied(orientation: int, tmp_path: Path) -> None:
    upright = Image.fromarray(gradient())
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(turns[orientation]) if orientation in turns else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(read(tmp_path / "a.png"), gradient())


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a\.tif.*floating-point"):
        decode(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [("a.jpg", b"not an image", "not an image"), ("b.jpg", b"", "not an image")],
)
def test_what_is_no_image_is_named(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}.*{reason}"):
        decode(tmp_path / name)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_truncated_files_are_refused(name: str, make_image: Callable[..., Path]) -> None:
    path = make_image(name, size=(200, 200))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=f"{name}.*cannot be read"):
        decode(path)


def test_masks_come_to_size_with_their_image(tmp_path: Path) -> None:
    inside = np.zeros((40, 80), np.uint8)
    inside[:, 40:] = 255
    Image.fromarray(inside).save(tmp_path / "mask.png")
    mask = Geometry(16).mask(decode_mask(tmp_path / "mask.png"))
    assert mask.shape == (1, 16, 16)
    assert not mask[..., :8].any()
    assert mask[..., 8:].all()


def test_geometry_by_pillow_is_pillows_to_the_grey_level() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (91, 130, 3), dtype=np.uint8)
    wanted = np.asarray(Image.fromarray(pixels).resize((32, 32), Image.Resampling.BILINEAR))
    given = torch.from_numpy(pixels).permute(2, 0, 1)
    found = Geometry(32, "pillow").image(given)
    assert np.array_equal(found.permute(1, 2, 0).numpy(), wanted)
    assert (found.int() - Geometry(32).image(given).int()).abs().max() <= 1
    assert Geometry(32, "pillow").describe() != Geometry(32).describe()


def test_geometry_squashes_and_keeps_everything(tmp_path: Path) -> None:
    pixels = torch.zeros(3, 20, 60, dtype=torch.uint8)
    pixels[:, :, 50:] = 240
    squashed = Geometry(12).image(pixels)
    assert squashed.shape == (3, 12, 12)
    assert (squashed[..., -1] == 240).all()
    assert (squashed[..., 0] == 0).all()


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"quality": 75}),
        ("RGB", {"quality": 95, "subsampling": 0}),
        ("RGB", {"quality": 60, "progressive": True}),
        ("L", {"quality": 80}),
    ],
)
def test_the_fast_decoder_gives_pillows_pixels(
    tmp_path: Path, mode: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, size=(9, 13, 3), dtype=np.uint8))
    path = tmp_path / "a.jpg"
    coarse.resize((131, 97), Image.Resampling.BICUBIC).convert(mode).save(path, **options)
    assert "simplejpeg" in decode_module.decoder()
    fast = decode(path)
    monkeypatch.setattr(decode_module, "simplejpeg", None)
    assert "simplejpeg" not in decode_module.decoder()
    assert torch.equal(fast, decode(path))
