"""A solid as a scanner would see it: one closed surface, and no trace of how it was built."""

import manifold3d
import numpy as np
import trimesh
from scipy import ndimage
from skimage.measure import marching_cubes

from ..data import Solid

RESOLUTION = 256
# Of a cell. So much blur takes most of the steps off, and leaves plates of one cell and rods of two.
_BLUR = 0.6
_TOLERANCE = 0.4
_BATCH = 200_000


def scan_like(solid: Solid, resolution: int = RESOLUTION) -> trimesh.Trimesh:
    """The outer surface of the largest connected piece of a solid, by marching cubes, simplified.

    Inside or outside is asked at the middles of cells; the answers are blurred by 0.6 of a cell, and what marching
    cubes makes of them is simplified to within 0.4 of a cell. Plates of one cell and rods of two survive. Cavities are
    filled, because nobody sees them, so that the mesh is one component, closed and without self-intersections.

    Args:
        solid: any.
        resolution: cells along the longest side.

    Returns:
        A closed manifold mesh in the solid's frame.

    Raises:
        ValueError: the solid is thinner than a cell everywhere.

    Example:
        >>> ring = trimesh.creation.annulus(r_min=0.6, r_max=1.0, height=0.2)
        >>> scan = scan_like(cvxgeom.data.solidify(ring), resolution=48)
        >>> scan.is_watertight, scan.body_count, scan.euler_number
        (True, 1, 0)
    """
    low, high = np.asarray(solid.bounds, dtype=np.float64)
    cell = float((high - low).max()) / resolution
    origin = low - 2 * cell
    occupied = _occupancy(solid, origin, cell, tuple((np.ceil((high - low) / cell).astype(int) + 4).tolist()))
    labels, n_pieces = ndimage.label(occupied)  # pyright: ignore[reportGeneralTypeIssues]
    if not n_pieces:
        raise ValueError(f"solid must be thicker than a cell, {cell:.3g}, somewhere")
    largest = 1 + np.bincount(labels.ravel())[1:].argmax()
    body = ndimage.binary_fill_holes(labels == largest)
    smooth = ndimage.gaussian_filter(np.asarray(body, dtype=np.float32), _BLUR)
    vertices, faces, _, _ = marching_cubes(smooth, 0.5, gradient_direction="ascent")
    vertices = (vertices.astype(np.float64) + 0.5) * cell + origin
    surface = manifold3d.Manifold(manifold3d.Mesh64(vertices, faces.astype(np.uint64)))
    # Blur may cut off what hung on by a corner.
    pieces = surface.simplify(_TOLERANCE * cell).decompose()
    if not pieces:
        raise ValueError(f"solid must be thicker than a cell, {cell:.3g}, somewhere")
    found = max(pieces, key=lambda piece: piece.volume()).to_mesh64()
    return trimesh.Trimesh(np.array(found.vert_properties), np.array(found.tri_verts, dtype=np.int64), process=False)


def _occupancy(solid: Solid, origin: np.ndarray, cell: float, shape: tuple[int, ...]) -> np.ndarray:
    """Which cells have their middle inside; only those near the cubes that hold the solid are asked."""
    corners, side = solid.cover
    near = np.zeros(shape, dtype=bool)
    first = np.floor((corners - origin) / cell - 0.5).astype(int)
    n = int(np.ceil(side / cell)) + 2
    for step in np.ndindex(n, n, n):
        near[tuple((first + step).clip(0, np.array(shape) - 1).T)] = True
    asked = np.argwhere(near)
    occupied = np.zeros(shape, dtype=bool)
    for some in np.array_split(asked, 1 + len(asked) // _BATCH):
        occupied[tuple(some.T)] = solid.contains((some + 0.5) * cell + origin)
    return occupied
