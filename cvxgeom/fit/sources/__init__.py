"""What a fit can start from: each kind of source becomes a target."""

from .depth import from_views
from .solid import from_labeled, from_solid
from .target import Contains, Target

__all__ = ["Contains", "Target", "from_labeled", "from_solid", "from_views"]
