"""Search for near duplicates: perceptual hashes of images, compared exhaustively."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from memlab.errors import DataError, MemlabError

NEAR_BITS = 6
"""Maximum number of hash bits, of 64, by which near duplicates differ.

Measured on 240 distinct photographs and changed copies of them. At 6 bits the search finds all
copies that were recompressed (JPEG quality 85 to 20), resized, cropped by 1 % on each side,
brightened by a fifth or made grey, 91 % of the copies cropped by 2 %, 34 % of those cropped by 4 %,
and none of the mirrored copies. No two distinct photographs (28,680 pairs) differ by fewer than
16 bits. 8 bits find 98 % and 62 % of those crops, but false pairs grow with the square of the data
set: among 26,900 rotated and cropped parts of the photographs (360 million pairs), no pair from
two photographs was within 4 bits, and four were within 6. A data set of LaMem's size may therefore
have about twenty false pairs at 6 bits; check the contact sheet.
"""
MOST_PAIRS = 1_000_000
_FLAT = 2.0  # grey levels; an image with less contrast is noise, and its hash is random
_BLOCK = 256  # hashes compared at once with all later hashes: 120 MB of distances for LaMem


def require_imagehash() -> None:
    """Raise a MemlabError with the install command unless `imagehash` is installed."""
    try:
        importlib.import_module("imagehash")
    except ImportError as error:
        raise MemlabError("near duplicates need imagehash: pip install 'memlab[check]'") from error


def perceptual_hash(image: Tensor) -> int | None:
    """Compute the 64-bit pHash: which of the lowest 8 x 8 DCT coefficients exceed their median.

    Recompressing or resizing an image changes few bits. Hashes of different images differ in about
    half of the bits. Each hash has 32 bits set, so two hashes differ in an even number of bits.

    Args:
        image: (3, H, W) uint8.

    Returns:
        The hash; None for a flat image, which has no structure to compare.

    References:
        Zauner (2010), Implementation and benchmarking of perceptual image hash functions;
        computed by the library imagehash.
    """
    import imagehash

    grey = Image.fromarray(image.permute(1, 2, 0).numpy()).convert("L")
    if np.asarray(grey.reduce(max(1, min(grey.size) // 32))).std() < _FLAT:
        return None
    return int(str(imagehash.phash(grey)), 16)


def near_pairs(
    hashes: NDArray[np.uint64], bits: int, progress: Callable[[int], None] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all pairs of hashes that differ by at most `bits` bits.

    Every pair is compared, in blocks, with NumPy: n²/2 exclusive-ors and bit counts. This takes six
    seconds for 58,741 images on one core, and memory proportional to n.

    Args:
        hashes: (n,) of 64 bits.
        bits: maximum number of different bits.
        progress: called with the number of hashes done since the last call.

    Returns:
        Pairs (m, 2) of indices into `hashes`, the smaller first, and their distances (m,) in bits.

    Raises:
        DataError: beyond a million pairs, which are too many to review.
    """
    pairs, distances, count = [np.empty((0, 2), np.int64)], [np.empty(0, np.int64)], 0
    for start in range(0, len(hashes), _BLOCK):
        block = hashes[start : start + _BLOCK]
        distance = np.bitwise_count(block[:, None] ^ hashes[None, start:])
        row, column = np.nonzero(distance <= bits)
        once = column > row
        row, column = row[once], column[once]
        pairs.append(np.stack([row, column], axis=1) + start)
        distances.append(distance[row, column].astype(np.int64))
        count += len(row)
        if count > MOST_PAIRS:
            raise DataError(
                f"more than {MOST_PAIRS:,} pairs of images within {bits} bits; lower --near"
            )
        if progress:
            progress(len(block))
    return np.concatenate(pairs), np.concatenate(distances)
