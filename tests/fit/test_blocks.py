"""Blocks of neighboring points: the same answers as asking every point."""

import numpy as np
import pytest

from cvxgeom.fit.blocks import PointBlocks, covering, spatial_order
from cvxgeom.fit.parts import Part


@pytest.fixture
def parts() -> list[Part]:
    rng = np.random.default_rng(0)
    return [Part.around(rng.random(3) + 0.3 * rng.random((30, 3))) for _ in range(20)]


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 5000])
def test_a_part_holds_what_it_holds(parts: list[Part], n: int) -> None:
    points = np.random.default_rng(1).random((n, 3), dtype=np.float32) * 1.3
    blocks = PointBlocks(points)
    for margin in (0.0, 0.05):
        found = [np.sort(blocks.inside(part, margin)).tolist() for part in parts]
        assert found == [part.inside(points, margin).tolist() for part in parts]
    inside, count = covering(parts, blocks)
    assert count.tolist() == sum((part.holds(points) for part in parts), np.zeros(n, dtype=int)).tolist()
    assert sum(map(len, inside)) == count.sum() and (n < 5000 or count.max() > 1)


def test_points_on_a_face_are_found_and_box_sides_left_out() -> None:
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, 9, dtype=np.float32)] * 3), axis=-1).reshape(-1, 3)
    blocks, cube = PointBlocks(grid), Part.around(0.25 + 0.5 * (np.argwhere(np.ones((2, 2, 2)))))
    assert len(blocks.inside(cube)) == 5**3
    assert len(blocks.near(np.full(3, 0.25), np.full(3, 0.75))) == 3**3


def test_neighbors_on_the_curve_are_neighbors_in_space() -> None:
    points = np.random.default_rng(2).random((4096, 3)) * (1, 1, 0.1)
    order = spatial_order(points)
    assert np.sort(order).tolist() == list(range(4096))
    steps = np.linalg.norm(np.diff(points[order], axis=0), axis=1)
    assert steps.mean() < 0.15 * np.linalg.norm(np.diff(points, axis=0), axis=1).mean()
