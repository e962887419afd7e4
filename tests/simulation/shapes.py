"""Vessels and rings as unions of convexes, in meters with z up: what only works where hollows stay hollow."""

import numpy as np
import torch

import cvxgeom
from cvxgeom import ConvexUnion


def turned(profile: list[tuple[float, float]], n: int) -> list[ConvexUnion]:
    """A convex profile (radius, height) turned about the z axis: n convex pieces."""
    pieces = []
    for i in range(n):
        corners = []
        for angle in (2 * np.pi * i / n, 2 * np.pi * (i + 1) / n):
            corners += [[r * np.cos(angle), r * np.sin(angle), z] for r, z in profile]
        pieces.append(cvxgeom.hull(torch.tensor(corners, dtype=torch.float64)))
    return pieces


def bowl(n: int = 16) -> ConvexUnion:
    """Half a hollow ball of outer radius 0.1 and wall 0.01, its rim at z = 0.1, on a flat foot."""
    angles = np.linspace(-np.pi / 2, 0, 5)
    inner, outer = ([(r * np.cos(a), 0.1 + r * np.sin(a)) for a in angles] for r in (0.09, 0.1))
    walls = [piece for i in range(4) for piece in turned([inner[i], outer[i], inner[i + 1], outer[i + 1]], n)]
    foot = cvxgeom.box(size=(0.08, 0.08, 0.01), center=(0, 0, 0.005)).to(torch.float64)
    return cvxgeom.concatenate([*walls, foot])


def mug(n: int = 16) -> ConvexUnion:
    """A wall of inner radius 0.035 and height 0.1, a bottom, and a handle of three boxes."""
    wall = turned([(0.035, 0.0), (0.04, 0.0), (0.035, 0.1), (0.04, 0.1)], n)
    angles = 2 * np.pi * np.arange(n) / n
    rim = np.stack([0.04 * np.cos(angles), 0.04 * np.sin(angles)], axis=1)
    corners = np.concatenate([np.pad(rim, ((0, 0), (0, 1)), constant_values=z) for z in (0.0, 0.008)])
    bottom = cvxgeom.hull(torch.from_numpy(corners))
    handle = [
        cvxgeom.box(size=size, center=center).to(torch.float64)
        for size, center in (
            ((0.03, 0.01, 0.01), (0.052, 0, 0.025)),
            ((0.03, 0.01, 0.01), (0.052, 0, 0.075)),
            ((0.01, 0.01, 0.06), (0.065, 0, 0.05)),
        )
    ]
    return cvxgeom.concatenate([*wall, bottom, *handle])


def torus(n: int = 24) -> ConvexUnion:
    """A ring of radius 0.1 and thickness 0.04 around the z axis."""
    angles = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    return cvxgeom.concatenate(turned([(0.1 + 0.02 * np.cos(a), 0.02 * np.sin(a)) for a in angles], n))
