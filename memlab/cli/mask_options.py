"""How memlab's own commands are given masks."""

from __future__ import annotations

import argparse


def add_empty_masks(parser: argparse.ArgumentParser) -> None:
    """Add what an image has of which there is no mask, under the name that fit and test use."""
    parser.add_argument(
        "--data.empty_masks",
        "--empty-masks",
        dest="empty_masks",
        choices=("none", "unknown"),
        help="what an image without a mask has (an empty cell, no file, not listed): none of the "
        "region, or unknown; by default none for a table's columns, else unknown",
    )
