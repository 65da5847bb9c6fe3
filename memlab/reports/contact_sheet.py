"""Changed pictures side by side, drawn from an export's manifest."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw, ImageFont, ImageOps

from memlab.data.decode import decode
from memlab.files import replacing

ROWS, FEW = 12, 4
"""Pictures that are shown: the first 12; the first 4 beside more than 36 conditions."""
COLUMNS = 12
"""Conditions beside each other; the others follow below."""

_SIDE, _GAP, _LINE, _MARGIN = 128, 6, 13, 110
_PAPER, _INK, _EMPTY = (255, 255, 255), (40, 40, 40), (235, 235, 235)


def draw_contact_sheet(manifest: pd.DataFrame, folder: Path) -> Path:
    """Write `contact-sheet.png`: a row a picture, a column a condition, its first draw.

    Where a picture was not eligible, the reason stands in its place.

    Args:
        manifest: as `memlab.ablations.export.export` returns it.
        folder: of the export.
    """
    first = manifest[manifest["draw"] == 0]
    conditions = first["condition"].drop_duplicates().tolist()
    originals = first["original"].drop_duplicates().tolist()
    originals = originals[: ROWS if len(conditions) <= 3 * COLUMNS else FEW]
    cells = first.set_index(["original", "condition"])[["image", "reason"]]
    blocks = [conditions[at : at + COLUMNS] for at in range(0, len(conditions), COLUMNS)]
    step = _SIDE + _GAP
    header = _LINE * max(len(_wrapped(name)) for name in conditions) + 2 * _GAP
    block = header + len(originals) * step + _GAP
    wide = _MARGIN + step * (1 + min(COLUMNS, len(conditions))) + _GAP
    sheet = Image.new("RGB", (wide, block * len(blocks)), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, some in enumerate(blocks):
        top = number * block
        for column, name in enumerate(["original", *some]):
            lines = _wrapped(name)
            at = (_MARGIN + column * step, top + header - _GAP - _LINE * len(lines))
            draw.multiline_text(at, "\n".join(lines), _INK, font, spacing=1)
        for row, original in enumerate(originals):
            down = top + header + row * step
            label = textwrap.wrap(Path(original).name, 16)
            draw.multiline_text((_GAP, down + _GAP), "\n".join(label[:4]), _INK, font, spacing=1)
            sheet.paste(_thumbnail(Path(original)), (_MARGIN, down))
            for column, name in enumerate(some, start=1):
                image, reason = cells.loc[(original, name)]
                at = (_MARGIN + column * step, down)
                if image:
                    sheet.paste(_thumbnail(folder / image), at)
                    continue
                draw.rectangle((*at, at[0] + _SIDE - 1, at[1] + _SIDE - 1), _EMPTY)
                text = "\n".join(textwrap.wrap(reason, 18))
                draw.multiline_text((at[0] + 8, at[1] + 8), text, _INK, font, spacing=1)
    path = folder / "contact-sheet.png"
    with replacing(path) as temporary:
        sheet.save(temporary)
    return path


def _wrapped(name: str) -> list[str]:
    """A condition's name in lines that fit a column; broken before brackets and roles."""
    spaced = name.replace("(", " (").replace("[", " [").replace(":", " :")
    return textwrap.wrap(spaced, 20)


def _thumbnail(path: Path) -> Image.Image:
    """The picture, whole, in the middle of a white square."""
    small = Image.fromarray(decode(path).permute(1, 2, 0).numpy())  # rotated as people see it
    small = ImageOps.contain(small, (_SIDE, _SIDE), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (_SIDE, _SIDE), _PAPER)
    square.paste(small, ((_SIDE - small.width) // 2, (_SIDE - small.height) // 2))
    return square
