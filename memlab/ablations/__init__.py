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

INSTEAD: dict[str, str] = {
    "remove": (
        "; remove_faces, remove_people, remove_objects, remove_text and remove_background "
        "name their own region"
    ),
}
"""What to suggest, by name, where an ablation is used without an argument that it requires."""
RENAMED_FAMILIES = {"floor": "nuisance"}
"""Old name to new name of families; old names are read for one version."""
