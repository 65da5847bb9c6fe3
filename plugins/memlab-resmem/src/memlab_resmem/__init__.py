"""ResMem and FalseResMem as models of memlab."""

from memlab_resmem.models import FalseResMem, ResMem

__all__ = ["FalseResMem", "ResMem"]
