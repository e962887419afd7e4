"""One shape without a network: initialize → simplify → refine → snap → verify.

The module itself can be called: ``cvxgeom.fit(mesh)`` is `cvxgeom.fit.fit`, the function.
"""

import sys
from collections.abc import Callable
from types import ModuleType

from .config import FitConfig
from .folder import fit_folder
from .many import FitOutcome, fit_many
from .pipeline import fit, fit_steps
from .refined import Refined
from .result import FitResult, FitStep
from .sources import Completed, Field, OccupancyGrid, PointCloud

__all__ = [
    "Completed",
    "Field",
    "FitConfig",
    "FitOutcome",
    "FitResult",
    "FitStep",
    "OccupancyGrid",
    "PointCloud",
    "Refined",
    "fit",
    "fit_folder",
    "fit_many",
    "fit_steps",
]


class _CallableModule(ModuleType):
    """``cvxgeom.fit`` is both the folder of the pipeline and what a user wants to call."""

    __call__: Callable[..., FitResult] = staticmethod(fit)


sys.modules[__name__].__class__ = _CallableModule
