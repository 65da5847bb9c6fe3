"""Maps of where a score comes from."""
