"""Options of memlab data ceiling."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from pathlib import Path

from memlab.cli.data_options import add_root, read_data
from memlab.cli.options import Options
from memlab.errors import MemlabError
from memlab.files import require_empty
from memlab.outputs import require_apart


def run(arguments: list[str]) -> int:
    """Run `memlab data ceiling`; return the exit code."""
    description = """\
How well people agree about the images, and so the highest correlation that a perfect model can
expect: the root of the reliability of the scores. From the best that there is of:

  trials     a CSV file with every image that each person was shown, as a memory game writes it:
             jsPsych's csv(), codes type and perf, kinds in words (target, target repeat, filler,
             vigilance repeat), or only person, image and response in their order; or a folder with
             such a file per person. Random halves of the people. A key in the blank after an
             image counts for that image
  answers    a CSV file with columns participant, image, response (1 said to have seen it, 0 not),
             or a row per person and a column per image: random halves of the people. With a
             column old (1 a repeat, 0 a first showing), false alarms are scored, too
  counts     columns hits and n (or misses): a binomial simulation, as if answers were independent
  scores     and --observers N: the binomial model

  memlab data ceiling trials.csv
  memlab data ceiling trials.csv --lag --at 60 --out ceiling/
  memlab data ceiling jspsych/ --key j --exclude inattentive
  memlab data ceiling my-data/scores.csv
  memlab data ceiling lamem/ --observers 40
"""
    parser = Options("data ceiling", description)
    add_root(parser, "the data set: a folder or CSV file")
    parser.add_argument("--participant", help="of answers: the column of people (recognised)")
    parser.add_argument("--response", help="of answers: the column of 0 and 1 (recognised)")
    parser.add_argument(
        "--lag",
        metavar="COLUMN",
        nargs="?",
        const="",
        help="of answers: correct for the lag between showing and repeat (Khosla 2015), and print "
        "the agreement before and after, and α with an interval; COLUMN is lag by default",
    )
    parser.add_argument("--at", metavar="LAG", type=float, help="lag that --lag corrects to (100)")
    parser.add_argument(
        "--only",
        metavar="COLUMN=VALUE",
        type=_pair,
        action="append",
        help="of answers: keep these rows, such as version=clean; may be repeated",
    )
    parser.add_argument(
        "--blank",
        choices=("counts", "ignored"),
        help="of trials: whether a key pressed in the blank after an image counts for that image "
        "(counts)",
    )
    parser.add_argument(
        "--exclude",
        choices=("none", "constant", "inattentive"),
        help="people to leave out: constant, who pressed at no image or at every image; "
        "inattentive, also those with a vigilance hit rate below .5 or a false-alarm rate above .5 "
        "(none; the output names people who pressed always or never)",
    )
    parser.add_argument(
        "--key", metavar="KEY,...", help="of trials: keys that say 'seen before' (any key)"
    )
    parser.add_argument(
        "--vigilance-lag",
        metavar="N",
        type=_whole,
        help="of trials whose kinds are not named: repeats at lags up to N are vigilance repeats "
        "(10)",
    )
    parser.add_argument(
        "--window",
        metavar="MS",
        type=_milliseconds,
        help="of trials: a key later than this is outside every window, and counts for no image",
    )
    parser.add_argument(
        "--shown",
        metavar="MS",
        type=_milliseconds,
        help="of trials without rows of blanks: how long an image is shown; a later key was "
        "pressed in the blank",
    )
    parser.add_argument(
        "--min-responses",
        metavar="N",
        type=_at_least_one,
        help="of answers: how many an image needs in a half to be compared (1)",
    )
    parser.add_argument(
        "--halves",
        metavar="N",
        type=_at_least_one,
        help="how many random halves (1000; the classic papers took 25)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the halves (%(default)s)")
    parser.add_argument(
        "--observers", metavar="N", type=_at_least_one, help="of scores alone: people per image"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="an empty or new folder for ceiling.csv, scores.csv (per image), growth.csv and "
        "ceiling.png; of trials also people.csv, with --lag also lag.csv",
    )
    parser.add_argument(
        "--images",
        metavar="DIR",
        type=Path,
        help="with --out: the folder of the images; scores.csv then has their paths, and can be "
        "the --data.root of fit and test",
    )
    options = parser.parse_args(arguments)
    if options.images and not options.out:
        raise MemlabError("--images is of the table that --out writes: give --out DIR, too")
    if options.out:
        require_apart(options.out, [options.root])
        require_empty(options.out)

    from memlab.cli.data_ceiling import ceiling_and_show

    return ceiling_and_show(options, lambda: read_data(options, say=False))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ArgumentTypeError(f"{text!r} is not COLUMN=VALUE")
    return name, value


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r}: a whole number, at least 1")
    return int(text)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r}: a whole number, at least 0")
    return int(text)


def _milliseconds(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) == 0:
        raise ArgumentTypeError(f"{text!r}: milliseconds, above 0")
    return float(text)
