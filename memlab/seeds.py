"""Randomness as a function of what it is for, not of order, batch size or place."""

from __future__ import annotations

import hashlib


def seed_of(*parts: object) -> int:
    """A seed, 0 to 2^63 - 1, that depends on the parts alone: (seed, image id, ablation, draw)."""
    text = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1
