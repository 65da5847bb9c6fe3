"""Equivalents of memlab's ablations in torchvision, Pillow and OpenCV.

Pillow and OpenCV read and write the bytes of one image at a time, as in their usual use. memlab and
torchvision read and write batches of floats, which are four times as many bytes. memlab's time
includes the checks of its contract.

Equal names do not always mean equal formulas. `hue_rotate` and `contrast` keep colours inside the
gamut and keep luma or chroma, which the peers do not. `desaturate` mixes linear light, while the
usual functions of the peers mix coded values; `LINEAR` has peers that keep luminance, too: kornia
and torch for floats, and CIE Lab in Pillow (littleCMS) and OpenCV. `remove` adds grain, which the
peer does not.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from kornia.color import linear_rgb_to_rgb, rgb_to_linear_rgb
from PIL import Image, ImageChops, ImageCms, ImageEnhance, ImageFilter, ImageOps
from torchvision.transforms.v2 import functional as tv

from memlab import registry
from memlab.ablations.base import Ablation
from memlab.imaging.morphology import pixels_of
from memlab.imaging.pixels import to_unit

try:
    import cv2
except ImportError:
    cv2 = None

SIZE = 224
SIGMA = 0.02 * SIZE  # blur's default, in pixels
HALF = SIZE // 2

Floats = torch.Tensor
Bytes = np.ndarray


def _jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return Image.open(buffer).convert("RGB")


def _pil_hue(image: Image.Image) -> Image.Image:
    hue, *rest = image.convert("HSV").split()
    return Image.merge("HSV", (hue.point(lambda v: (v + 64) % 256), *rest)).convert("RGB")


def _cv_hue(image: Bytes) -> Bytes:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + 45) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def _cv_grey(image: Bytes) -> Bytes:
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _cv_noise(image: Bytes) -> Bytes:
    noise = np.empty(image.shape, np.int16)
    cv2.randn(noise, 0, 5)
    return cv2.add(image, noise, dtype=cv2.CV_8U)


def _cv_jpeg(image: Bytes) -> Bytes:
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)


def _tv_jpeg(images: Floats) -> Floats:
    return to_unit(tv.jpeg((images * 255).round().to(torch.uint8), 95))


def _round_trip(resize: Callable[..., Any], there: Any, back: Any) -> Callable[[Any], Any]:
    return lambda image: resize(resize(image, there), back)


_CROP = (HALF // 2, HALF // 2, HALF // 2 + HALF, HALF // 2 + HALF)
_SMALL, FULL = (SIZE * 9 // 10,) * 2, (SIZE, SIZE)
_INSIDE = slice(SIZE // 4, SIZE // 2)
MASK = np.zeros((SIZE, SIZE), np.uint8)
MASK[_INSIDE, _INSIDE] = 255
HOLE = np.zeros_like(MASK)  # what `remove` fills: the mask and its margin
_REACH = pixels_of(3.0, SIZE)
_MARGIN = slice(SIZE // 4 - _REACH, SIZE // 2 + _REACH)
HOLE[_MARGIN, _MARGIN] = 255

# The same change in each peer; None if the peer has no equivalent.
PEERS: dict[str, tuple[Callable[[Floats], Floats] | None, Any, Any]] = {
    "blur": (
        lambda x: tv.gaussian_blur(x, [37, 37], [SIGMA, SIGMA]),
        lambda x: x.filter(ImageFilter.GaussianBlur(SIGMA)),
        lambda x: cv2.GaussianBlur(x, (37, 37), SIGMA),
    ),
    "grayscale": (
        lambda x: tv.rgb_to_grayscale(x, 3).contiguous(),  # three channels, as the others write
        lambda x: x.convert("L").convert("RGB"),
        _cv_grey,
    ),
    "center_crop": (
        lambda x: tv.resized_crop(x, HALF // 2, HALF // 2, HALF, HALF, list(FULL)),
        lambda x: x.crop(_CROP).resize(FULL, Image.Resampling.BILINEAR),
        lambda x: cv2.resize(x[_CROP[0] : _CROP[2], _CROP[0] : _CROP[2]], FULL),
    ),
    "desaturate": (
        lambda x: tv.adjust_saturation(x, 0.5),
        lambda x: ImageEnhance.Color(x).enhance(0.5),
        lambda x: cv2.addWeighted(x, 0.5, _cv_grey(x), 0.5, 0),
    ),
    "hue_rotate": (lambda x: tv.adjust_hue(x, 0.25), _pil_hue, _cv_hue),
    "contrast": (
        lambda x: tv.adjust_contrast(x, 0.5),
        lambda x: ImageEnhance.Contrast(x).enhance(0.5),
        lambda x: cv2.convertScaleAbs(x, alpha=0.5, beta=0.5 * cv2.mean(x)[0]),
    ),
    "brightness": (
        lambda x: tv.adjust_brightness(x, 0.8),
        lambda x: ImageEnhance.Brightness(x).enhance(0.8),
        lambda x: cv2.convertScaleAbs(x, alpha=0.8),
    ),
    "jpeg": (_tv_jpeg, _jpeg, _cv_jpeg),
    "shift": (
        lambda x: tv.affine(x, 0.0, [2.0, 2.0], 1.0, [0.0, 0.0]),
        lambda x: ImageChops.offset(x, 2, 2),
        lambda x: cv2.warpAffine(x, np.float32([[1, 0, 2], [0, 1, 2]]), FULL),
    ),
    "flip": (tv.horizontal_flip, ImageOps.mirror, lambda x: cv2.flip(x, 1)),
    "resize_roundtrip": (
        _round_trip(tv.resize, list(_SMALL), list(FULL)),
        _round_trip(lambda x, to: x.resize(to, Image.Resampling.BILINEAR), _SMALL, FULL),
        _round_trip(lambda x, to: cv2.resize(x, to), _SMALL, FULL),
    ),
    "noise": (lambda x: tv.gaussian_noise(x, 0.0, 0.02), None, _cv_noise),
    "texture_smooth": (
        None,
        lambda x: x.filter(ImageFilter.MedianFilter(7)),
        lambda x: cv2.bilateralFilter(x, 9, 50, 9),
    ),
    "remove": (None, None, lambda x: cv2.inpaint(x, HOLE, 3, cv2.INPAINT_TELEA)),
}

_SRGB, _LAB = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
_TO_LAB = ImageCms.buildTransform(_SRGB, _LAB, "RGB", "LAB")
_FROM_LAB = ImageCms.buildTransform(_LAB, _SRGB, "LAB", "RGB")
_HALVED = [*range(256), *[value // 2 + 64 for value in range(256)] * 2]  # a and b around 128


def _linear(images: Floats) -> Floats:
    light = rgb_to_linear_rgb(images)
    weights = torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)
    return linear_rgb_to_rgb(torch.lerp(light, (light * weights).sum(1, True), 0.5))


def _pil_lab(image: Image.Image) -> Image.Image:
    lab = ImageCms.applyTransform(image, _TO_LAB)
    return ImageCms.applyTransform(lab.point(_HALVED), _FROM_LAB)


def _cv_lab(image: Bytes) -> Bytes:
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 1:] = lab[..., 1:] // 2 + 64
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


LINEAR = {"desaturate": (_linear, _pil_lab, _cv_lab)}
"""Peers that, like memlab, keep luminance."""


def own_ablations() -> dict[str, type[Ablation]]:
    """Return all of memlab's own ablations by name."""
    own = [one for one in registry.plugins("ablations") if one.distribution == "memlab"]
    return {one.name: one.load() for one in own}


def operators() -> dict[str, Ablation]:
    """Return the installed operators with peers; `remove` fills the region faces harmonically."""
    known = own_ablations()
    found: dict[str, Ablation] = {}
    for name in PEERS:
        if name in known:
            cls = known[name]
            taken = inspect.signature(cls).parameters
            given = {"region": "faces", "fill": "harmonic"} if name == "remove" else {}
            found[name] = cls(**{key: value for key, value in given.items() if key in taken})
    return found
