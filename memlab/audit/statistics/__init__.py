"""Statistics of an audit: the image is the unit, draws are averaged within it first."""
