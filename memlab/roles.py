"""Roles of conditions, and kinds of controls: the words that plans, tables and results share."""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["target", "control", "nuisance", "swap", "round-trip"]
"""Role of a condition: the ablation itself (`target`, or `swap` for a swap), or a control.

`control`: the matched control, off-centre crop or patch. `round-trip`: the round-trip control of a
swap. `nuisance`: a nuisance change, which should not matter."""
ROLES: tuple[Role, ...] = get_args(Role)

Control = Literal["matched-control", "off-centre-crops", "patch", "round-trip", "nuisance-baseline"]
"""Kinds of control that an effect is compared with.

`matched-control`: the same change on the same shape at another position. `off-centre-crops`: crops
of the same size off the centre. `patch`: a neutral patch. `round-trip`: the round trip of a swap.
`nuisance-baseline`: another kind of change that should not matter; it is never subtracted."""
CONTROLS: tuple[Control, ...] = get_args(Control)

OLD_CONTROLS: dict[str, Control] = {
    "placed": "matched-control",
    "windows": "off-centre-crops",
    "there-and-back": "round-trip",
    "floor": "nuisance-baseline",
}
"""Kinds of control as results of schema 1 and plugins of that time name them."""
OLD_ROLES: dict[str, Role] = {"floor": "nuisance", "there-and-back": "round-trip"}
"""Roles as results of schema 1 name them."""
