"""cvxgeom: solids as unions of smooth convexes, differentiable and exact."""

__version__ = "0.1.0"
