"""Audit of the features that a model relies on: claims and hypotheses."""
