"""Masks of regions such as faces, people, objects, text and background, and their sources."""
