"""Selectivity profiles: one figure per ablation (examples and statistics), and a page of all."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Sequence
from math import floor, log10
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from memlab.ablations import FAMILIES
from memlab.ablations.base import Ablation
from memlab.drawing import BLUE, ORANGE
from memlab.files import replacing, write_text
from memlab.numbers import number
from memlab.reports.figures import dose_axis
from memlab.stats.measures import Array

WORDS = {
    "high_frequency_energy": "high-frequency energy",
    "low_frequency_energy": "low-frequency energy",
    "luma_mean": "mean luma",
    "luma_sd": "contrast (SD of luma)",
    "chroma_sd": "contrast of colour (SD)",
    "clipped": "values clipped",
    "gradient_correlation": "edges agree (r)",
    "ssim": "SSIM",
    "changed_area": "pixels changed",
    "unchanged": "pixels unchanged",
    **{
        f"{feature}_to_donor": f"distance to donor's {feature}"
        for feature in ("palette", "spectrum", "texture", "background", "face")
    },
}
"""Display names of statistics; statistics not listed here use their own names."""
COMPARED = {
    "nuisance-baseline": "the nuisance baseline",
    "matched-control": "matched controls",
    "off-centre-crops": "off-centre crops",
    "patch": "a neutral patch",
    "round-trip": "the round-trip control",
}
"""Display names of the comparisons of an effect."""
HOW = """\
How to read a profile: the strip shows one image, unchanged (*as it is*) and at every dose. The
primary dose is bold. If the ablation has a control, the last image shows the control at the
primary dose. Below the strip, each row is a statistic, as a mean over the images. The column *as
it is* has the mean ± SD over the unchanged images.

- Blue is the target: the statistic that the ablation should reduce. It falls with every dose.
- Orange is every other statistic that changes. An effect on a model can be due to these changes.
  The paler the orange, the more selective the ablation.
- A number with a sign, `−12 %`, is the relative change of a mean: of high-frequency energy (mean
  square of luma minus its 3 × 3 means), chroma (mean distance of R, G and B from luma), mean
  luma, contrast, or, for swaps, the distance to the donor.
- A decimal number is an agreement with the unchanged image, and 1 means no change. Edges:
  Pearson's r of the gradients of luma. SSIM: of luma, in 11 × 11 windows. Likeness: 1 minus the
  mean absolute difference in the changed area; it is seldom below .7, even between unrelated
  images. Hue and phase: mean cosine of the rotation. Overlap: 1 minus the mean displacement of a
  pixel, in widths.
- A percentage without a sign is a share. Clipped: values that are 0 or 1. Pixels changed: pixels
  that change by more than half a grey level. Pixels unchanged: pixels that do not change. Field
  of view: the area that is still visible. Layout: pairs of pixels that keep their relative
  position.
