"""Who decomposes: a way from a mesh to convex parts, each under a name."""

import importlib.metadata
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import trimesh

from ..fit.start import union_of_hulls
from ..shape import ConvexUnion, box, hull

Corners = Sequence[np.ndarray]


@dataclass(frozen=True)
class Contender:
    """A way from a mesh to convex parts.

    Args:
        name: on the command line and in files.
        title: in tables.
        decompose: mesh and the most parts (None for as many as it likes) → corners (V, 3) of each part, or a union.
        package: that it needs, besides those that cvxgeom needs.
        capped_like: contender whose number of parts on the same mesh is its cap.
    """

    name: str
    title: str
    decompose: Callable[[trimesh.Trimesh, int | None], Corners | ConvexUnion]
    package: str = ""
    capped_like: str = ""

    @property
    def is_installed(self) -> bool:
        """Whether its package is here."""
        return not self.package or importlib.util.find_spec(self.package) is not None

    @property
    def version(self) -> str:
        """Of its package, else of cvxgeom."""
        from .. import __version__

        return importlib.metadata.version(self.package) if self.package else __version__


def as_union(result: Corners | ConvexUnion) -> ConvexUnion:
    """The union of the hulls of corners, in double precision and with no plane less; a union as it is.

    Parts without a volume are left out: as solids they are nothing.

    Raises:
        ValueError: no part has a volume.

    Example:
        >>> corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
        >>> as_union([corners, corners + 5, corners * [1, 1, 0]]).n_convexes
        2
    """
    if isinstance(result, ConvexUnion):
        return result
    union = union_of_hulls(torch.from_numpy(np.array(corners, dtype=np.float64)) for corners in result)
    if union is None:
        raise ValueError(f"result must have a part with a volume, got {len(result)} parts without any")
    return union


def _ours(mesh: trimesh.Trimesh, _cap: int | None, quality: str) -> ConvexUnion:
    from ..fit import FitConfig, fit

    return fit(mesh, FitConfig.preset(quality)).shape


def _coacd(mesh: trimesh.Trimesh, cap: int | None) -> Corners:
    import coacd

    coacd.set_log_level("error")
    parts = coacd.run_coacd(
        coacd.Mesh(mesh.vertices, mesh.faces), threshold=0.05, max_convex_hull=-1 if cap is None else cap, seed=0
    )
    return [vertices for vertices, _ in parts]


def _vhacd(mesh: trimesh.Trimesh, _cap: int | None) -> Corners:
    return [part["vertices"] for part in trimesh.decomposition.convex_decomposition(mesh)]


def _components(mesh: trimesh.Trimesh, _cap: int | None) -> Corners:
    return [np.asarray(piece.vertices) for piece in mesh.split(only_watertight=False)]


def _hull(mesh: trimesh.Trimesh, _cap: int | None) -> ConvexUnion:
    return hull(torch.from_numpy(np.array(mesh.vertices, dtype=np.float64)))


def _box(mesh: trimesh.Trimesh, _cap: int | None) -> ConvexUnion:
    low, high = mesh.bounds
    return box(tuple((high - low).tolist()), center=tuple(((low + high) / 2).tolist()))


CONTENDERS: Mapping[str, Contender] = {
    contender.name: contender
    for contender in (
        Contender("balanced", "cvxgeom, balanced", partial(_ours, quality="balanced")),
        Contender("fast", "cvxgeom, fast", partial(_ours, quality="fast")),
        Contender("best", "cvxgeom, best", partial(_ours, quality="best")),
        Contender("coacd", "CoACD", _coacd, "coacd"),
        Contender("coacd-capped", "CoACD, as many parts as balanced", _coacd, "coacd", capped_like="balanced"),
        Contender("vhacd", "V-HACD", _vhacd, "vhacdx"),
        Contender("components", "hulls of components", _components),
        Contender("box", "bounding box", _box),
        Contender("hull", "convex hull", _hull),
    )
}
