"""Notes on overlap between tested images and a model's training data, judged by names."""

from __future__ import annotations

import re
from pathlib import Path

from memlab.models.base import MemorabilityModel


def leak_notes(model: MemorabilityModel, source: str, root: Path) -> list[str]:
    """Return a note if the tested images may be among the model's training images.

    The function compares names, not images: the data set names in `model.seen_data` with the name
    of the source and the words in the last two parts of the folder's path.

    Args:
        model: the tested model.
        source: class path of the source, such as `memlab.data.sources.lamem.LaMemSource`.
        root: folder or file of the data.
    """
    layout = source.rpartition(".")[2].lower().removesuffix("source")
    words = {layout, *re.split(r"[^a-z0-9]+", " ".join(root.absolute().parts[-2:]).lower())}
    shared = [name for name in model.seen_data or () if re.sub(r"\W", "", name.lower()) in words]
    if not shared:
        return []
    return [
        f"{model.title} was trained on {' and '.join(shared)}, which these images are by the name "
        "of their layout or folder: they are no clean test of it, and accuracies may be too high"
    ]
