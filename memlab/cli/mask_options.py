"""Options for masks in memlab's own commands."""

from __future__ import annotations

import argparse


def add_empty_masks(parser: argparse.ArgumentParser) -> None:
    """Add the option, named as in fit and test, for the meaning of a missing mask."""
    parser.add_argument(
        "--data.empty_masks",
        "--empty-masks",
        dest="empty_masks",
        choices=("none", "unknown"),
        help="what an image without a mask has (an empty cell, no file, not listed): none of the "
        "region, or unknown; by default none for a table's columns, else unknown",
    )
