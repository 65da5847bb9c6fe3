"""Source of memlab's synthetic images, rendered on first use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from memlab.data.sources.base import Source, make_table, one_split_only
from memlab.data.table import MASK, Table
from memlab.errors import DataError
from memlab.image_files import declaration_file
from memlab.progress import progress
from memlab.synthetic import REGIONS, Declaration, Style, World, read_declaration, write
from memlab.synthetic.planted import photos_in
from memlab.synthetic.write import Masks, table_file


class SyntheticSource(Source):
    """Synthetic images with exact masks, whose causes of memorability are known.

    A new or empty folder is filled on first use. A folder that already holds synthetic images is
    read as it is.

    Args:
        n: number of images to render; by default as many as the folder holds, or 1500.
        seed: seed of the images; by default the folder's own, or 0.
        size: side in pixels; by default the folder's own, or 64.
        world: how images and scores are generated, as in configs/worlds; by default the folder's
            own, or the quickstart's. Change a part with, for example, --data.source.world.r2 .3.
        style: rendering style, with its glyphs, textures, fonts and palettes; by default the
            folder's own, or A.
        masks: exact, or degraded as by a poor detector; by default the folder's own, or exact.
        photos: folder of your own photographs, for worlds made from photographs (W12).
    """

    def __init__(
        self,
        n: int | None = None,
        seed: int | None = None,
        size: int | None = None,
        world: World | None = None,
        style: Style | None = None,
        masks: Masks | None = None,
        photos: Path | None = None,
    ) -> None:
        self.n = n
        self.seed = seed
        self.size = size
        # a mapping if the source is built from a configuration file
        self.world = World(**world) if isinstance(world, dict) else world
        self.style = style
        self.masks = masks
        self.photos = photos

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether memlab rendered the folder."""
        return declaration_file(root).is_file()

    def prepare(self, root: Path) -> None:
        """Render the missing images; see `Source.prepare`."""
        given = {name: getattr(self, name) for name in Declaration._fields}
        try:
            render(root, settled(root, given))
        except DataError as error:
            if isinstance(error.__cause__, ValueError):  # the folder holds other images
                hint = (
                    "or ask for what it holds: --data.source.n N, .size, .style, .world.r2, ...; "
                    "for images of your own add --data.source null"
                )
                raise DataError(f"{error}\n{hint}") from error
            raise

    def table(self, root: Path, split: int | None = None) -> Table:
        """Read a rendered folder; see `Source.table`."""
        one_split_only(split, str(root))
        path = table_file(root)
        if not path.is_file():
            raise DataError(
                f"{root}: no synthetic images; make them with memlab data synthetic {root}"
            )
        frame = pd.read_csv(path)
        columns = {"id": frame["image"], **{name: frame[name] for name in frame.columns}}
        for region in REGIONS if (root / "masks").is_dir() else ():
            masks = "masks/" + region + "/" + frame["image"].map(lambda name: Path(name).name)
            there = masks.map(lambda mask: (root / mask).is_file())
            columns[MASK + region] = masks.where(there)
        table = make_table(columns, root, str(root))
        return replace(table, empty_masks="none")  # masks are exact: no file means no region


def render(root: Path, wanted: Declaration) -> Path:
    """Render images into a folder, with a progress bar; return the path of its table.

    Raises:
        DataError: if the folder holds other images, or cannot be written.
    """
    try:
        with progress(f"Rendering {wanted.n} images in {root}", wanted.n) as advance:
            return write(root, **wanted._asdict(), progress=advance)
    except ValueError as error:
        raise DataError(str(error)) from error
    except OSError as error:
        raise DataError(f"{root}: {error.strerror}; choose another --data.root") from error


def settled(root: Path, given: Mapping[str, Any]) -> Declaration:
    """Return the declaration of a folder: given values, else its own, else the defaults."""
    there = declaration_file(root).is_file()
    wanted = read_declaration(root) if there else Declaration()
    wanted = wanted._replace(**{name: value for name, value in given.items() if value is not None})
    if wanted.photos is not None:
        wanted = wanted._replace(photos=str(Path(wanted.photos).absolute()))
        if not there and given.get("n") is None:
            wanted = wanted._replace(n=len(photos_in(Path(str(wanted.photos)))))
    return wanted
