"""Half-spaces → convex SDF → convex indicator → union."""

from .op import convex_indicator, convex_sdf, union_contains, union_indicator, union_sdf

__all__ = ["convex_indicator", "convex_sdf", "union_contains", "union_indicator", "union_sdf"]
