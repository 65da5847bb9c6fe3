"""memlab regions find | import | review | reject."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.cli.data_options import add_empty_masks, add_masks, add_root, read_data
from memlab.cli.options import Options, divide, run_subcommand
from memlab.cli.plugin_names import class_path
from memlab.errors import MemlabError
from memlab.files import require_empty
from memlab.outputs import require_apart

if TYPE_CHECKING:
    from memlab.data.table import Table
    from memlab.detection.find import Filled
    from memlab.masks.store import MaskStore

PAGE = """\
usage: memlab regions COMMAND [options]        memlab regions COMMAND --help for each

  find       look for faces, people, text, ... in every image, and keep the masks in a store
  import     pack masks that you have (COCO, PNG) into a store, and see that they fit
  review     draw what was found, numbered, with a table in which to cross out what is wrong
  reject     copy a store without what was crossed out

A store serves any run: memlab test --data.masks STORE --ablation blur --ablation.region faces
"""


def run(arguments: list[str]) -> int:
    """Run a regions command; return the exit code."""
    commands = {"find": _find, "import": _import, "review": _review, "reject": _reject}
    return run_subcommand("regions", PAGE, commands, arguments)


def _find(arguments: list[str]) -> int:
    description = """\
Look for regions in every image, and keep the masks in a store, with what found them. Killed and
started again, it goes on. An image at which the detector crashes is named, and tried again the next
time; exit code 1 if there is one.

Another detector can add other regions to the same store; its options are --with.NAME VALUE.

  memlab regions find photos/ --with NAME --out masks/
  memlab regions find photos/ --with mine:Faces --with.threshold 0.8 --out masks/
"""
    ours, theirs = divide(arguments, "--with.")
    parser = Options("regions find", description)
    _add_data(parser)
    parser.add_argument(
        "--with", dest="detector", required=True, help="a plugin's name, or package.module:Class"
    )
    parser.add_argument("--out", type=Path, required=True, help="the store; may be there already")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, mps (%(default)s)")
    options = parser.parse_args(ours)
    require_apart(options.out, [options.root])
    path = class_path("regions", options.detector)

    from memlab.detection.detector import provenance_of
    from memlab.detection.find import find_regions
    from memlab.masks.store import MaskStore
    from memlab.progress import progress

    detector, parameters = _made(path, theirs)
    if hasattr(detector, "to"):
        detector = detector.to(options.device)
    if hasattr(detector, "eval"):
        detector.eval()
    table, store = read_data(options), MaskStore(options.out)
    with progress("Looking for regions", len(table.rows)) as advance:
        provenance = provenance_of(detector, parameters)
        filled = find_regions(table, detector, provenance, store, options.device, advance)
    code = _report(table, store, filled)
    for note in detector.notes() if callable(getattr(detector, "notes", None)) else ():
        print(f"memlab: {options.detector}: {note}", file=sys.stderr)  # noqa: T201
    return code


def _import(arguments: list[str]) -> int:
    description = """\
Pack masks into a store: a COCO file, a folder REGION/IMAGE.png, or another store. Masks that do
not fit their images are named, and left out; exit code 1 if there is one.

  memlab regions import masks.json photos/ --out masks/
"""
    parser = Options("regions import", description)
    parser.add_argument("masks", metavar="MASKS", type=Path, help="COCO file, folder, or store")
    _add_data(parser)
    add_empty_masks(parser)
    parser.add_argument("--out", type=Path, required=True, help="the store; may be there already")
    options = parser.parse_args(arguments)
    require_apart(options.out, [options.masks, options.root])

    from memlab.detection.find import import_masks
    from memlab.masks.store import MaskStore
    from memlab.progress import progress

    table = _given(options)
    store = MaskStore(options.out)
    with progress("Packing masks", len(table.rows)) as advance:
        filled = import_masks(table, store, advance)
    return _report(table, store, filled)


def _review(arguments: list[str]) -> int:
    description = """\
Draw the masks, outlined and numbered, on sheets of 36 images, and list them in rejects.csv. MASKS
are of any kind: a store, a COCO file, or a folder REGION/IMAGE.png.

Write anything into the column reject of what is wrong, and give the table to memlab regions reject,
which takes a store: masks of another kind are packed into one first, by memlab regions import. An
image that cannot be drawn is named, and left out; exit code 1 if there is one.

  memlab regions review photos/ --data.masks masks/ --out review/
