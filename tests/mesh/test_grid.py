"""The surface by marching cubes: where its vertices lie, whatever the unit, the place and the number type; memory."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import cvxgeom
from cvxgeom.mesh import EmptyShapeError, to_trimesh
from cvxgeom.ops import _native
from tests.mesh.shapes import nothing, random_shape, two_boxes


def wedge() -> cvxgeom.ConvexUnion:
    """A sharp edge of 10 degrees beside a box: near the edge, max L is far below the distance to the polytope."""
    angle = np.deg2rad(5)
    normals = torch.tensor(
        [[-np.sin(angle), np.cos(angle), 0], [-np.sin(angle), -np.cos(angle), 0], [1, 0, 0], [0, 0, 1], [0, 0, -1]]
    )
    thin = cvxgeom.from_planes(normals, torch.tensor([0.0, 0, -1, -0.3, -0.3]))
    return cvxgeom.concatenate([thin, cvxgeom.box(size=0.3)])


def ends_of_edges(vertices: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The two nodes between which each vertex lies, and the vertices, in cells; those inside a cube are left out."""
    off = np.abs(vertices - vertices.round())
    on_edge = np.sort(off, axis=1)[:, 1] < 1e-4
    vertices, off = vertices[on_edge], off[on_edge]
    own = np.arange(3) == off.argmax(axis=1)[:, None]
    first = np.where(own, np.floor(vertices), vertices.round())
    return torch.from_numpy(first), torch.from_numpy(first + own), torch.from_numpy(vertices)


@pytest.mark.parametrize("make", [two_boxes, random_shape, wedge])
def test_vertices_lie_where_a_line_between_two_nodes_crosses_zero(make):
    shape = make()
    boxes = np.array([polytope.bounds.numpy() for polytope in shape.polytopes()])
    low, high = boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)
    cell = (high - low).max() / 40
    mesh = to_trimesh(shape, "grid", resolution=40)
    first, last, found = ends_of_edges((mesh.vertices - (low - 1.5 * cell)) / cell)
    assert len(found) > 0.99 * len(mesh.vertices)
    start, end = (shape.sdf(torch.from_numpy(low - 1.5 * cell) + cell * ends) for ends in (first, last))
    across = (start < 0) != (end < 0)  # else the vertex is as good as a node, from which other edges go out
    assert across.double().mean() > 0.99
    expected = first + (start / (start - end))[:, None] * (last - first)
    torch.testing.assert_close(found[across], expected[across], rtol=0, atol=3e-3)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e6])
def test_unit_and_place_change_nothing(unit):
    shape = random_shape(k=4)
    still = to_trimesh(shape, "grid", resolution=32)
    moved = to_trimesh(shape.scale(unit).translate((300 * unit, -200 * unit, 100 * unit)), "grid", resolution=32)
    assert moved.is_watertight and len(moved.vertices) == pytest.approx(len(still.vertices), rel=0.01)
    assert moved.volume == pytest.approx(still.volume * unit**3, rel=1e-4)
    np.testing.assert_allclose(moved.bounds / unit, still.bounds + np.array([300, -200, 100]), atol=2e-3)


def test_number_types_give_the_same_surface():
    shape = random_shape(k=4)
    single, double = (to_trimesh(shape.to(dtype), "grid", resolution=32) for dtype in (torch.float32, torch.float64))
    assert single.is_watertight and double.is_watertight
    assert single.volume == pytest.approx(double.volume, rel=1e-5)


def test_what_no_node_hits_is_an_error():
    with pytest.raises(EmptyShapeError, match=r"no node of the grid \(cells of .*\) lies inside the smooth union"):
        to_trimesh(random_shape(k=1, smoothness=2.0), "grid", resolution=16)
    with pytest.raises(EmptyShapeError, match="no part that can be meshed"):
        to_trimesh(nothing(), "grid", resolution=16)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.skipif(_native.LIBRARY is None, reason=_native.SENTENCE)
def test_a_fine_grid_takes_less_than_300_megabytes():
    """In a process of its own, above what it had after a small mesh; 256³ values in float32 alone are 70 MB."""
    code = (
        "import re, cvxgeom\n"
        "from pathlib import Path\n"
        "shape = cvxgeom.box()\n"
        "def kilobytes(name):\n"
        "    return int(re.search(name + r':\\s+(\\d+)', Path('/proc/self/status').read_text()).group(1))\n"
        "cvxgeom.mesh.to_trimesh(shape, 'grid', resolution=16)\n"
        "Path('/proc/self/clear_refs').write_text('5')  # the peak from here on\n"
        "before = kilobytes('VmRSS')\n"
        "cvxgeom.mesh.to_trimesh(shape, 'grid', resolution=256)\n"
        "print('peak', kilobytes('VmHWM') - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(re.search(r"peak (\d+)", done.stdout).group(1)) < 300_000
