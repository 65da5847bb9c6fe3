"""Decoding of image and mask files; no other module decodes images."""

from __future__ import annotations

import io
from importlib.metadata import version
from pathlib import Path

import numpy as np
import PIL
import torch
from PIL import ExifTags, Image, ImageOps, features
from torch import Tensor

from memlab.errors import DataError
from memlab.image_files import UNREADABLE, formats, require_file

try:
    import simplejpeg
except ImportError:  # installed by the extra memlab[fast]
    simplejpeg = None

_WIDE = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})


def decoder() -> str:
    """Return name and version of the decoder.

    Pixels differ by a grey level or two between decoders.
    """
    jpeg = features.version("libjpeg_turbo") or features.version("jpg")
    fast = f", simplejpeg {version('simplejpeg')}" if simplejpeg else ""
    return f"Pillow {PIL.__version__}, libjpeg {jpeg}{fast}"


def decode(source: Path | bytes) -> Tensor:
    """Decode an image to upright RGB.

    The EXIF orientation is applied. Palettes and CMYK become RGB. Transparent pixels are blended
    with white. 16-bit grey values keep their top eight bits. Only the first frame of an animation
    is read.

    Args:
        source: a file, or the bytes of a file.

    Returns:
        (3, H, W) uint8, RGB. The channels of a pixel are adjacent in memory, the fastest layout for
        resizing.

    Raises:
        DataError: if the file is missing, truncated or not an image; one line that names the file.
    """
    name = str(source) if isinstance(source, Path) else "the image"
    try:
        with _opened(source) as image:
            pixels = _plain_jpeg(image, source)
            if pixels is None:
                ImageOps.exif_transpose(image, in_place=True)  # avoids a copy
                pixels = np.array(_rgb(image))
    except DataError as error:
        raise DataError(f"{name}: {str(error).removeprefix(f'{name}: ')}") from error
    # on a damaged file Pillow's decoders raise SyntaxError, struct.error, EOFError and others
    except Exception as error:
        raise DataError(f"{name}: cannot be read: {_why(error, name)}") from error
    return torch.from_numpy(pixels).permute(2, 0, 1)


def _opened(source: Path | bytes) -> Image.Image:
    """Open an image and read its header; raise a DataError if the path is not a regular file."""
    if isinstance(source, Path):
        require_file(source)  # opening a FIFO would block
    return Image.open(source if isinstance(source, Path) else io.BytesIO(source), formats=formats())


def _why(error: Exception, name: str = "") -> str:
    """Return why a file cannot be decoded, in one line."""
    if not isinstance(error, PIL.UnidentifiedImageError):
        return (str(error).splitlines() or [type(error).__name__])[0]
    ending = Path(name).suffix.lower()
    convert = f" that memlab reads: convert {ending} to JPEG or PNG" if ending in UNREADABLE else ""
    return f"not an image{convert}"


def _plain_jpeg(image: Image.Image, source: Path | bytes) -> np.ndarray | None:
    # same library and same pixels as Pillow, with less overhead
    if simplejpeg is None or image.format != "JPEG" or image.mode not in ("RGB", "L"):
        return None
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        return None
    content = source.read_bytes() if isinstance(source, Path) else source
    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(content, "RGB")
    except ValueError:  # damaged: Pillow repairs the file or reports the error
        return None
    return pixels


def stored_as(path: Path) -> str:
    """Return format and pixel mode of an image file, from its header: `JPEG RGB`, `PNG RGBA`."""
    with _opened(path) as image:
        return f"{image.format} {image.mode}"


def is_image(path: Path) -> bool:
    """Return whether the header of a file is that of a supported image; no pixels are decoded."""
    try:
        with _opened(path) as image:
            return image.format is not None and min(image.size) > 0
    except Exception:  # Pillow raises many exception types
        return False


def upright_size(path: Path) -> tuple[int, int]:
    """Return width and height of an image after EXIF rotation, read from its header.

    Raises:
        DataError: if the file cannot be read; names the file.
    """
    try:
        with _opened(path) as image:
            width, height = image.size
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    return (height, width) if turned else (width, height)


def size_of_file(path: Path) -> tuple[int, int]:
    """Return height and width of an image after EXIF rotation; 0 and 0 if there is no such image.

    Args:
        path: an image file, or a name that is no file.
    """
    try:
        width, height = upright_size(path)
    except DataError:
        return 0, 0
    return height, width


