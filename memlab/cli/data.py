"""memlab data check | ceiling | subset | cache | synthetic."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path

from memlab.cli.data_options import (
    MASKS,
    add_empty_masks,
    add_masks,
    add_root,
    add_workers,
    read_data,
)
from memlab.cli.options import Options, run_subcommand
from memlab.errors import MemlabError
from memlab.files import require_empty
from memlab.outputs import require_apart, require_outside_data, require_writable
from memlab.registry import say_renamed

PAGE = """\
usage: memlab data COMMAND [options]        memlab data COMMAND --help for each

  check      look at every image of a data set: missing, unreadable, bad scores, duplicates, leaks
  ceiling    how well the scores are known, and the best ρ that a perfect model can expect
  subset     copy a random part of a data set, with its CSV file
  cache      decode all images once, so that training need not
  synthetic  render memlab's own images, with exact masks and scores
"""


def run(arguments: list[str]) -> int:
    """Run a data command; return the exit code."""
    commands = {
        "check": _check,
        "ceiling": _ceiling,
        "subset": _subset,
        "cache": _cache,
        "synthetic": _synthetic,
    }
    if arguments[1:2] == ["scenes"]:  # former name of synthetic
        say_renamed("memlab data scenes", "memlab data synthetic")
        arguments = [arguments[0], "synthetic", *arguments[2:]]
    return run_subcommand("data", PAGE, commands, arguments)


def _check(arguments: list[str]) -> int:
    description = """\
Look at every image of a data set once: missing, unreadable, bad scores, duplicates, leaks
between splits; masks that are not of their image; and whether the files give the score away.
Exit code 1 if a problem was found; notes alone leave it 0.

  memlab data check photos/ --near --out check/
  memlab data check photos/ --data.masks masks/
"""
    parser = _with_data(Options("data check", description))
    parser.add_argument(
        "--near",
        metavar="BITS",
        type=_bits,
        nargs="?",
        const=-1,
        help="look for near duplicates, too: images whose perceptual hashes differ by at most "
        "BITS of 64 bits (6: saved again, resized, trimmed by 2 %%; 10 finds more, also false "
        "ones); needs memlab[check]",
    )
    add_masks(parser, f"where faces, text are: {MASKS}; masks in columns are checked, too")
    add_empty_masks(parser)
    parser.add_argument(
        "--out",
        type=Path,
        help="an empty or new folder for the page, check.html, with its tables and figures",
    )
    options = parser.parse_args(arguments)
    if options.out:
        require_apart(options.out, folders=[options.root, options.masks])
        require_empty(options.out)

    from memlab.cli.data_check import check_and_show
    from memlab.data.mask_summary import with_masks

    table = with_masks(read_data(options), options.masks, options.empty_masks)
    return check_and_show(table, options.near, options.out)


def _bits(text: str) -> int:
    if not text.isdecimal() or int(text) > 32:
        raise ArgumentTypeError(
            f"{text!r} is not a number of bits, 0 to 32; the folder comes before --near"
        )
    return int(text)


def _ceiling(arguments: list[str]) -> int:
    from memlab.cli.ceiling_options import run as run_ceiling

    return run_ceiling(arguments)


def _subset(arguments: list[str]) -> int:
    description = """\
Copy a random part of a data set, with its CSV file. What is no image is not copied, nor is an image
whose path leads out of the data set's folder; both are named, and the exit code is 1.
"""
    parser = _with_data(Options("data subset", description))
    parser.add_argument("-n", type=int, required=True, help="how many images")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (%(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="an empty or new folder")
    parser.add_argument(
        "--outside", action="store_true", help="also images outside the folder of the data set"
    )
    options = parser.parse_args(arguments)
    require_apart(options.out, folders=[options.root])
    require_empty(options.out)
    table = read_data(options)

    from memlab.data.subset import write_subset
    from memlab.progress import progress

    with progress("Copying", options.n) as advance:
        subset = write_subset(table, options.n, options.seed, options.out, advance, options.outside)
    subset.say()
    asked = f" ({options.n} asked for)" if subset.left_out else ""
    print(f"{subset.copied} of {len(table.rows)} images{asked}: {subset.path}")  # noqa: T201
    return 1 if subset.left_out else 0


def _cache(arguments: list[str]) -> int:
    description = "Decode all images once, so that `memlab fit --data.cache DIR` need not."
    parser = _with_data(Options("data cache", description))
    parser.add_argument(
        "--size", type=int, default=224, help="side in pixels: --data.image_size (%(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("cache"), help="folder of the cache (%(default)s)"
    )
    add_workers(parser, None, "processes that decode (all cores but one)")
    options = parser.parse_args(arguments)
    if options.size < 16:
        raise MemlabError("at least 16 pixels (--size)")
    require_writable(options.out)
    table = read_data(options)
    require_outside_data(options.out, str(options.root))

    import time

    from memlab.data.cache import ImageCache
    from memlab.data.dataset import ImageDataset
    from memlab.data.fill import fill
    from memlab.data.geometry import Geometry
    from memlab.data.workers import default_workers
    from memlab.progress import progress

    geometry = Geometry(options.size)
    cache = ImageCache(options.out, table.root, list(table.rows["image"]), geometry)
    rows = table.rows.drop_duplicates("image", ignore_index=True)
    images = ImageDataset(rows, table.root, geometry, cache=cache)
    size = f"{len(rows)} images at {options.size} pixels, {cache.size / 1e9:.2f} GB"
    print(f"{table.origin}: {size}: {cache.path}", flush=True)  # noqa: T201
    workers = default_workers() if options.num_workers is None else options.num_workers
    start = time.perf_counter()
    with progress("Decoding", len(images)) as advance:
        filled = fill(images, workers, advance)
    seconds = time.perf_counter() - start
    for error in filled.errors:
        print(f"  unreadable  {error}")  # noqa: T201
    if filled.lost:
        raise MemlabError(f"{cache.path}: {filled.lost} images could not be kept in it")
    unreadable = f", {len(filled.errors)} unreadable" if filled.errors else ""
    print(  # noqa: T201
        f"{filled.there} were there, {filled.decoded} decoded{unreadable}; "
        f"{seconds:.1f} s, {len(rows) / seconds:.0f} images/s\n"
        f"use it with: --data.cache {options.out} --data.image_size {options.size}"
    )
    return 1 if filled.errors else 0


def _synthetic(arguments: list[str]) -> int:
    from memlab.cli.data_synthetic import render_synthetic

    return render_synthetic(arguments)


def _with_data(parser: Options) -> Options:
    add_root(parser, "the data set: a folder or CSV file")
    return parser
