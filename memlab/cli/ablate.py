"""memlab ablate PICTURES... --ablation NAME --out DIR"""  # noqa: D415

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.messages import OneLineErrors, known_error
from memlab.cli.names import expand_arguments, load_named
from memlab.cli.options import Options
from memlab.errors import DataError, MemlabError
from memlab.files import find_pictures, require_empty

if TYPE_CHECKING:
    from memlab.ablations.base import Ablation

DESCRIPTION = """\
Write the changed pictures themselves: one folder per condition, and a manifest.csv.

Pictures keep their own size unless --size is given; they are written as PNG, without loss.

  memlab ablate photos/ --ablation blur --ablation.sigma 4 --ablation grayscale --out changed/
"""


def run(arguments: list[str]) -> int:
    """Write changed pictures; returns the exit code."""
    parser = Options("ablate", DESCRIPTION)
    parser.add_argument("pictures", metavar="PICTURES", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="an empty or new folder")
    parser.add_argument(
        "--ablation", action="append", help="a name; may be repeated; parameters follow it"
    )
    parser.add_argument("--doses", choices=("primary", "ladder"), default="primary")
    parser.add_argument("--size", type=int, help="bring pictures to this side in pixels first")
    parser.add_argument("--seed", type=int, default=0, help="of random ablations (%(default)s)")
    ours, theirs = _divide(arguments[1:])
    options = parser.parse_args(ours)
    if not theirs:
        raise MemlabError("which ablation? give --ablation NAME (see memlab plugins)")
    require_empty(options.out)
    if options.size is not None and options.size < 16:
        raise MemlabError(f"--size {options.size}: at least 16")
    paths = find_pictures(options.pictures)
    ablations = _parse(expand_arguments(theirs))
    return _write(paths, ablations, options.doses, options.size, options.seed, options.out)


def _divide(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split off --ablation and its parameters, which another parser reads."""
    ours, theirs = [], []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("--ablation"):
            ours.append(argument)
            continue
        theirs.append(argument)
        if "=" not in argument:
            value = next(rest, None)
            if value is not None:
                theirs.append(value)
    return ours, theirs


def _parse(arguments: list[str]) -> list[Ablation]:
    import jsonargparse

    from memlab.ablations.base import Ablation
    from memlab.ablations.pictures import require_no_regions

    class Parser(OneLineErrors, jsonargparse.ArgumentParser):
        """The list of ablations alone."""

    load_named(arguments)
    parser = Parser()
    parser.add_argument("--ablation", type=list[Ablation])
    try:
        ablations: list[Ablation] = parser.instantiate(parser.parse_args(arguments)).ablation
    except Exception as error:
        raise known_error(error) or error from error
    require_no_regions(ablations)
    return ablations


def _write(
    paths: list[Path],
    ablations: list[Ablation],
    doses: str,
    size: int | None,
    seed: int,
    out: Path,
) -> int:
    import pandas as pd
    from PIL import Image

    from memlab.ablations.base import Context
    from memlab.ablations.evaluate import Preparation, changed_pictures
    from memlab.ablations.plan import plan
    from memlab.data.decode import decode
    from memlab.data.geometry import Geometry
    from memlab.data.pixels import to_bytes, to_unit
    from memlab.files import make_folder, replacing
    from memlab.progress import progress

    conditions = plan(ablations, "ladder" if doses == "ladder" else "primary")
    names = _names(paths)
    manifest = []
    with progress("Changing", len(paths)) as advance:
        for path in paths:
            pixels = decode(path)
            if size is not None:
                pixels = Geometry(size).picture(pixels)
            images = to_unit(pixels[None])
            context = Context([names[path]], seed)
            preparation = Preparation(images, context, conditions)
            for condition in conditions:
                prepared = preparation.prepare(condition, 0)
                for _, changed in changed_pictures(images, prepared, condition, micro_batch=1):
                    target = make_folder(out / condition.key) / f"{names[path]}.png"
                    array = to_bytes(changed[0]).permute(1, 2, 0).numpy()
                    with replacing(target) as temporary:
                        Image.fromarray(array).save(temporary)
                    manifest.append(
                        {
                            "image": target.relative_to(out).as_posix(),
                            "original": str(path),
                            **{
                                name: condition.describe()[name]
                                for name in ("condition", "ablation", "dose", "unit", "region")
                            },
                        }
                    )
            advance(1)
    with replacing(out / "manifest.csv") as temporary:
        pd.DataFrame(manifest).to_csv(temporary, index=False)
    print(f"{len(manifest)} pictures and manifest.csv in {out}")  # noqa: T201
    return 0


def _names(paths: list[Path]) -> dict[Path, str]:
    """A name for each picture: its own, or, where two files share it, with its folder's."""
    count = Counter(path.stem for path in paths)
    names = {
        path: path.stem if count[path.stem] == 1 else "-".join([*path.parent.parts[-2:], path.name])
        for path in paths
    }
    if len(set(names.values())) < len(paths):
        raise DataError("two pictures have the same name; give them one folder at a time")
    return names
