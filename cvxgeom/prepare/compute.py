"""Everything that is stored of one shape, computed from its mesh."""

from dataclasses import replace

import numpy as np
import torch
import trimesh
from scipy import ndimage

from ..data import Arrays, Facts, Solid, normalize, sample_surface, solidify
from ..data.records import DEPTH_UNIT
from ..render import Camera, rays
from ..render.mesh_maps import embree_scene
from .config import NEAR_SIGMAS, PrepareConfig
from .item import Item, Loaded
from .views import depth_cameras

# A point of the surface lies on the boundary if one of these lengths away from it, along the normal, is outside. The
# first finds narrow gaps; the second is beyond the thickness that a single sheet is given when it is made solid.
_PROBES = (0.002, 0.006)
_ROUNDS = 20
# A shape is thin if less than this share of its cells of side 1/128 has only such cells beside it. Of the 542 shapes of
# the furniture set, which were judged otherwise, 92 % fall to the same side.
_CORE, _CORE_GRID = 0.4, 128
_LABELS_AT_ONCE = 1 << 18


def compute(item: Item, loaded: Loaded, config: PrepareConfig) -> tuple[Facts, Arrays]:
    """Points, labels, grid and depth maps of a shape.

    Args:
        item: says what it is.
        loaded: the shape.
        config: how much of everything.

    Returns:
        Facts and arrays; those that the source brought along stay as they are.

    Raises:
        ValueError: the shape cannot be used; the message says why.

    Example:
        >>> box = Item("box", "train", lambda: Loaded(trimesh.creation.box((1, 2, 4))), Facts("box"))
        >>> facts, arrays = compute(box, box.load(), PrepareConfig(n_uniform=100, n_views=1))
        >>> facts.scale, bool(arrays.uniform_occupancy.all()), arrays.depth.shape
        (0.25, True, (1, 224, 224))
    """
    if loaded.mesh is None:
        frame = loaded.frame
        known = {} if frame is None else {"center": tuple(frame.center.tolist()), "scale": frame.scale}
        return replace(item.facts, cameras_known=loaded.cameras_known, **known), loaded.arrays
    mesh, frame = normalize(loaded.mesh)
    if loaded.frame is not None:
        frame = loaded.frame
        mesh.vertices = frame.apply(np.asarray(loaded.mesh.vertices, dtype=np.float64))
    solid = solidify(mesh)
    made = loaded.arrays
    if made.uniform is None:
        made = _with_uniform(made, solid, config, item.id)
    if made.surface is None or made.near is None:
        made = _with_surface(made, mesh, solid, config, item.id)
    if made.grid is None:
        made = replace(made, grid=_grid(solid, config.grid))
    if made.bounds is None:
        made = replace(made, bounds=solid.bounds)
    if made.depth is None and config.n_views:
        cameras = depth_cameras(radius(mesh), config.n_views, config.depth_size)
        made = replace(made, depth=depth_maps(mesh, cameras), **camera_arrays(cameras))
    fill = item.facts.fill or _fill(made.grid)
    center = tuple(float(x) for x in frame.center)
    facts = replace(
        item.facts, fill=fill, exact=solid.exact, center=center, scale=frame.scale, cameras_known=loaded.cameras_known
    )
    return facts, made


def radius(mesh: trimesh.Trimesh) -> float:
    """Distance of the farthest vertex from the origin."""
    return float(np.linalg.norm(mesh.vertices, axis=1).max())


