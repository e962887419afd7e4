"""Furniture drawn at random: shapes to learn from where there are few others.

Each is a closed solid of the parts that such a thing has (legs, rails, slats, cushions, handles), in proportions that
occur. None is a copy of anything; they need no download, and their labels are exact.
"""

from .furniture import CLASSES, furniture, furniture_class, furniture_color

__all__ = ["CLASSES", "furniture", "furniture_class", "furniture_color"]