"""
    parser = Options("regions review", description)
    _add_data(parser)
    add_masks(parser, "a store, a COCO file, or a folder")
    parser.add_argument("--out", type=Path, required=True, help="an empty or new folder")
    options = parser.parse_args(arguments)
    options.empty_masks = None
    if options.masks is None:
        raise MemlabError("which masks? give --data.masks PATH")
    require_apart(options.out, folders=[options.masks, options.root])
    require_empty(options.out)

    from memlab.detection.review import TABLE, write_review
    from memlab.masks.stored import StoredMasks
    from memlab.progress import progress

    table = _given(options)
    assert table.given is not None
    count = sum(len(table.given.having(region)) for region in table.given.regions)
    with progress("Drawing", count) as advance:
        done = write_review(table, table.given, options.out, advance)
    print(  # noqa: T201
        f"{done.detections} detections on {done.sheets} sheets; cross out in {options.out / TABLE}"
    )
    store = str(options.masks)
    if not isinstance(table.given, StoredMasks):
        store = "STORE"
        print(  # noqa: T201
            f"a store of them: memlab regions import {options.masks} {options.root} --out {store}"
        )
    print(  # noqa: T201
        f"without what is crossed out: memlab regions reject {store} {options.out / TABLE} "
        "--out CORRECTED"
    )
    for reason in list(done.failures.values())[:3]:
        print(f"memlab: {reason}", file=sys.stderr)  # noqa: T201
    if done.failures:
        print(f"memlab: {len(done.failures)} images could not be drawn", file=sys.stderr)  # noqa: T201
    return 1 if done.failures else 0


def _reject(arguments: list[str]) -> int:
    description = """\
Copy a store without the detections that are crossed out in rejects.csv: any text in the column
reject. A row that was deleted rejects nothing. The store itself stays as it is; the copy says that
it was corrected, and by which table.

  memlab regions reject masks/ review/rejects.csv --out corrected/
"""
    parser = Options("regions reject", description)
    parser.add_argument("store", metavar="STORE", type=Path, help="the masks as they were found")
    parser.add_argument("table", metavar="CSV", type=Path, help="of memlab regions review")
    parser.add_argument("--out", type=Path, required=True, help="the corrected store, a new folder")
    options = parser.parse_args(arguments)
    require_apart(options.out, [options.store, options.table])

    from memlab.detection.review import reject
    from memlab.masks.store import MaskStore

    store = MaskStore(options.store)
    if not store.regions:
        raise MemlabError(f"{options.store}: no mask store; memlab regions find makes one")
    rejected, listed = reject(store, options.table, MaskStore(options.out))
    print(f"{rejected} of {listed} detections left out")  # noqa: T201
    print(f"use the rest with: --data.masks {options.out}")  # noqa: T201
    return 0


def _given(options: Namespace) -> Table:
    """Return the data set with the given masks only, without its own mask columns."""
    from dataclasses import replace

    from memlab.data.mask_summary import with_masks

    table = read_data(options)
    bare = replace(table, rows=table.rows.drop(columns=list(table.mask_columns.values())))
    return with_masks(bare, options.masks, options.empty_masks)


def _add_data(parser: Options) -> None:
    add_root(parser, "the images: any data set")


def _made(path: str, arguments: list[str]) -> tuple[Any, dict[str, Any]]:
    """Return a detector, and the arguments it was created with."""
    import jsonargparse

    from memlab.cli.messages import OneLineErrors, known_error
    from memlab.spec import import_class

    class Parser(OneLineErrors, jsonargparse.ArgumentParser):
        """Parser of the detector's options."""

    cls = import_class(path)
    parser = Parser(allow_abbrev=False)
    parser.add_class_arguments(cls, "with")
    try:
        parsed = parser.parse_args(arguments)
        values = parsed.as_dict().get("with") or {}
        made = parser.instantiate(parsed).get("with")
        detector = cls() if made is None else made
    except MemlabError:
        raise
    except Exception as error:
        raise known_error(error) or MemlabError(
            f"{path} cannot be made: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
        ) from error
    if not callable(detector):
        raise MemlabError(f"{path} detects no regions: it is not called with images")
    return detector, {name: str(v) if isinstance(v, Path) else v for name, v in values.items()}


def _report(table: Table, store: MaskStore, filled: Filled) -> int:
    from memlab.data.mask_summary import quality_told
    from memlab.masks.store_files import FAILED

    ids = set(table.rows["id"])
    known = [shares for name, shares in store.areas.items() if name in ids]
    for region in sorted(filled.regions):
        areas = [shares[region] for shares in known if region in shares]
        positive = sorted(share for share in areas if share > 0)
        typical = (
            f", {100 * positive[len(positive) // 2]:.1f} % of the image (median)"
            if positive
            else ""
        )
        if areas and not positive:
            typical = ": cannot tell whether a model relies on it"
        print(f"{region:<12} in {len(positive)} of {len(areas)} images{typical}")  # noqa: T201
        for line in quality_told(region, store.regions.get(region, {})):
            print(f"             {line}")  # noqa: T201
    if filled.there:
        print(f"{filled.there} were there, {filled.added} are new")  # noqa: T201
    for reason in list(filled.failures.values())[:3]:
        print(f"memlab: {reason}", file=sys.stderr)  # noqa: T201
    if filled.failures:
        count = f"{len(filled.failures)} of {len(table.rows)} images failed"
        listed = f": {store.folder / FAILED}" if store.regions else ""
        print(f"memlab: {count}{listed}", file=sys.stderr)  # noqa: T201
    if filled.regions:
        print(f"use them with: --data.masks {store.folder}")  # noqa: T201
    return 1 if filled.failures else 0
