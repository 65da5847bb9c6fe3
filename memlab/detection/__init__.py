"""Detectors of regions, and the review of their detections."""
