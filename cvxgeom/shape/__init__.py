"""The value types: unions of smooth convexes, and the exact polytopes of their half-spaces."""

from .convex_union import ConvexUnion, concatenate, stack
from .io import load
from .polytope import Polytope
from .primitives import box, cuboid, from_planes, hull, sphere, tetrahedron

__all__ = [
    "ConvexUnion",
    "Polytope",
    "box",
    "concatenate",
    "cuboid",
    "from_planes",
    "hull",
    "load",
    "sphere",
    "stack",
    "tetrahedron",
]
