"""Point clouds as a source: the solid whose surface they lie on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from ..._checks import describe
from ...data import Normalization
from ..split import InsidePoints
from .orientation import FIRM, STICK, flattened, flooded_normals, inside_by, noise_along, tangent_planes
from .target import N_INSIDE, N_SURFACE, Target, as_array, is_flat
from .tetrahedra import Tetrahedra

_FEWEST = 20
_MOST = 30_000  # points that are used of a cloud
_FINEST = 1 / 512  # of the longest side: points nearer to each other are one
_STRAY = 10.0  # spacings in the middle of all: a point so far from others does not count
_SPACING = 6  # neighbor that tells it
_NEIGHBORS, _MORE = 16, 30  # that a plane is fitted to; of a noisy cloud
_NOISY = 0.06  # noise, in spacings, from which on points are moved to the middle of their neighbors
_ROUGH = 0.2  # noise, in spacings, from which on tetrahedra are made anew, even where normals are estimated
_ASKED = 5  # neighbors whose planes decide near the surface, if they agree
_NEAR = 1.5  # spacings
_SPREAD = 0.5  # spacings that points drawn from the surface lie off those of the cloud
_THIN = 0.2  # spacings before and behind, where what belongs to the surface is free and solid


@dataclass(frozen=True, eq=False)
class PointCloud:
    """Points on the surface of a solid, such as a scan: noisy, uneven, with holes.

    With normals, inside and outside are told apart even where large pieces of the surface are missing. Without, normals
    are estimated, and what is outside is found by a flood that does not pass between points as near to each other as
    most; so a wall that is thinner than its points are apart is a matter of luck, and of a scan with large holes a part
    may be lost.

    Args:
        points: (N, 3), array or tensor, at least 20, not all in a plane. Of more than 30,000 a part is used, evenly
            spread; single points far from all others are left out.
        normals: (N, 3) outward; any length but 0.

    Raises:
        ValueError: an argument has another shape, is not finite, or holds too few points or a normal of length 0.

    Example:
        >>> import trimesh
        >>> from cvxgeom.data import sample_surface
        >>> from cvxgeom.fit import PointCloud
        >>> points, normals = sample_surface(trimesh.creation.box((1, 2, 3)), 1000, seed=0)
        >>> result = cvxgeom.fit(PointCloud(points, normals), cvxgeom.FitConfig(n_samples=2000, n_steps=20))
        >>> result.shape.n_convexes, abs(float(result.shape.polytopes()[0].volume) - 6) < 0.1
        (1, True)
    """

    points: Any
    normals: Any = None

    def __post_init__(self) -> None:
        points = _checked("points", self.points)
        if len(points) < _FEWEST:
            raise ValueError(f"points must be at least {_FEWEST}, got {len(points)}")
        object.__setattr__(self, "points", points)
        if self.normals is None:
            return
        normals = _checked("normals", self.normals)
        if len(normals) != len(points):
            raise ValueError(f"normals must be as many as points, {len(points)}, got {len(normals)}")
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        if not length.all():
            raise ValueError(f"normals must not be 0, got {int((length == 0).sum())} of {len(normals)} that are")
        object.__setattr__(self, "normals", normals / length)


def _checked(name: str, given: Any) -> np.ndarray:
    array = as_array(given)
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must have shape (N, 3), got {describe(given)}")
    array = array.astype(np.float64)
    bad = int((~np.isfinite(array)).any(axis=1).sum())
    if bad:
        raise ValueError(f"{name} must be finite, got {bad} of {len(array)} that are NaN or infinite")
    return array


def from_cloud(cloud: PointCloud, seed: int) -> Target:
    """Of a point cloud.

    Raises:
        ValueError: the points lie in a plane, or enclose no volume.
    """
    rng = np.random.default_rng(seed)
    points, normals = _evened(cloud, rng)
    if len(points) < _FEWEST or is_flat(points, 1e-6):
        raise ValueError(f"source must be points around a volume, got {len(cloud.points)} that lie in a plane")
    normalization = Normalization.of_box(np.stack([points.min(axis=0), points.max(axis=0)]))
    surface = _Surface(normalization.apply(points), normals, rng)
    if not surface.inside.any():
        raise ValueError(f"source must be points around a volume, got {len(cloud.points)} that enclose none")
    return Target(
        surface.contains,
        surface.bounds,
        None,
        surface.drawn(N_SURFACE, N_INSIDE, rng),
        normalization,
        None,
    )


def _evened(cloud: PointCloud, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """The points that are used, with their normals: a random one of each cell, no strays, not too many."""
    order = rng.permutation(len(cloud.points))
    longest = float(np.ptp(cloud.points, axis=0).max())
    cell = longest * _FINEST
    while longest > 0:
        cells = np.floor((cloud.points[order] - cloud.points.min(axis=0)) / cell).astype(np.int64)
        kept = order[np.sort(np.unique(cells, axis=0, return_index=True)[1])]
        distance = _nearest(cloud.points[kept], _SPACING + 1)[0][:, -1]
        kept = kept[distance <= _STRAY * np.median(distance)]
        if len(kept) <= _MOST:
            return cloud.points[kept], None if cloud.normals is None else cloud.normals[kept]
        cell *= 1.25
    return cloud.points[:1], None


def _nearest(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances and indices (n, k) of the nearest points of each, itself first."""
    distance, index = KDTree(points).query(points, k=min(k, len(points)))
    return np.asarray(distance), np.asarray(index)


