"""Maps of people, such as fixations, beside those of a model: plausibility, not faithfulness."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from memlab.attributions.baselines import centre_maps
from memlab.attributions.texts import stretched
from memlab.errors import DataError
from memlab.imaging.decode import decode
from memlab.numbers import number
from memlab.paths import shown

Map = NDArray[np.float64]
SEEN = 0.2
"""Share of the pixels that count as looked at in a map with more than two values."""
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


def human_maps(folder: Path, ids: Sequence[str]) -> dict[str, Map]:
    """Read the maps of images from a folder of grey images with the images' names.

    Args:
        folder: the folder; see `human_files`.
        ids: image ids, or paths.

    Returns:
        Image id to (H, W), 0 to 1, for the images that have a map.

    Raises:
        DataError: if the folder does not exist, no image has a map, or a file is no image.
    """
    return {name: _read(file) for name, file in human_files(folder, ids).items()}


def human_files(folder: Path, ids: Sequence[str]) -> dict[str, Path]:
    """Return the files of the maps of images, without reading them.

    A map has the path of its image without the ending, or its file name alone: `a/b.jpg` has
    `a/b.png` or `b.png`.

    Args:
        folder: the folder.
        ids: image ids, or paths.

    Returns:
        Image id to file, for the images that have a map.

    Raises:
        DataError: if the folder does not exist, or no image has a map.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of maps")
    found = {}
    for name in ids:
        stem = Path(name).with_suffix("")
        tries = ([] if stem.is_absolute() or ".." in stem.parts else [folder / stem]) + [
            folder / stem.name
        ]
        files = (Path(f"{one}{ending}") for one in tries for ending in ENDINGS)
        file = next((one for one in files if one.is_file()), None)
        if file is not None:
            found[name] = file
    if not found:
        first = shown(f"{Path(ids[0]).stem}{ENDINGS[0]}") if len(ids) else "nothing"
        raise DataError(f"{folder}: no map has the name of an image: {first} was looked for")
    return found


def _read(file: Path) -> Map:
    grey = decode(file).double().mean(dim=0).numpy()
    return np.asarray(grey / max(float(grey.max()), 1.0))


def nss(shown_map: Map, human: Map) -> float:
    """Return the normalised scanpath saliency: the mean z-score of a map where people looked.

    Peters et al. (2005, Vision Research 45, 2397–2416). With a map of people that has more than two
    values, the mean is weighted by it. 0 is chance; NaN for a constant map.

    Args:
        shown_map: (H, W), a map of a model, absolute values.
        human: (H, W), at least 0.
    """
    spread = shown_map.std()
    if spread == 0 or human.sum() == 0:
        return float("nan")
    scores = (shown_map - shown_map.mean()) / spread
    return float((scores * human).sum() / human.sum())


def correlation(shown_map: Map, human: Map) -> float:
    """Return Pearson's r over pixels (CC); NaN for a constant map."""
    if shown_map.std() == 0 or human.std() == 0:
        return float("nan")
    return float(np.corrcoef(shown_map.ravel(), human.ravel())[0, 1])


def auc_judd(shown_map: Map, human: Map) -> float:
    """Return the area under the ROC of a map for the pixels that people looked at.

    Judd et al. (2009, ICCV). Of a map of people with more than two values, the highest `SEEN` of
    the pixels count as looked at. Equal values of the map count half. 0.5 is chance.
    """
    seen = human > 0
    if len(np.unique(human)) > 2:
        seen = human > np.quantile(human, 1 - SEEN)
    count, others = int(seen.sum()), int((~seen).sum())
    if count == 0 or others == 0:
        return float("nan")
    ranks = rankdata(shown_map.ravel())[seen.ravel()]
    return float((ranks.sum() - count * (count + 1) / 2) / (count * others))


def plausibility(maps: dict[str, Map], people: dict[str, Map]) -> pd.DataFrame:
    """Return how well maps agree with those of people, image by image.

    Each map is compared with the map of its own image, with that of the next image (a null that
    keeps what all maps of people have in common, such as the centre; a single image has none), and
    as a centre prior.

    Args:
        maps: image id to (h, w), signed; absolute values count.
        people: image id to (H, W), as `human_maps` returns them.

    Returns:
        `id`, `compared` (own, other, centre), `nss`, `cc`, `auc`.
    """
    names = [name for name in maps if name in people]
    rows = []
    for place, name in enumerate(names):
        other = names[(place + 1) % len(names)]
        own = people[name]
        for compared, human in (("own", own), ("other", people[other]), ("centre", own)):
            if compared == "other" and other == name:
                continue
            resized = stretched(np.abs(maps[name]), human.shape).astype(float)
            if compared == "centre":
                resized = centre_maps(torch.zeros(1, 1, *human.shape))[0, 0].double().numpy()
            rows.append(
                {
                    "id": name,
                    "compared": compared,
                    "nss": nss(resized, human),
                    "cc": correlation(resized, human),
                    "auc": auc_judd(resized, human),
                }
            )
    return pd.DataFrame(rows)


def plausibility_text(method: str, table: pd.DataFrame) -> str:
    """Return two sentences on a table of `plausibility`: means over images, and what they mean."""

    def mean(compared: str, measure: str) -> str:
        return number(float(table.loc[table["compared"] == compared, measure].mean()), 2)

    parts = [
        f"{words} {mean('own', name)} (map of another image {mean('other', name)}, centre prior "
        f"{mean('centre', name)})"
        for name, words in (("nss", "NSS"), ("cc", "CC"), ("auc", "AUC"))
    ]
    count = table["id"].nunique()
    return (
        f"{method} and people's maps of {count} image{'s' * (count != 1)}: {', '.join(parts)}. "
        "This says whether a map looks plausible, not what the score depends on."
    )
