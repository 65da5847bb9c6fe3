"""Seeds that depend on their purpose, not on order, batch size or position."""

from __future__ import annotations

import hashlib


def seed_of(*parts: object) -> int:
    """Return a seed, 0 to 2^63 - 1, that depends only on the parts, e.g. (seed, image id, draw)."""
    text = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1
