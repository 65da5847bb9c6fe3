"""ResMem and FalseResMem as memlab's models."""

from memlab_resmem.models import FalseResMem, ResMem

__all__ = ["FalseResMem", "ResMem"]