class _Surface:
    """A cloud in the unit frame, cleaned and oriented, and the tetrahedra that it encloses."""

    def __init__(self, points: np.ndarray, normals: np.ndarray | None, rng: np.random.Generator) -> None:
        distance, neighbors = _nearest(points, _MORE)
        spacing = distance[:, _SPACING]
        middle = float(np.median(spacing))
        trust = None
        if normals is None:
            normals, noise = tangent_planes(points, neighbors[:, :_NEIGHBORS], spacing)
            if noise > _NOISY * middle:
                normals, noise = tangent_planes(points, neighbors, spacing)
            normals, trust = flooded_normals(Tetrahedra(points, spacing, rng), normals)
        else:
            noise = noise_along(points, normals, neighbors[:, :_NEIGHBORS])
        noisy = noise > _NOISY * middle
        if trust is not None or not noisy:
            stick = FIRM if trust is None else STICK
            self.space = Tetrahedra(points, spacing, rng)
            self.inside, normals, trust = inside_by(self.space, normals, trust, stick)
        if noisy:
            for _ in range(2):
                points = flattened(points, normals, neighbors, spacing, noise)
            # Tetrahedra between points off their surface hold air. Where sides are known they are made anew, else if
            # there is more to win than to lose: a normal that is wrong makes a hole.
            if trust is None or noise > _ROUGH * middle:
                self.space = Tetrahedra(points, spacing, rng)
                self.inside, normals, _ = inside_by(self.space, normals, trust, FIRM)
        self.points, self.normals, self.spacing = points, normals, spacing
        self.bounds = np.stack([points.min(axis=0), points.max(axis=0)])
        self._tree = KDTree(points)

    def contains(self, queries: np.ndarray) -> np.ndarray:
        """(N,) which points are inside: by their tetrahedra, and near the surface by its planes if these agree.

        At edges tetrahedra end where the points do, and planes go on to the edge itself.
        """
        distance, index = map(np.asarray, self._tree.query(queries, k=_ASKED))
        at = self.space.locate(queries)
        found = self.inside[at] & (at >= 0)
        near = np.flatnonzero(distance[:, 0] < _NEAR * self.spacing[index[:, 0]])
        near_index = index[near]
        heights = np.einsum("nki,nki->nk", queries[near, None] - self.points[near_index], self.normals[near_index])
        found[near] = np.where((heights < 0).all(axis=1), True, np.where((heights > 0).all(axis=1), False, found[near]))
        return found

    def drawn(self, n_surface: int, n_inside: int, rng: np.random.Generator) -> InsidePoints:
        """Points drawn evenly from the surface, with normals, and from the inside."""
        # Where points are further apart, each stands for more of the surface.
        chosen = rng.choice(len(self.points), n_surface, p=self.spacing**2 / (self.spacing**2).sum())
        places, normals, spacing = self.points[chosen], self.normals[chosen], self.spacing[chosen, None]
        moves = spacing * rng.uniform(-_SPREAD, _SPREAD, places.shape)
        moved = places + moves - (moves * normals).sum(axis=1, keepdims=True) * normals
        aside = _THIN * spacing * normals
        beyond_edge = ~self.contains(moved - aside) | self.contains(moved + aside)
        beyond_edge |= ((moved < self.bounds[0]) | (moved > self.bounds[1])).any(axis=1)
        on_surface = np.where(beyond_edge[:, None], places, moved)
        space = self.space
        volumes = np.where(self.inside, space.volumes, 0)
        tetrahedra = space.corners[rng.choice(len(volumes), n_inside, p=volumes / volumes.sum())]
        within = np.einsum("nc,nci->ni", rng.dirichlet(np.ones(4), n_inside), self.points[tetrahedra])
        return InsidePoints.of(on_surface, normals, within)
