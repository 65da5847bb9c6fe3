"""Whether tested images are among those that a model was trained on, as far as names tell."""

from __future__ import annotations

import re
from pathlib import Path

from memlab.models.base import MemorabilityModel


def leak_notes(model: MemorabilityModel, source: str, root: Path) -> list[str]:
    """What readers of accuracies must know: that the images are no clean test; else nothing.

    Names are compared, not images: those of the data sets in `model.seen_data` with the name of
    the layout and the words in the last two parts of the folder's path.

    Args:
        model: that was tested.
        source: class path of the layout, such as `memlab.data.sources.lamem.LaMemSource`.
        root: folder or file of the data.
    """
    layout = source.rpartition(".")[2].lower().removesuffix("source")
    words = {layout, *re.split(r"[^a-z0-9]+", " ".join(root.absolute().parts[-2:]).lower())}
    found = [name for name in model.seen_data or () if re.sub(r"\W", "", name.lower()) in words]
    if not found:
        return []
    return [
        f"{model.title} was trained on {' and '.join(found)}, which these images are by the name "
        "of their layout or folder: they are no clean test of it, and accuracies may be too high"
    ]
