"""cvxgeom: solids as unions of smooth convexes, differentiable and exact.

data → model → shape → mesh / render / metrics / simulation. A *shape* is a union of smooth convexes: five tensors.
Names are loaded when they are first used, so that ``import cvxgeom`` is instant.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "ColorViews": "color",
    "ConvexUnion": "shape",
    "DepthViews": "depth",
    "FitConfig": "fit",
    "FitResult": "fit",
    "FitStatus": "_types",
    "Polytope": "shape",
    "PolytopeStatus": "_types",
    "box": "shape",
    "concatenate": "shape",
    "cuboid": "shape",
    "from_planes": "shape",
    "hull": "shape",
    "load": "shape",
    "read_depth": "reconstruct",
    "read_photo": "reconstruct",
    "sphere": "shape",
    "stack": "shape",
    "tetrahedron": "shape",
    "to_trimesh": "mesh",
}
_MODULES = (
    *("data", "fit", "losses", "mesh", "metrics", "models", "ops", "reconstruct", "render", "shape", "simulation"),
    "train",
)

__all__ = [*_HOME, *_MODULES, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    elif name in _MODULES:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from . import data, fit, losses, mesh, metrics, models, ops, reconstruct, render, shape, simulation, train
    from ._types import FitStatus, PolytopeStatus
    from .color import ColorViews
    from .depth import DepthViews
    from .fit import FitConfig, FitResult
    from .mesh import to_trimesh
    from .reconstruct import read_depth, read_photo
    from .shape import (
        ConvexUnion,
        Polytope,
        box,
        concatenate,
        cuboid,
        from_planes,
        hull,
        load,
        sphere,
        stack,
        tetrahedron,
    )
