"""Attribution maps: where in an image a score comes from."""
