"""From a depth map or a photo of an object to its shape: reading inputs, running a model, and how far to trust it.

The module itself can be called: ``cvxgeom.reconstruct(model, views)`` is the function of that name.
"""

import sys
from collections.abc import Callable
from types import ModuleType

from .agreement import Agreement, agreement
from .appearance import appearance
from .cameras import Lens, read_lens
from .files import is_photo
from .gaps import to_meters
from .likeness import Likeness, Reference, likeness
from .masks import read_mask
from .photo import Cutout, cut_out, read_photo
from .portrait import portrait
from .read import read_depth
from .refute import refuted
from .run import Reconstruction, reconstruct

__all__ = [
    "Agreement",
    "Cutout",
    "Lens",
    "Likeness",
    "Reconstruction",
    "Reference",
    "agreement",
    "appearance",
    "cut_out",
    "is_photo",
    "likeness",
    "portrait",
    "read_depth",
    "read_lens",
    "read_mask",
    "read_photo",
    "reconstruct",
    "refuted",
    "to_meters",
]


class _CallableModule(ModuleType):
    """``cvxgeom.reconstruct`` is both the folder and what a user wants to call."""

    __call__: Callable[..., Reconstruction] = staticmethod(reconstruct)


sys.modules[__name__].__class__ = _CallableModule
