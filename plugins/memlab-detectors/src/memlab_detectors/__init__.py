"""Detectors of regions for memlab. Each loads its dependencies when it is instantiated."""
