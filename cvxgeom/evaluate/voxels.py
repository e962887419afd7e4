"""A solid as cubes of a regular grid: what carving, averaging and retrieval predict."""

from dataclasses import dataclass

import numpy as np
import torch
import trimesh
from jaxtyping import Bool, Float
from torch import Tensor

from .._checks import check_tensor, describe


@dataclass(frozen=True, eq=False)
class VoxelShape:
    """Cubes of a grid, each solid or empty; everything outside of the grid is empty.

    Args:
        occupancy: which cubes are solid, along x, y and z.
        low: lowest corner of the grid, object frame.
        cell: sides of a cube, lengths along x, y and z.

    Raises:
        TypeError: ``occupancy`` is not a boolean tensor.
        ValueError: it has not three axes, or ``cell`` is not three positive lengths.

    Example:
        >>> block = VoxelShape(torch.ones(2, 2, 2, dtype=torch.bool), torch.zeros(3), torch.full((3,), 0.5))
        >>> block.contains(torch.tensor([[0.9, 0.1, 0.5], [1.1, 0.1, 0.5]]))
        tensor([ True, False])
    """

    occupancy: Bool[Tensor, "x y z"]
    low: Float[Tensor, "3"]
    cell: Float[Tensor, "3"]

    def __post_init__(self) -> None:
        if not isinstance(self.occupancy, Tensor) or self.occupancy.dtype != torch.bool:
            raise TypeError(f"occupancy must be a boolean tensor, got {describe(self.occupancy)}")
        if self.occupancy.ndim != 3:
            raise ValueError(f"occupancy must have three axes, got {describe(self.occupancy)}")
        check_tensor("cell", self.cell, (3,))
        if not bool((self.cell > 0).all() & self.cell.isfinite().all()):
            raise ValueError(f"cell must be three finite lengths greater than 0, got {self.cell.tolist()}")

    @classmethod
    def of_unit_cube(cls, occupancy: Bool[Tensor, "n n n"]) -> "VoxelShape":
        """The grid of a data set: as many cubes along each axis, over [−½, ½]³."""
        return cls(occupancy, torch.full((3,), -0.5), torch.full((3,), 1 / len(occupancy)))

    def contains(self, points: Float[Tensor, "N 3"]) -> Bool[Tensor, " N"]:
        """Which points lie in a solid cube."""
        index = ((points - self.low.to(points)) / self.cell.to(points)).floor()
        size = torch.tensor(self.occupancy.shape, dtype=points.dtype)
        inside = ((index >= 0) & (index < size)).all(dim=-1)
        x, y, z = index.masked_fill(~inside[:, None], 0).long().unbind(-1)
        return self.occupancy[x, y, z] & inside

    def mesh(self) -> trimesh.Trimesh:
        """The boundary by marching cubes through the middles of the cubes, closed.

        Raises:
            ValueError: no cube is solid.
        """
        if not bool(self.occupancy.any()):
            raise ValueError("occupancy must have a solid cube to have a boundary, got none")
        padded = np.pad(self.occupancy.numpy().astype(np.float32), 1)
        cell = self.cell.double().numpy()
        return marching_cubes(padded, self.low.double().numpy() - cell / 2, cell)


def marching_cubes(
    values: np.ndarray, low: np.ndarray, cell: np.ndarray | float, level: float = 0.5
) -> trimesh.Trimesh:
    """The surface where values at the nodes of a grid pass a level; inside is where they are greater.

    Args:
        values: (x, y, z) at the nodes.
        low: the first node, object frame.
        cell: distance of neighboring nodes, one number or one for each axis.
        level: which surface.
    """
    from skimage.measure import marching_cubes as march

    vertices, triangles, _, _ = march(values, level, gradient_direction="ascent")
    return trimesh.Trimesh(low + cell * vertices.astype(np.float64), triangles, process=False)
