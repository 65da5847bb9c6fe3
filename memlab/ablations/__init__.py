"""Ablations, and the engine that scores changed images."""

FAMILIES: dict[str, str] = {
    "frequency": "spatial frequency: blur and sharpening",
    "colour": "hue, saturation, palette",
    "contrast": "contrast and light",
    "texture": "texture and layout",
    "context": "crop, background, what surrounds",
    "region": "faces, people, objects, text taken out",
    "insertion": "something pasted in",
    "nuisance": "changes that should not matter",
}
"""Families of ablations and what each family changes. Plugins cannot add a family."""

RENAMED_FAMILIES = {"floor": "nuisance"}
"""Old name to new name of families; old names are read for one version."""
