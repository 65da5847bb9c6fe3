"""Make the page of selectivity cards again.

    python docs/cards.py

renders scenes, has `memlab apply` measure every ablation of memlab's own on them, and writes
docs/reference/cards.md with docs/images/cards/. A few minutes on one core.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

os.environ["MEMLAB_PLUGINS"] = "none"  # the page is of memlab's own ablations

from memlab.cli import main

DOCS = Path(__file__).resolve().parent
IMAGES = DOCS / "images" / "cards"
# the first image of this seed has a face, a person, an object and text, apart from each other
SCENES = "memlab data scenes --seed 7923 -n 40 --size 160 scenes"
CARDS = "memlab apply scenes --ablation all --cards --out cards"
MADE = f"""\
Every ablation of memlab's own, measured on 40 rendered [scenes](../guides/worlds.md):

```bash
{SCENES}
{CARDS}
```

The second line makes the same page of your own images. What each change is for is said in
[the catalogue](../guides/catalogue.md). `remove` and `foreground_only` make the changes of
`remove_faces` and `remove_background`, and have no cards. After a change of an ablation
`python docs/cards.py` makes this page again.
"""


def make() -> int:
    """Run both commands in a folder of their own; take over the page, and the cards as WebP."""
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        for line in (SCENES, CARDS):
            code = main(shlex.split(line)[1:])
            if code:
                return code
        shutil.rmtree(IMAGES, ignore_errors=True)
        IMAGES.mkdir(parents=True)
        for card in sorted(Path("cards").glob("*.png")):
            with Image.open(card) as drawn:
                drawn.convert("RGB").save(IMAGES / f"{card.stem}.webp", quality=70, method=6)
        title, _, rest = Path("cards/cards.md").read_text(encoding="utf-8").partition("\n\n")
        rest = re.sub(r"\]\((\w+)\.png\)", r"](../images/cards/\1.webp)", rest)
        page = f"{title}\n\n{MADE}\n{rest}"
        (DOCS / "reference" / "cards.md").write_text(page, encoding="utf-8")
        os.chdir(DOCS)
    print(f"{sum(file.stat().st_size for file in IMAGES.iterdir()) / 1e6:.2f} MB of cards")
    return 0


if __name__ == "__main__":
    sys.exit(make())
