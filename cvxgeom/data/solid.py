"""What tells inside from outside: a mesh made solid."""

from dataclasses import dataclass, field

import numpy as np
import torch
import trimesh
from jaxtyping import Bool, Float, Num

from .._checks import describe, is_whole
from .closed import ClosedVolume
from .flood import FloodedVolume
from .weld import closed_surface, used_vertices, weld

# Of its longest side and of its coordinates: beyond, areas and volumes overflow, and shapes in single precision do.
_SMALLEST, _LARGEST = 1e-35, 1e35
_FACES = 100_000  # faces looked at at once


@dataclass(frozen=True, eq=False)
class Solid:
    """A set of points in space, known by membership, with a closed mesh as its boundary. Made by :func:`solidify`.

    Attributes:
        surface: the mesh as it was given, open or not.
        exact: whether the surface is closed, so that membership is a fact about it and not an estimate.
        method: one phrase on how inside and outside are told apart.

    Example:
        >>> solid = solidify(trimesh.creation.box())
        >>> solid.exact, solid.volume, solid.contains(np.zeros((1, 3))).tolist()
        (True, 1.0, [True])
    """

    surface: trimesh.Trimesh
    exact: bool
    method: str
    _volume: ClosedVolume | FloodedVolume = field(repr=False)

    def contains(self, points: Num[np.ndarray, "N 3"] | Num[torch.Tensor, "N 3"]) -> Bool[np.ndarray, " N"]:
        """Which points are inside; one on the boundary itself may count as either.

        Args:
            points: (N, 3) in the frame of ``surface``; an array, or a tensor on any device.

        Returns:
            (N,) bool. 100,000 points take hundredths of a second if ``exact``, else some tenths.

        Raises:
            ValueError: ``points`` is not (N, 3). A NaN point is outside.
        """
        array = np.asarray(points.detach().cpu() if isinstance(points, torch.Tensor) else points)
        if array.ndim != 2 or array.shape[1] != 3:
            raise ValueError(f"points must have shape (N, 3), got {describe(points)}")
        return self._volume.contains(array.astype(np.float64))

    @property
    def bounds(self) -> Float[np.ndarray, "2 3"]:
        """(2, 3) lowest and highest corner of a box that holds the solid."""
        return self._volume.bounds

    @property
    def volume(self) -> float:
        """Volume, cube of the length unit: that of ``mesh`` where it is exact, else by sampling (within about 1 %)."""
        return self._volume.volume

    @property
    def mesh(self) -> trimesh.Trimesh:
        """The boundary as a closed mesh, outward oriented, in the frame of ``surface``.

        Exact solids: the closed surface itself, its components united if each is a manifold. Others: marching cubes on
        a grid twice as fine as ``resolution``, so walls thinner than one of its cells are only roughly as thick here.
        """
        return self._volume.mesh

    @property
    def cover(self) -> tuple[Float[np.ndarray, "M 3"], float]:
        """Cubes that together hold the whole solid: lowest corners (M, 3) and their common side."""
        return self._volume.cover


def solidify(mesh: trimesh.Trimesh, resolution: int = 128) -> Solid:
    """Make a mesh solid, so that every point is either inside or outside.

    A closed surface is taken at its word: a point is inside where the winding number is not 0. Components that
    overlap are united, a shell within another one is a cavity if it is oriented as one, and what is inside out is
    turned. Duplicate vertices and faces and inconsistent orientation do not matter. A surface around less than 1e-4 of
    its longest side, in the mean, counts as a sheet.

    Any other mesh (most of those on the web) is flooded from outside, see :class:`FloodedVolume`: gaps narrower than a
    cell are sealed, hollows that are closed off are filled, single sheets get the thickness of one cell.

    Args:
        mesh: at least one face; any frame and unit. It is not changed.
        resolution: cells along the longest side, for meshes that are not closed; 16 to 256.

    Returns:
        The solid, in the mesh's frame. Takes tenths of a second.

    Raises:
        TypeError: ``mesh`` is not a trimesh.Trimesh, or ``resolution`` not an integer.
        ValueError: the mesh is empty, has NaN or infinite vertices, zero volume (all of it lies in one plane), or a
            size or place that numbers cannot hold (beyond 1e-35 to 1e35); or ``resolution`` is out of range.

    Example:
        >>> box = trimesh.creation.box()
        >>> torn = trimesh.Trimesh(box.triangles.reshape(-1, 3), np.arange(36).reshape(-1, 3)[1:], process=False)
        >>> solidify(box).exact, solidify(torn, resolution=16).exact
        (True, False)
    """
    if not isinstance(mesh, trimesh.Trimesh):
        raise TypeError(f"mesh must be a trimesh.Trimesh, got {describe(mesh)}")
    if not is_whole(resolution):
        raise TypeError(f"resolution must be an integer, got {describe(resolution)}")
    if not 16 <= resolution <= 256:
        raise ValueError(f"resolution must be between 16 and 256 cells, got {resolution}")
    _check_extent(mesh)
    welded = weld(mesh)
    closed = closed_surface(welded)
    if closed is not None:
        return Solid(mesh, True, "winding number of the closed surface", ClosedVolume(closed))
    state = "closed but as thin as a sheet" if welded.is_watertight else "not closed"
    method = f"flood from outside at {resolution} cells along the longest side, because the surface is {state}"
    return Solid(mesh, False, method, FloodedVolume(welded, int(resolution)))


def _check_extent(mesh: trimesh.Trimesh) -> None:
    if not len(mesh.faces):
        raise ValueError("mesh must have faces, got an empty mesh")
    used, faces = used_vertices(np.asarray(mesh.faces))
    vertices = np.asarray(mesh.vertices, dtype=np.float64)[used]
    if not np.isfinite(vertices).all():
        raise ValueError("mesh must have finite vertices, got some that are NaN or infinite")
    longest, farthest = np.ptp(vertices, axis=0).max(), np.abs(vertices).max()
    if farthest > _LARGEST or 0 < longest < _SMALLEST:
        raise ValueError(
            f"mesh must have coordinates of at most {_LARGEST:g} and a longest side of at least {_SMALLEST:g}, "
            f"got up to {farthest:.3g} and {longest:.3g}; choose another unit"
        )
    spread = np.linalg.svd(vertices - vertices.mean(axis=0), compute_uv=False)
    if len(vertices) < 4 or spread[2] <= 1e-9 * spread[0]:
        raise ValueError("mesh must have a volume, got zero volume: all of its faces lie in one plane")
    for start in range(0, len(faces), _FACES):
        a, b, c = np.moveaxis(vertices[faces[start : start + _FACES]], 1, 0)
        if np.linalg.norm(np.cross(b - a, c - a), axis=1).max() > 1e-12 * longest**2:
            return
    raise ValueError("mesh must have a volume, got zero volume: none of its faces has an area")
