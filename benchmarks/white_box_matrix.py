"""White-box matrix of memlab's own ablations: measured effects, beside the declared ones.

    python benchmarks/white_box_matrix.py

writes benchmarks/results/white-box-matrix.json and docs/images/white-box-matrix.png. The exit code
is 1 if an ablation does not move a model that it must move, or moves a model that it must not.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import pandas as pd

from memlab.ablations.plan import own_ablations
from memlab.reports.white_box_figure import draw_white_box_matrix
from memlab.synthetic import Style
from memlab.validation.matrix import white_box_matrix

HERE = Path(__file__).parent


def main() -> int:
    """Run both styles, and draw style A."""
    parser = argparse.ArgumentParser(
        description="Hold memlab's ablations against the white-box models."
    )
    parser.add_argument("--n", type=int, default=200, help="images of each style (%(default)s)")
    parser.add_argument("--size", type=int, default=64, help="their side in pixels (%(default)s)")
    parser.add_argument("--controls", type=int, default=8, help="draws (%(default)s)")
    options = parser.parse_args()
    start = time.perf_counter()
    ablations = own_ablations()
    tables = [
        white_box_matrix(
            ablations, options.n, size=options.size, style=style, controls=options.controls
        ).assign(style=style)
        for style in get_args(Style)
    ]
    table = pd.concat(tables, ignore_index=True)
    image = HERE.parent / "docs" / "images" / "white-box-matrix.png"
    title = f"{len(ablations)} ablations at their primary doses, {options.n} images of style A"
    draw_white_box_matrix(tables[0], image, title)
    found = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "memlab": version("memlab"),
        "n": options.n,
        "size": options.size,
        "controls": options.controls,
        "seconds": round(time.perf_counter() - start, 1),
        "rows": json.loads(table.round(5).to_json(orient="records")),
    }
    path = HERE / "results" / "white-box-matrix.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    breaches = table[table["verdict"] == "breach"]
    columns = ["style", "ablation", "model", "declared", "n", "effect", "shift", "limit"]
    print(breaches[columns].to_string(index=False) if len(breaches) else "no breach")
    print(path, image, sep="\n")
    return 1 if len(breaches) else 0


if __name__ == "__main__":
    sys.exit(main())
