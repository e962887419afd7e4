"""What splitting a solid counts: labeled samples in convexes of many directions, for many cuts at once."""

from .op import cut_excess, points_within, weight_below

__all__ = ["cut_excess", "points_within", "weight_below"]
