"""memlab explain MODEL IMAGES... --out DIR"""  # noqa: D415

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.cli.data_options import add_loading, add_source, images_given
from memlab.cli.model_option import MODEL, add_model, load_model, model_files
from memlab.cli.options import Options, add_trust, report_unreadable
from memlab.errors import MemlabError
from memlab.files import require_empty, write_text
from memlab.outputs import require_apart

if TYPE_CHECKING:
    from memlab.attributions.base import Attribution
    from memlab.inference.explain import Maps

DESCRIPTION = f"""\
Explain by maps why some images are scored as they are.

{MODEL}

For each image there is an overlay with a colour bar: red areas raise the score, blue areas lower
it, all on one scale. maps/METHOD.npz holds the maps as computed; maps/METHOD.png shows the first 16
beside their images, and maps/METHOD.csv says in words where the values lie. maps/index.html is a
page of each image beside its maps. Figures are PNG and PDF. Exit code 1 if an image could not be
read.

contrast_cam and integrated_gradients say why a score differs from that of the mean image.

  memlab explain runs/quickstart photos/ --out explained/
"""


def run(arguments: list[str]) -> int:
    """Explain images; return the exit code."""
    parser = Options("explain", DESCRIPTION)
    add_model(parser)
    parser.add_argument("images", metavar="IMAGES", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="an empty or new folder")
    parser.add_argument(
        "--method",
        action="append",
        help="contrast_cam, grad_cam, grad_cam_relu, integrated_gradients, layer_cam, occlusion, "
        "or a plugin's; may be repeated (grad_cam)",
    )
    parser.add_argument(
        "--layer",
        metavar="NAME",
        help="step of the backbone at which contrast_cam, grad_cam, grad_cam_relu and layer_cam "
        "look; auto chooses the one whose maps the scores follow most, on the reference images; a "
        "name that does not exist lists all (the deepest)",
    )
    parser.add_argument(
        "--reference",
        metavar="IMAGES",
        nargs="+",
        type=Path,
        help="images whose mean contrast_cam and integrated_gradients compare with (the explained)",
    )
    parser.add_argument(
        "--human",
        metavar="FOLDER",
        type=Path,
        help="maps of people, such as fixations: grey images with the names of the images; prints "
        "how well the maps agree with them (NSS, CC, AUC)",
    )
    add_source(parser, split=False)
    add_loading(parser)
    add_trust(parser)
    options = parser.parse_args(arguments[1:])
    paths = images_given(options)
    inputs: list[Path | str] = [*paths, *model_files(options.model)]
    others = [*(options.reference or []), *([options.human] if options.human else [])]
    require_apart(options.out, inputs, folders=[*options.images, *others])
    require_empty(options.out)

    from memlab import registry
    from memlab.analysis.completeness import completeness, completeness_text
    from memlab.analysis.layer_choice import layer_text
    from memlab.attributions.blanks import blank_notes
    from memlab.attributions.cells import grid_notes
    from memlab.attributions.human_maps import human_files
    from memlab.inference.chosen_layer import asks_for_layer
    from memlab.reports.gallery import map_set, write_gallery

    methods = list(dict.fromkeys(options.method or ["grad_cam"]))
    for method in methods:
        registry.find("attributions", method)  # check names before loading the model
    attributions = [_made(method, options.layer) for method in methods]
    if options.reference and not any(one.contrasts or asks_for_layer(one) for one in attributions):
        raise MemlabError(
            f"--reference: {' and '.join(methods)} compares with nothing; leave it out, or give "
            "--method contrast_cam or integrated_gradients"
        )
    if options.human is not None:
        human_files(options.human, [str(path) for path in paths])  # before any computation

    model = load_model(options.model)
    bad, sets = 0, []
    for attribution in attributions:
        maps = model.explain(
            paths,
            attribution,
            reference=options.reference,
            batch_size=options.batch_size,
            num_workers=options.num_workers,
            device=options.device,
        )
        bad = report_unreadable(maps.errors) if attribution is attributions[0] else bad
        maps.save(options.out)
        against = f", compared with {maps.compared_with}" if maps.compared_with else ""
        made = f"{len(maps)} map{'s' * (len(maps) != 1)} by {maps.method}{against}"
        print(f"{made} in {options.out}")  # noqa: T201
        said = [f"Compared with {maps.compared_with}."] if maps.compared_with else []
        if maps.layer is not None:
            said.append(layer_text(maps.method, maps.layer))
            print(f"memlab: {said[-1]}", file=sys.stderr)  # noqa: T201
        arrays = maps.arrays()
        notes = grid_notes(maps.method, arrays) + blank_notes(maps.method, arrays)
        notes += completeness_text(maps.method, completeness(arrays))
        for note in notes:
            said.append(note)
            print(f"memlab: {note}", file=sys.stderr)  # noqa: T201
        if options.human is not None:
            said.append(_beside_people(maps, options.human, options.out))
            print(said[-1])  # noqa: T201
        sets.append(map_set(maps.method, maps.unit, arrays, said))
    page = write_gallery(sets, options.out, f"Maps of scores by {options.model}")
    print(f"all maps: {options.out / page}")  # noqa: T201
    return 1 if bad else 0


def _beside_people(maps: Maps, folder: Path, out: Path) -> str:
    """Write how well maps agree with those of people, and return it in words."""
    from memlab.attributions.human_maps import human_maps, plausibility, plausibility_text

    own = {name: one.astype(float) for name, one in zip(maps.image, maps.maps, strict=True)}
    table = plausibility(own, human_maps(folder, maps.image))
    write_text(out / "maps" / f"{maps.method}-people.csv", table.to_csv(index=False))
    return plausibility_text(maps.method, table)


def _made(method: str, layer: str | None) -> Attribution:
    """Return a method, which looks at a layer if one is given."""
    from memlab import registry
    from memlab.attributions.base import LayerAttribution

    found: type[Attribution] = registry.load("attributions", method)
    if layer is None:
        return found()
    if not issubclass(found, LayerAttribution):
        raise MemlabError(f"--layer {layer}: {method} looks at the image, not at a layer")
    return found(layer=layer)
