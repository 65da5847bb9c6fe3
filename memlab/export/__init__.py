"""Changed images as files."""
