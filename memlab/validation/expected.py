"""Which white-box models each ablation must move, and which it must not.

A white-box model (`memlab.validation.white_box`) computes its score from one property of the image,
so the effect of an ablation on it is known in advance. `memlab.validation.matrix` measures the
effects and compares them with this table.
"""

from __future__ import annotations

from dataclasses import dataclass

from memlab.ablations.base import Ablation
from memlab.registry import current, plugin_of

PREFIX = "white_box_"
"""First part of the plugin names of white-box models."""


@dataclass(frozen=True)
class Expected:
    """White-box models that an ablation must move, and that it must not; others may move.

    Args:
        moves: plugin names of models whose scores the ablation must change by more than the
            nuisance baseline and by at least 0.05 SD.
        spares: models whose scores the ablation must not change by more than the nuisance baseline.
            For a swap, the variance share must stay below 0.00125.
    """

    moves: tuple[str, ...] = ()
    spares: tuple[str, ...] = ()


def _expected(moves: str = "", spares: str = "") -> Expected:
    """Return the record; both lists are written without the prefix of the names."""
    return Expected(
        tuple(PREFIX + name for name in moves.split()),
        tuple(PREFIX + name for name in spares.split()),
    )


EXPECTED: dict[str, Expected] = {
    "background_only": _expected(moves="face_chroma face_luminance chroma redness"),
    "blur": _expected(moves="high_frequency", spares="redness face_luminance face_chroma"),
    "brightness": _expected(moves="chroma redness high_frequency", spares="watermark"),
    "color_contrast": _expected(moves="chroma", spares="high_frequency face_luminance watermark"),
    "contrast": _expected(moves="high_frequency", spares="chroma redness face_chroma watermark"),
    "desaturate": _expected(
        moves="chroma redness", spares="high_frequency face_luminance watermark"
    ),
    "grayscale": _expected(
        moves="chroma redness face_chroma", spares="high_frequency face_luminance watermark"
    ),
    "highpass": _expected(spares="chroma redness high_frequency face_chroma watermark"),
    "hue_rotate": _expected(
        moves="redness", spares="high_frequency face_luminance face_chroma watermark"
    ),
    "paste": _expected(moves="redness", spares="face_chroma face_luminance"),
    "patch_shuffle": _expected(spares="chroma redness"),
    "phase_scramble": _expected(spares="redness high_frequency"),
    "power_equalize": _expected(moves="chroma high_frequency", spares="watermark"),
    "random_crop": _expected(moves="redness"),
    "remove_background": _expected(moves="chroma redness", spares="face_chroma face_luminance"),
    "remove_faces": _expected(moves="face_chroma face_luminance redness"),
    "remove_objects": _expected(moves="redness", spares="face_chroma face_luminance"),
    "remove_people": _expected(moves="redness", spares="face_chroma face_luminance"),
    "remove_text": _expected(moves="redness", spares="face_chroma face_luminance"),
    "swap_background": _expected(
        moves="chroma high_frequency redness", spares="constant face_chroma face_luminance"
    ),
    "swap_contrast": _expected(
        moves="high_frequency", spares="chroma constant face_chroma redness"
    ),
    "swap_face": _expected(moves="face_chroma face_luminance", spares="constant"),
    "swap_figure": _expected(spares="constant"),
    "swap_layout": _expected(moves="face_luminance", spares="constant"),
    "swap_palette": _expected(
        moves="redness", spares="chroma constant face_luminance high_frequency watermark"
    ),
    "swap_saturation": _expected(
        moves="chroma redness", spares="constant face_luminance high_frequency watermark"
    ),
    "swap_pattern": _expected(
        moves="high_frequency", spares="constant face_chroma face_luminance redness"
    ),
    "swap_sharpness": _expected(moves="high_frequency", spares="constant redness"),
    "swap_slope": _expected(moves="high_frequency", spares="chroma constant face_chroma redness"),
    "swap_spectrum": _expected(
        moves="high_frequency", spares="chroma constant face_chroma redness"
    ),
    "swap_texture": _expected(
        moves="high_frequency", spares="chroma constant face_chroma face_luminance redness"
    ),
    "texture_smooth": _expected(spares="redness face_luminance face_chroma watermark"),
}
"""Expected effects of memlab's own ablations, by plugin name; none for an ablation that is missing
here."""


def expected(cls: type[Ablation]) -> Expected:
    """Return what is expected of an ablation.

    The class variables `moves` and `spares` of a class count, then the table `EXPECTED`, then the
    base classes in the order of inheritance. Old names of white-box models are read as the new.
    """
    return Expected(*(_names(cls, side) for side in ("moves", "spares")))


def _names(cls: type[Ablation], side: str) -> tuple[str, ...]:
    for base in cls.__mro__[: cls.__mro__.index(Ablation)]:
        if side in vars(base):
            return tuple(current("models", name) for name in vars(base)[side])
        plugin = plugin_of(base)
        if plugin is not None and plugin.distribution == "memlab":
            return getattr(EXPECTED.get(plugin.name, Expected()), side)  # type: ignore[no-any-return]
    return ()
