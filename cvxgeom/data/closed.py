"""The inside of a closed surface, exactly."""

from functools import cached_property

import manifold3d
import numpy as np
import trimesh
from scipy import ndimage

from .raster import cells_in_space
from .weld import is_one_piece
from .winding import WindingNumber

_COVER = 64  # cells along the longest side in the cover
_FULL = 0.01  # of the cover at least is inside, if need be after its cells are split, so that drawing points ends
_MOST_CUBES = 300_000
_FACES = 100_000  # faces sorted into cells at once: of millions, the temporaries would take gigabytes
_COLUMNS = 1 << 16  # lines that measure a volume which booleans cannot


class ClosedVolume:
    """The points that a closed surface winds around.

    Args:
        surface: closed and outward oriented, as :func:`closed_surface` returns it; its components may overlap.

    Example:
        >>> box = trimesh.creation.box()
        >>> round(ClosedVolume(trimesh.util.concatenate([box, box.copy().apply_translation([0.5, 0, 0])])).volume, 9)
        1.5
    """

    def __init__(self, surface: trimesh.Trimesh) -> None:
        self._surface = surface
        self._winding = WindingNumber(np.asarray(surface.vertices), np.asarray(surface.faces))
        self.bounds = np.array(surface.bounds)

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Whether points (N, 3), in the mesh's frame, are inside: (N,) bool."""
        return self._winding(points) != 0

    @cached_property
    def mesh(self) -> trimesh.Trimesh:
        """The surface with its components united and its cavities cut out.

        Where a component is not a manifold by itself, booleans are out of reach and the surface is returned as it is.
        """
        if is_one_piece(self._surface):
            return self._surface
        pieces = self._surface.split(only_watertight=False)
        bodies = [_body(piece) for piece in pieces]
        if any(body.status() != manifold3d.Error.NoError for body in bodies):
            return self._surface
        filled = [body for body in bodies if body.volume() > 0]
        hollow = [_body(piece, turned=True) for piece, body in zip(pieces, bodies) if body.volume() < 0]
        united = manifold3d.Manifold.batch_boolean(filled, manifold3d.OpType.Add)
        if hollow:
            united -= manifold3d.Manifold.batch_boolean(hollow, manifold3d.OpType.Add)
        result = united.to_mesh64()
        return trimesh.Trimesh(
            np.array(result.vert_properties), np.array(result.tri_verts, dtype=np.int64), process=False
        )

    @cached_property
    def volume(self) -> float:
        """Volume of the mesh; where that still overlaps itself, from the length of many lines inside (about 0.5 %)."""
        mesh = self.mesh
        winding = self._winding
        if mesh is not self._surface:
            winding = WindingNumber(np.asarray(mesh.vertices), np.asarray(mesh.faces))
        volume, lowest, highest = winding.measure(_COLUMNS)
        return float(mesh.volume) if lowest >= 0 and highest <= 1 else volume

    @cached_property
    def cover(self) -> tuple[np.ndarray, float]:
        """Cubes that together hold the whole solid: lowest corners (M, 3) and side, in the mesh's frame."""
        low, high = self.bounds
        side = float((high - low).max()) / _COVER
        origin = low - 0.5 * side
        shape = tuple((np.ceil((high - low) / side) + 1).astype(int).tolist())
        touched = np.zeros(shape, dtype=bool)
        touched.ravel()[self._touched(origin, side, shape)] = True
        # cells that hang together without a triangle between them are all inside or all outside
        labels = np.empty(shape, dtype=np.int32)
        ndimage.label(~touched, output=labels)
        _, first, region = np.unique(labels, return_index=True, return_inverse=True)
        centers = (np.stack(np.unravel_index(first, shape), axis=1) + 0.5) * side + origin
        filled = self.contains(centers)[region.reshape(shape)]
        cells = np.argwhere(touched | filled)
        rng = np.random.default_rng(0)
        while len(cells) < _MOST_CUBES:
            probes = cells[rng.integers(len(cells), size=5000)] + rng.random((5000, 3))
            if self.contains(probes * side + origin).mean() >= _FULL:
                break
            # hardly any of it is solid: a needle, or a crumb beside something long
            cells = (2 * cells[:, None] + np.argwhere(np.ones((2, 2, 2)))).reshape(-1, 3)
            side, shape = side / 2, tuple(2 * n for n in shape)
            kept = np.isin(np.ravel_multi_index(tuple(cells.T), shape), self._touched(origin, side, shape))
            kept[~kept] = self.contains((cells[~kept] + 0.5) * side + origin)
            cells = cells[kept]
        return cells * side + origin, side

    def _touched(self, origin: np.ndarray, side: float, shape: tuple[int, int, int]) -> np.ndarray:
        """Flat indices of the cells of a grid that the surface touches, ascending."""
        vertices, faces = (np.asarray(self._surface.vertices) - origin) / side, np.asarray(self._surface.faces)
        parts = [faces[start : start + _FACES] for start in range(0, len(faces), _FACES)]
        return np.unique(np.concatenate([np.unique(cells_in_space(vertices[part], shape)[1]) for part in parts]))


def _body(piece: trimesh.Trimesh, turned: bool = False) -> manifold3d.Manifold:
    faces = np.asarray(piece.faces)[:, ::-1] if turned else np.asarray(piece.faces)
    return manifold3d.Manifold(manifold3d.Mesh64(np.array(piece.vertices), np.array(faces, dtype=np.uint64, order="C")))
