"""Depth evidence: by hand, by its laws, and the kernel against the reference to the bit."""

import math

import pytest
import torch
from torch import Tensor

from cvxgeom.ops import available_backends, backend, depth_evidence

HAS_KERNEL = not available_backends()["cpu"].startswith("does not run")
needs_kernel = pytest.mark.skipif(not HAS_KERNEL, reason=available_backends()["cpu"])


def scene(n: int, views: int = 3, size: tuple[int, int] = (7, 11), dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Two objects: points, depth with background and gaps, cameras that see some of the points."""
    generator = torch.Generator().manual_seed(n)
    points = torch.rand(2, n, 3, generator=generator, dtype=torch.float64) - 0.5
    depth = 2 + torch.rand(2, views, *size, generator=generator, dtype=torch.float64)
    depth[depth > 2.8] = math.inf
    depth[depth < 2.1] = math.nan
    rotation = torch.linalg.qr(torch.randn(2, views, 3, 3, generator=generator, dtype=torch.float64)).Q
    shift = torch.tensor([0.0, 0, 2.5], dtype=torch.float64).expand(2, views, 3)
    intrinsics = torch.tensor([[16.0, 0, size[1] / 2], [0, 16.0, size[0] / 2], [0, 0, 1]], dtype=torch.float64)
    cameras = intrinsics @ torch.cat([rotation, shift[..., None]], dim=-1)
    return [t.to(dtype) for t in (points, depth, cameras)]


def test_one_pixel_by_hand() -> None:
    camera = torch.tensor([[[1.0, 0, 0.5, 0], [0, 1.0, 0.5, 0], [0, 0, 1.0, 0]]])
    points = torch.tensor([[0.0, 0, 1.5], [0.2, 0.1, 2.25], [3.0, 0, 2], [0, 0, -1]])
    hidden, surface = depth_evidence(points, torch.full((1, 1, 1), 2.0), camera)
    assert hidden.tolist() == [-0.5, 0.25, math.inf, math.inf]
    assert surface.tolist() == [0.5, 0.25, math.inf, math.inf]


def test_background_is_empty_and_a_gap_says_nothing() -> None:
    camera = torch.tensor([[[1.0, 0, 0.5, 0], [0, 1.0, 0.5, 0], [0, 0, 1.0, 0]]])
    point = torch.tensor([[0.0, 0, 1.5]])
    assert [float(v) for v in depth_evidence(point, torch.full((1, 1, 1), math.inf), camera)] == [-math.inf, math.inf]
    assert [float(v) for v in depth_evidence(point, torch.full((1, 1, 1), math.nan), camera)] == [math.inf, math.inf]


def test_more_views_know_more() -> None:
    points, depth, cameras = scene(200)
    few = depth_evidence(points, depth[:, :1], cameras[:, :1])
    many = depth_evidence(points, depth, cameras)
    assert bool((many[0] <= few[0]).all()) and bool((many[1] <= few[1]).all())
    assert bool((many[0] < few[0]).any())


def test_batches_broadcast() -> None:
    points, depth, cameras = scene(50)
    both = depth_evidence(points[:1], depth, cameras)
    each = [depth_evidence(points[0], depth[i], cameras[i]) for i in range(2)]
    for i in range(2):
        assert torch.equal(both[0][i], each[i][0]) and torch.equal(both[1][i], each[i][1])


@needs_kernel
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [1, 1023, 1025, 3000])
def test_the_kernel_is_the_reference(n: int, dtype: torch.dtype) -> None:
    inputs = scene(n, dtype=dtype)
    inputs[0][0, 0] = math.nan
    with backend("reference"):
        expected = depth_evidence(*inputs)
    with backend("cpu"):
        found = depth_evidence(*inputs)
        strided = depth_evidence(inputs[0].mT.contiguous().mT, *inputs[1:])
    for a, b, c in zip(expected, found, strided):
        assert torch.equal(a, b) and torch.equal(a, c)
    assert n == 1 or bool(expected[0].isfinite().any())


@needs_kernel
def test_torch_library_knows_the_kernel() -> None:
    torch.library.opcheck(torch.ops.cvxgeom.depth_evidence.default, tuple(scene(30)))


@pytest.mark.parametrize("n", [0, 3])
def test_no_points_or_no_views(n: int) -> None:
    points, depth, cameras = scene(n)
    hidden, surface = depth_evidence(points, depth[:, :0], cameras[:, :0])
    assert hidden.shape == surface.shape == (2, n)
    assert bool((hidden == math.inf).all())


def test_wrong_inputs() -> None:
    points, depth, cameras = scene(4)
    with pytest.raises(ValueError, match=r"cameras must have shape \(\.\.\., 3, 3, 4\)"):
        depth_evidence(points, depth, cameras[:, :2])
    with pytest.raises(ValueError, match="points, depth and cameras must have one dtype"):
        depth_evidence(points.double(), depth, cameras)
    with pytest.raises(TypeError, match="depth must be a floating-point tensor"):
        depth_evidence(points, depth.nan_to_num(0, 0, 0).long(), cameras)
