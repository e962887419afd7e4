"""A small prepared data set of shapes that can be worked out by hand."""

import math
from pathlib import Path

import numpy as np
import torch

import cvxgeom
from cvxgeom.data import Arrays, Facts, write_dataset
from cvxgeom.metrics import sample_boundary
from cvxgeom.render import Camera, render_maps
from cvxgeom.shape import ConvexUnion

N_VIEWS, SIDE, GRID = 6, 64, 32
DIRECTIONS = torch.nn.functional.normalize(
    torch.tensor([[1.0, 1, 1], [-1, -1, -1], [1, 0.2, -1], [-1, 0.3, 1], [0.1, 1, 0.2], [0.2, -1, 0.1]]), dim=1
)


def block(*size: float) -> ConvexUnion:
    return cvxgeom.box(size)


def table() -> ConvexUnion:
    """A top on a wide foot, in a box of (1, 0.6, 0.8)."""
    top = cvxgeom.box((1.0, 0.2, 0.8), center=(0, 0.2, 0))
    return cvxgeom.concatenate([top, cvxgeom.box((0.4, 0.4, 0.4), center=(0, -0.1, 0))])


def arrays(shape: ConvexUnion, seed: int = 0) -> Arrays:
    """What ``cvxgeom prepare`` would store of a shape."""
    rng = np.random.default_rng(seed)
    corners = torch.cat([polytope.vertices for polytope in shape.polytopes()])
    bounds = torch.stack([corners.amin(dim=0), corners.amax(dim=0)]).numpy().astype(np.float32)
    points = rng.uniform(bounds[0], bounds[1], (4000, 3)).astype(np.float32)
    axis = (torch.arange(GRID) + 0.5) / GRID - 0.5
    grid = shape.contains(torch.cartesian_prod(axis, axis, axis)).reshape(GRID, GRID, GRID)
    surface, normals = sample_boundary(shape, 2000, seed)
    distance = float(corners.norm(dim=1).max()) / math.sin(math.radians(20)) * 1.02
    depth, intrinsics, extrinsics = [], [], []
    for direction in DIRECTIONS:
        camera = Camera(position=tuple((direction * distance).tolist()), field_of_view=40.0, size=(SIDE, SIDE))
        seen = render_maps(shape, camera).depth
        depth.append(torch.where(seen.isfinite(), seen * 1e4, 0).round().numpy().astype(np.uint16))
        intrinsics.append(camera.intrinsics.numpy())
        extrinsics.append(camera.extrinsics.numpy())
    depth = np.stack(depth)
    silhouette = np.where(depth > 0, np.uint8(255), np.uint8(0))[..., None]
    return Arrays(
        bounds=bounds,
        uniform=points,
        uniform_occupancy=shape.contains(torch.from_numpy(points)).numpy(),
        surface=surface.astype(np.float32),
        surface_normals=normals.astype(np.float32),
        grid=grid.numpy(),
        depth=depth,
        intrinsics=np.stack(intrinsics),
        extrinsics=np.stack(extrinsics),
        rgb=np.concatenate([silhouette // 2] * 3 + [silhouette], axis=-1),
        rgb_depth=depth,
        rgb_intrinsics=np.stack(intrinsics),
        rgb_extrinsics=np.stack(extrinsics),
    )


def small_dataset(folder: Path) -> Path:
    """Blocks and tables in three splits."""
    solid, thin = Facts("block", fill="solid", furniture=True), Facts("table", fill="thin", furniture=True)
    other = Facts("block", fill="solid")
    splits = {
        "train": {
            "block-a": (solid, arrays(block(1.0, 0.5, 0.5))),
            "table-a": (thin, arrays(table())),
            "block-z": (other, arrays(block(0.3, 1.0, 0.3))),
        },
        "val": {"block-b": (solid, arrays(block(1.0, 0.6, 0.4))), "table-b": (thin, arrays(table(), 1))},
        "test": {
            "block-c": (solid, arrays(block(1.0, 0.4, 0.6))),
            "table-c": (thin, arrays(table(), 2)),
            "block-y": (other, arrays(block(0.4, 1.0, 0.4))),
        },
    }
    folder.mkdir(exist_ok=True)
    write_dataset(folder, splits)
    return folder
