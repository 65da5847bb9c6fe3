"""Contact sheet: changed images side by side, drawn from an export's manifest."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from memlab.files import replacing
from memlab.reports.thumbnails import thumbnail

ROWS, FEW = 12, 4
"""Number of images shown: the first 12, or the first 4 if there are more than 36 conditions."""
COLUMNS = 12
"""Maximum number of conditions side by side; the others follow below."""

_SIDE, _GAP, _LINE, _MARGIN = 128, 6, 13, 110
_LEAST = 4 * _LINE
"""Height in pixels that a legible reason needs."""
_PAPER, _INK, _EMPTY = (255, 255, 255), (40, 40, 40), (235, 235, 235)


def draw_contact_sheet(manifest: pd.DataFrame, folder: Path) -> Path:
    """Write `contact-sheet.png`: one row per image, one column per condition, its first draw.

    For an image that was not eligible, the sheet shows the reason.

    Args:
        manifest: as `memlab.export.images.export` returns it.
        folder: folder of the export.
    """
    first = manifest[manifest["draw"] == 0]
    conditions = first["condition"].drop_duplicates().tolist()
    originals = first["original"].drop_duplicates().tolist()
    originals = originals[: ROWS if len(conditions) <= 3 * COLUMNS else FEW]
    cells = first.set_index(["original", "condition"])[["image", "reason"]]
    blocks = [conditions[at : at + COLUMNS] for at in range(0, len(conditions), COLUMNS)]
    step = _SIDE + _GAP
    header = _LINE * max(len(_wrapped(name)) for name in conditions) + 2 * _GAP
    # Each row is as high as its images; most are wider than high, unless --size changes them.
    written = first[first["image"] != ""].drop_duplicates("original").set_index("original")
    changed = {str(original): folder / image for original, image in written["image"].items()}
    heights = [
        max(
            _LEAST,
            *(
                _thumbnail(path).height
                for path in {Path(original), changed.get(original, Path(original))}
            ),
        )
        for original in originals
    ]
    downs = [header + sum(heights[:row]) + row * _GAP for row in range(len(originals) + 1)]
    block = downs[-1] + _GAP
    wide = _MARGIN + step * (1 + min(COLUMNS, len(conditions))) + _GAP
    sheet = Image.new("RGB", (wide, block * len(blocks)), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, names in enumerate(blocks):
        top = number * block
        for column, name in enumerate(["original", *names]):
            lines = _wrapped(name)
            at = (_MARGIN + column * step, top + header - _GAP - _LINE * len(lines))
            draw.multiline_text(at, "\n".join(lines), _INK, font, spacing=1)
        for row, original in enumerate(originals):
            down, high = top + downs[row], heights[row]
            label = textwrap.wrap(Path(original).name, 16)
            draw.multiline_text((_GAP, down), "\n".join(label[:4]), _INK, font, spacing=1)
            _lay(sheet, Path(original), (_MARGIN, down), high)
            for column, name in enumerate(names, start=1):
                image, reason = cells.loc[(original, name)]
                at = (_MARGIN + column * step, down)
                if image:
                    _lay(sheet, folder / image, at, high)
                    continue
                draw.rectangle((*at, at[0] + _SIDE - 1, at[1] + high - 1), _EMPTY)
                text = "\n".join(textwrap.wrap(reason, 18)[: high // _LINE - 1])
                draw.multiline_text((at[0] + 8, at[1] + 8), text, _INK, font, spacing=1)
    path = folder / "contact-sheet.png"
    with replacing(path) as temporary:
        sheet.save(temporary)
    return path


def _wrapped(name: str) -> list[str]:
    """Split a condition's name into lines that fit a column: before brackets, roles, arguments."""
    for mark in "([:":
        name = name.replace(mark, f" {mark}")
    return textwrap.wrap(name.replace(",", ", "), 20)


def _thumbnail(path: Path) -> Image.Image:
    """Return a thumbnail of the whole image; grey if it is unreadable."""
    return thumbnail(path, _SIDE) or Image.new("RGB", (_SIDE, _SIDE), _EMPTY)


def _lay(sheet: Image.Image, path: Path, at: tuple[int, int], high: int) -> None:
    """Paste an image into the centre of its column and row."""
    small = _thumbnail(path)
    shifts = (_SIDE - small.width) // 2, max(0, (high - small.height) // 2)
    sheet.paste(small, (at[0] + shifts[0], at[1] + shifts[1]))
