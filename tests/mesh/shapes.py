"""Shapes for the tests of meshes."""

import torch

import cvxgeom
from cvxgeom import ConvexUnion
from tests.ops.shapes import random_planes


def random_shape(k: int = 6, h: int = 12, smoothness: float = 200.0, seed: int = 0) -> ConvexUnion:
    """Overlapping random convexes in the unit cube; with that many planes all are bounded."""
    normals, offsets, translations, _, _ = random_planes(k=k, h=h, seed=seed)
    axes = torch.cat([torch.eye(3), -torch.eye(3)]).double()
    normals = torch.cat([normals, axes.expand(k, 6, 3)], dim=1)
    offsets = torch.cat([offsets, offsets.new_full((k, 6), -0.3)], dim=1)
    return ConvexUnion(normals, offsets, translations, torch.full((k,), smoothness).double(), 75.0)


def two_boxes() -> ConvexUnion:
    """Unit boxes that share an eighth."""
    return cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(center=(0.5, 0.5, 0.5))])


def slab() -> ConvexUnion:
    """Two half-spaces: unbounded."""
    return cvxgeom.from_planes(torch.tensor([[0.0, 0, 1], [0, 0, -1]]), torch.tensor([-1.0, -1]))


def nothing() -> ConvexUnion:
    """x ≤ −1 and x ≥ 1: empty."""
    return cvxgeom.from_planes(torch.tensor([[1.0, 0, 0], [-1, 0, 0]]), torch.tensor([1.0, 1]))