- A dash means that there is no image, or that the divisor is 0.
"""
_WIDTH, _ROW = 1.02, 0.2
"""Inches of a column, and of a line of numbers."""


def draw_profile(table: pd.DataFrame, images: Sequence[Array], path: Path) -> None:
    """Draw one profile: an image at every dose and its control above the changes of the statistics.

    Args:
        table: rows of one ablation, as `memlab.validation.selectivity.selectivity` returns them.
        images: (H, W, 3) in [0, 1], as `memlab.validation.selectivity.example` returns them; the
            control may be missing.
        path: path of the PNG.
    """
    names = _statistics(table)
    heads = _heads(table)
    columns, height = 1 + len(heads), _ROW * len(names)
    figure = Figure(figsize=(2.0 + _WIDTH * columns, _WIDTH + 0.42 + height))
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 1, height_ratios=[_WIDTH, height])
    figure.subplots_adjust(
        left=1.97 / figure.get_figwidth(),
        right=1 - 0.03 / figure.get_figwidth(),
        top=1 - 0.36 / figure.get_figheight(),
        bottom=0.02 / figure.get_figheight(),
        hspace=0.06,
    )
    titles = ["as it is", *(head for head, _, _ in heads)]
    bold = [False, *(primary for _, primary, _ in heads)]
    strip, heat = panels
    strip.set_xlim(-0.5, columns - 0.5)
    strip.set_axis_off()
    for x, (title, main) in enumerate(zip(titles, bold, strict=True)):
        weight = "bold" if main else "normal"
        strip.text(x, 1.04, title, fontsize=7.5, weight=weight, ha="center", va="bottom")
        if x < len(images):
            ends = (x - 0.47, x + 0.47, 0, 1)
            strip.imshow(images[x], extent=ends, aspect="auto")
        else:
            strip.text(x, 0.5, "no room here", fontsize=7, ha="center", va="center")
    strip.set_ylim(0, 1)
    unit = dose_axis(str(table["unit"].iloc[0]))
    unit = "\n".join(textwrap.wrap(f"dose: {unit}", 24))
    strip.text(-0.6, 0.97, unit, fontsize=7.5, ha="right", va="top", style="italic")
    colours = np.ones((len(names), columns, 3))
    for x, (_, _, rows) in enumerate(heads, start=1):
        for y, name in enumerate(names):
            row = rows[name]
            colours[y, x] = _colour(row)
            dark = colours[y, x].mean() < 0.62
            heat.text(
                x, y, _cell(row), fontsize=7.5, ha="center", va="center", color="w" if dark else "k"
            )
    first = heads[0][2]
    for y, name in enumerate(names):
        heat.text(0, y, _clean(first[name]), fontsize=7, ha="center", va="center", color="0.35")
    heat.imshow(colours, aspect="auto")
    heat.set_yticks(range(len(names)), [_words(name) for name in names], fontsize=7.5)
    heat.get_yticklabels()[0].set_fontweight("bold")
    heat.set_xticks([])
    heat.tick_params(length=0)
    heat.spines[:].set_visible(False)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=130)


def write_page(
    table: pd.DataFrame, ablations: Sequence[Ablation], folder: Path, images: str
) -> Path:
    """Write `selectivity-profiles.md`: declarations and profile of every ablation, by family.

    Args:
        table: rows of all ablations.
        ablations: the ablations; their order within a family is kept.
        folder: folder that holds the profiles as `NAME.png`.
        images: a sentence on the measured images.
    """
    parts = ["# Selectivity profiles\n", f"{images}\n", HOW]
    for family, about in FAMILIES.items():
        members = [ablation for ablation in ablations if ablation.family == family]
        if members:
            parts.append(f"## {family.capitalize()}\n\nThe family `{family}`: {about}.\n")
        parts += [
            _entry(ablation, table[table["ablation"] == ablation.name]) for ablation in members
        ]
    path = folder / "selectivity-profiles.md"
    write_text(path, "\n".join(parts))
    return path


def _entry(ablation: Ablation, table: pd.DataFrame) -> str:
    about = (inspect.getdoc(type(ablation)) or "").splitlines()[0]
    ladder = ", ".join(
        f"**{dose:g}**" if dose == ablation.dose else f"{dose:g}"
        for dose in sorted({*ablation.ladder, ablation.dose})
    )
    compared = f"Compared with {COMPARED[ablation.compared_with]}."
    if ablation.family == "nuisance":
        compared = "Nuisance change, without a comparison."
    parts = [
        f"### {ablation.name}\n\n{about}\n",
        f"Dose, {dose_axis(ablation.unit)}: {ladder}. Target: {_words(ablation.target)}. "
        f"{compared}",
    ]
    eligible = int(table["eligible"].max())
    if not eligible:
        return "\n".join([*parts, "\nNo image is eligible for this ablation.\n"])
    controls = table[table["control"]]
    with_control = f"; {controls['eligible'].max()} with a control" if len(controls) else ""
    images = "image" if eligible == 1 else "images"
    alt = f"An image at each dose of {ablation.name}, and what changes"
    return "\n".join(
        [*parts, f"{eligible} {images}{with_control}.\n", f"![{alt}]({ablation.name}.png)\n"]
    )


def _heads(table: pd.DataFrame) -> list[tuple[str, bool, dict[str, pd.Series]]]:
    """Return each column's heading, whether it is the primary dose, and its rows by statistic."""
    heads = []
    for (control, dose), rows in table.groupby(["control", "dose"], sort=False):
        by_name = {str(row["statistic"]): row for _, row in rows.iterrows()}
        title = "control" if control else f"{dose:g}"
        heads.append((title, bool(rows["primary"].all() and not control), by_name))
    return heads


def _statistics(table: pd.DataFrame) -> list[str]:
    """Return the statistics: the target first, then the others in their order."""
    distinct = table.drop_duplicates("statistic")
    return distinct.sort_values("target", ascending=False, kind="stable")["statistic"].tolist()


def _words(name: str) -> str:
    return WORDS.get(name, name.replace("_", " "))


def _colour(row: pd.Series) -> Array:
    """Return white for no change, a deep colour for a full change; `changed_area` stays white."""
    if np.isnan(row["change"]) or row["statistic"] == "changed_area":
        return np.ones(3)
    depth = 0.85 * min(1.0, abs(float(row["change"])))
    full = [int((BLUE if row["target"] else ORANGE)[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return 1 - depth * (1 - np.array(full))


def _cell(row: pd.Series) -> str:
    if np.isnan(row["changed"]):
        return "–"
    if row["scale"] == "agreement":
        return number(float(row["changed"]), 2).replace("-", "−")
    if row["scale"] == "share":
        return _percent(float(row["changed"]), "")
    return _percent(float(row["change"]), "+")


def _clean(row: pd.Series) -> str:
    if row["scale"] == "agreement":
        return "1"
    if row["scale"] == "share":
        return _percent(float(row["clean"]), "")
    if not row["clean_sd"] > 0:  # a single image has no SD
        return f"{row['clean']:.2g}"
    decimals = max(0, -floor(log10(row["clean_sd"])))
    return f"{row['clean']:.{decimals}f} ± {row['clean_sd']:.{decimals}f}"


def _percent(share: float, sign: str) -> str:
    """Format a share in percent; one decimal below 10 % and where rounding would say 0 or 100 %."""
    if np.isnan(share):
        return "–"
    if abs(share) < 0.0005:
        return "0 %"
    fine = abs(share) < 0.0995 or 0.985 < abs(share) < 0.9995
    return f"{100 * share:{sign}.{int(fine)}f} %".replace("-", "−")
