"""Ablations, and the engine that scores changed images."""

FAMILIES: dict[str, str] = {
    "frequency": "spatial frequency: blur and sharpening",
    "colour": "hue, saturation, palette",
    "contrast": "contrast and light",
    "texture": "texture and layout",
    "context": "crops, background and surroundings",
    "region": "removal of faces, people, objects or text",
    "insertion": "pasted faces, people, objects or text",
    "nuisance": "changes that should not matter",
}
"""Families of ablations and what each family changes. Plugins cannot add a family."""

RENAMED_FAMILIES = {"floor": "nuisance"}
"""Old name to new name of families; old names are read for one version."""
