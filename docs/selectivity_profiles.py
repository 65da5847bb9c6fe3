"""Make the page of selectivity profiles again.

    python docs/selectivity_profiles.py

renders images, runs `memlab apply --selectivity-profile` with every ablation of memlab's own on
them, and writes docs/reference/selectivity-profiles.md with docs/images/selectivity-profiles/. It
takes a few minutes on one core.
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
IMAGES = DOCS / "images" / "selectivity-profiles"
# the first image of this seed has a face, a person, an object and text, apart from each other
RENDER = "memlab data synthetic --seed 7923 -n 40 --size 160 synthetic"
PROFILES = "memlab apply synthetic --ablation all --selectivity-profile --out profiles"
MADE = f"""\
Every ablation of memlab's own, measured on 40 rendered [images](../guides/worlds.md):

```bash
{RENDER}
{PROFILES}
```

The second line makes the same page of your own images. What each change is for is said in
[the catalogue](../guides/catalogue.md). `remove` has no profile, because it removes the region that
you name. After a change of an ablation `python docs/selectivity_profiles.py` makes this page again.
"""


def make() -> int:
    """Run both commands in a folder of their own; take over the page, and the profiles as WebP."""
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        for line in (RENDER, PROFILES):
            code = main(shlex.split(line)[1:])
            if code:
                return code
        shutil.rmtree(IMAGES, ignore_errors=True)
        IMAGES.mkdir(parents=True)
        for profile in sorted(Path("profiles").glob("*.png")):
            with Image.open(profile) as drawn:
                drawn.convert("RGB").save(IMAGES / f"{profile.stem}.webp", quality=70, method=6)
        text = Path("profiles/selectivity-profiles.md").read_text(encoding="utf-8")
        title, _, rest = text.partition("\n\n")
        rest = re.sub(r"\]\((\w+)\.png\)", r"](../images/selectivity-profiles/\1.webp)", rest)
        page = f"{title}\n\n{MADE}\n{rest}"
        (DOCS / "reference" / "selectivity-profiles.md").write_text(page, encoding="utf-8")
        os.chdir(DOCS)
    print(f"{sum(file.stat().st_size for file in IMAGES.iterdir()) / 1e6:.2f} MB of profiles")
    return 0


if __name__ == "__main__":
    sys.exit(make())
