"""Export of changed images as files."""