def boundary_points(
    mesh: trimesh.Trimesh, solid: Solid, n: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Points drawn evenly from those parts of a mesh that bound its solid, not from what is hidden inside.

    Args:
        mesh: object frame.
        solid: made of it.
        n: how many.
        random: decides.

    Returns:
        Points (n, 3) and outward normals (n, 3). Where both sides are outside, as on a sheet, the normal is the
        triangle's.

    Example:
        >>> box = trimesh.creation.box()
        >>> nested = trimesh.util.concatenate([box, box.copy().apply_scale(0.5)])
        >>> points, _ = boundary_points(nested, solidify(nested), 100, np.random.default_rng(0))
        >>> bool(np.allclose(np.abs(points).max(axis=1), 0.5))
        True
    """
    points, normals, wanted = [], [], n
    for _ in range(_ROUNDS):
        seed = int(random.integers(2**62))
        drawn, outward = (x.numpy() for x in sample_surface(mesh, wanted + 100, seed, dtype=torch.float64))
        front = _is_outside(solid, drawn, outward)
        back = ~front
        back[back] = _is_outside(solid, drawn[back], -outward[back])
        points += [drawn[front], drawn[back]]
        normals += [outward[front], -outward[back]]
        found = sum(map(len, points))
        if found >= n:
            break
        wanted = min(n, int((n - found) * len(front) / max(1, (front | back).sum())))
    if not found:
        raise ValueError("no part of the surface bounds the solid; it is thinner than can be told")
    chosen = random.permutation(found)[:n] if found >= n else random.integers(found, size=n)
    return np.concatenate(points)[chosen], np.concatenate(normals)[chosen]


def depth_maps(mesh: trimesh.Trimesh, cameras: list[Camera]) -> np.ndarray:
    """Depth of a mesh as cameras see it, in steps of `DEPTH_UNIT`; 0 in the background.

    Args:
        mesh: object frame.
        cameras: where from, all of one size.

    Returns:
        (V, h, w) uint16, sampled at pixel centers by embree.

    Raises:
        ImportError: embreex is not installed.

    Example:
        >>> maps = depth_maps(trimesh.creation.box(), [Camera(position=(0, 0, 3), size=(9, 9))])
        >>> int(maps[0, 4, 4])
        25000
    """
    # As it lies, not about its middle: maps of equal seeds must stay equal to the last step.
    scene = embree_scene(mesh.triangles)
    maps = []
    for camera in cameras:
        width, height = camera.size
        origins, directions = rays(camera)
        distance = scene.run(origins.numpy(), directions.numpy(), query="DISTANCE")
        forward = camera.extrinsics[2, :3].float()
        depth = np.where(distance < 1e6, distance, 0.0) * (directions @ forward).numpy()
        maps.append(np.round(depth / DEPTH_UNIT).astype(np.uint16).reshape(height, width))
    return np.stack(maps)


def camera_arrays(cameras: list[Camera], prefix: str = "") -> dict[str, np.ndarray]:
    """Matrices of cameras, by the names of their arrays."""
    return {
        f"{prefix}intrinsics": np.stack([camera.intrinsics.numpy() for camera in cameras]),
        f"{prefix}extrinsics": np.stack([camera.extrinsics.numpy() for camera in cameras]),
    }


def _with_uniform(made: Arrays, solid: Solid, config: PrepareConfig, identifier: str) -> Arrays:
    low, high = solid.bounds
    random = config.random(identifier, "uniform")
    points = (low + (high - low) * random.random((config.n_uniform, 3))).astype(np.float32)
    labels = solid.contains(points)
    if not labels.any():
        raise ValueError(f"none of {config.n_uniform} points in its bounding box is inside; it is too thin to be used")
    return replace(made, uniform=points, uniform_occupancy=labels)


def _with_surface(made: Arrays, mesh: trimesh.Trimesh, solid: Solid, config: PrepareConfig, identifier: str) -> Arrays:
    random, n = config.random(identifier, "surface"), config.n_surface
    points, normals = boundary_points(mesh, solid, n + config.n_near, random)
    if made.surface is None:
        made = replace(made, surface=points[:n], surface_normals=normals[:n])
    if made.near is None:
        sigmas = random.permutation(np.repeat(NEAR_SIGMAS, config.n_near // len(NEAR_SIGMAS)))
        moved = (points[n:] + sigmas[:, None] * random.standard_normal((config.n_near, 3))).astype(np.float32)
        made = replace(made, near=moved, near_occupancy=solid.contains(moved))
    return made


def _grid(solid: Solid, n: int) -> np.ndarray:
    axis = (np.arange(n) + 0.5) / n - 0.5
    low, high = solid.bounds
    ranges = [np.flatnonzero((axis >= a) & (axis <= b)) for a, b in zip(low, high)]
    grid = np.zeros((n, n, n), dtype=bool)
    slab = max(1, _LABELS_AT_ONCE // max(1, len(ranges[1]) * len(ranges[2])))
    for first in range(0, len(ranges[0]), slab):
        block = np.ix_(ranges[0][first : first + slab], ranges[1], ranges[2])
        x, y, z = (axis[index] for index in block)
        cells = np.stack(np.broadcast_arrays(x, y, z), axis=-1)
        grid[block] = solid.contains(cells.reshape(-1, 3)).reshape(cells.shape[:3])
    return grid


def _fill(grid: np.ndarray | None) -> str:
    """Whether a shape is "solid" or "thin"; "" where its grid is of another resolution."""
    if grid is None or len(grid) != _CORE_GRID:
        return ""
    return "thin" if ndimage.binary_erosion(grid).sum() < _CORE * grid.sum() else "solid"


def _is_outside(solid: Solid, points: np.ndarray, direction: np.ndarray) -> np.ndarray:
    outside = np.zeros(len(points), dtype=bool)
    for length in _PROBES:
        left = ~outside
        outside[left] = ~solid.contains(points[left] + length * direction[left])
    return outside