def turned_unseen(path: Path) -> bool:
    """Return whether EXIF turns or mirrors an image without changing its shape.

    The image shape does not reveal such an orientation. The orientation is read from the header;
    the result is false if the header cannot be read.
    """
    try:
        with _opened(path) as image:
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            return orientation in (2, 3, 4) or (orientation > 4 and len(set(image.size)) == 1)
    except Exception:  # Pillow raises many exception types
        return False


def pixels_of(image: Image.Image) -> Tensor:
    """Convert a PIL image to an upright (3, H, W) uint8 RGB tensor; see `decode`.

    Raises:
        DataError: if the pixel values have no standard range.
    """
    rgb = _rgb(ImageOps.exif_transpose(image))
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)


def decode_mask(path: Path) -> Tensor:
    """Read a region mask: (1, H, W) uint8, 1 inside and 0 outside.

    Pixels of grey 128 or lighter are inside. If all non-zero pixels have one value, as in label
    files of 0 and 1, all non-zero pixels are inside. In a colour palette, as of Pascal VOC, all
    entries except the first are inside. Transparent pixels are outside; if the visible pixels have
    one value, all visible pixels are inside.

    Raises:
        DataError: if the file cannot be read or its values are ambiguous; names the file.
    """
    try:
        with _opened(path) as image:
            ImageOps.exif_transpose(image, in_place=True)
            values = _mask_values(image)
    except Exception as error:
        reason = (
            str(error).removeprefix(f"{path}: ").removeprefix("cannot be read: ")
            if isinstance(error, DataError)
            else _why(error)
        )
        raise DataError(f"{path}: the mask cannot be read: {reason}") from error
    found = np.unique(values)
    drawn = found[found > 0]
    if len(drawn) > 1 and drawn[-1] < 128:
        shown = ", ".join(map(str, found[:5])) + (", ..." if len(found) > 5 else "")
        raise DataError(
            f"{path}: which of the values {shown} are inside? Save the mask as 0 and 255"
        )
    inside = values >= (drawn[0] if len(drawn) == 1 else 128)
    return torch.from_numpy(inside.astype(np.uint8))[None]


def mask_is_empty(path: Path) -> bool:
    """Return whether a region mask has no inside pixels; false if the file cannot be read."""
    try:
        if not path.is_file():
            return False
        with Image.open(path) as image:
            if image.mode in ("1", "L") and "transparency" not in image.info:
                return image.getbbox() is None  # same result, without a copy
            return not _mask_values(image).any()
    except Exception:  # Pillow raises many exception types
        return False


def _mask_values(image: Image.Image) -> np.ndarray:
    """Return grey values, (H, W), 0 to 255."""
    if image.mode in _WIDE:
        wide = np.asarray(image, dtype=np.int64)
        if wide.min() < 0 or wide.max() > 65535:
            raise DataError("values below 0 or above 65535 in it; save it as 0 and 255")
        return wide >> 8 if wide.max() > 255 else wide
    if image.mode == "F":
        floats = np.asarray(image)
        if not np.isfinite(floats).all():
            raise DataError("NaN or infinite values in it; save it as 0 and 255")
        if floats.min() < 0 or floats.max() > 255:
            raise DataError("values below 0 or above 255 in it; save it as 0 and 255")
        return (floats * (255 if floats.max() <= 1 else 1)).clip(0, 255).astype(np.uint8)
    grey = np.asarray(image.convert("L"))
    if image.has_transparency_data:
        visible = np.asarray(image.convert("RGBA"))[..., 3] >= 128
        if not visible.all():
            plain = len(np.unique(grey[visible])) < 2
            return np.where(visible, 255 if plain else grey, 0)
    if image.mode == "P" and np.ptp(np.asarray(image.convert("RGB")), axis=-1).any():
        return np.where(np.asarray(image) > 0, 255, 0)
    return grey


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in _WIDE:
        # Pillow clips at 255 instead of scaling
        values = np.asarray(image, dtype=np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise DataError("greys beyond 16 bits; save it with 8 or 16 bits")
        return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise DataError("floating-point pixels have no agreed range; save it with 8 or 16 bits")
    if image.has_transparency_data:
        solid = image.convert("RGBA")
        paper = Image.new("RGBA", solid.size, "white")
        return Image.alpha_composite(paper, solid).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
