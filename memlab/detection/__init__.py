"""Detectors of regions, and the review of what they found."""
