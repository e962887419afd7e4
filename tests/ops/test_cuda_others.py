"""Rays, training indicators and grids on the CUDA kernels, as in test_cuda.py, against the reference."""

import math

import pytest
import torch

import cvxgeom
from cvxgeom import ops

from .on_cuda import DEVICE, ON_GPU, _triton, on_cuda, on_device, reference
from .shapes import random_planes, random_points
from .test_cpu_threads import everything
from .test_evidence import scene

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy, inside the interpreter, about NaN and ∞

grid = pytest.importorskip("cvxgeom.ops.grid.cuda")
training = pytest.importorskip("cvxgeom.ops.training.cuda")


def launched(monkeypatch, module):
    """The names of the Triton kernels that a module launches from now on."""
    names = []

    def launch(kernel, *arguments, **options):
        names.append(kernel.fn.__name__)
        return _triton.launch(kernel, *arguments, **options)

    monkeypatch.setattr(module, "launch", launch)
    return names


# -- rays -------------------------------------------------------------------------------------------------------------


def rays(*batch, n, dtype=torch.float64):
    origins = 2 * random_points(*batch, n=n, dtype=dtype)
    return origins, random_points(*batch, n=n, seed=3, dtype=dtype) - origins


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("k", "h", "n"), [(1, 1, 1), (3, 8, 63), (70, 4, 65), (5, 12, 300)])
def test_the_same_hits(dtype, k, h, n):
    scene = (*rays(n=n, dtype=dtype), *random_planes(k=k, h=h, dtype=dtype)[:3])
    got, want = on_cuda("raycast", *scene), reference("raycast", *scene)
    assert torch.equal(got.part, want.part) and torch.equal(got.hit, want.hit)
    torch.testing.assert_close(got.distance, want.distance)
    torch.testing.assert_close(got.normals, want.normals)


def test_a_batch_of_rays_and_the_first_of_equal_parts():
    planes = [torch.cat([t, t], dim=1) for t in random_planes(2, k=3, h=6)[:3]]
    hits = on_cuda("raycast", *rays(2, n=150), *planes)
    want = reference("raycast", *rays(2, n=150), *planes)
    assert hits.hit.any() and hits.part.max() < 3 and torch.equal(hits.part, want.part)


def test_derivatives_of_rays_are_those_of_the_reference():
    scene = (*rays(n=80), *random_planes(k=3, h=6)[:3])
    found = []
    for run in (on_cuda, reference):
        inputs = [t.clone().requires_grad_() for t in scene]
        hits = run("raycast", *inputs)
        found.append(torch.autograd.grad(hits.distance[hits.hit].sin().sum() + hits.normals.sum(), inputs))
    for got, want in zip(*found):
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_ray_that_is_no_ray_hits_nothing(bad):
    scene = [*rays(n=130), *random_planes(k=3, h=6)[:3]]
    clean = on_cuda("raycast", *scene)
    scene[0][7, 2] = bad
    scene[1][99, 2] = bad
    hits = on_cuda("raycast", *scene)
    others = torch.ones(130, dtype=torch.bool)
    others[[7, 99]] = False
    assert not hits.hit[~others].any()
    for a, b in zip(hits, clean):
        assert torch.equal(a[others], b[others])


def test_planes_with_nan_and_huge_rays():
    scene = [*rays(n=130), *(t.clone() for t in random_planes(k=3, h=6)[:3])]
    scene[0][5] *= 1e200
    scene[3][1, 2] = math.nan
    for a, b in zip(on_cuda("raycast", *scene), reference("raycast", *scene)):
        torch.testing.assert_close(a, b)


# -- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("k", "h", "n", "n_guides"), [(1, 4, 1, 3), (3, 7, 64, 4), (4, 5, 300, 0), (2, 6, 130, 5)])
def test_training_indicators(dtype, k, h, n, n_guides):
    points, planes = random_points(2, n=n, dtype=dtype), random_planes(2, k=k, h=h, dtype=dtype)
    occupancy = (points.norm(dim=-1) < 0.6).to(dtype)
    inputs = [t.clone().requires_grad_() for t in (points, *planes)]
    want = ops.training.reference.training_indicators(*inputs, occupancy=occupancy, n_guides=n_guides)
    grads = [torch.linspace(-3, 5, v.numel(), dtype=dtype).sin().reshape(v.shape) for v in want]
    slopes = torch.autograd.grad(sum((v * g).sum() for v, g in zip(want, grads)), inputs)
    found = on_device(training.forward, points, *planes, occupancy, n_guides=n_guides)
    for got, w in zip(found[:3], want, strict=True):
        torch.testing.assert_close(got, w.detach())
    got = on_device(training.backward, 15, tuple(grads), found, points, *planes, occupancy)
    for g, w in zip(got, slopes, strict=True):
        torch.testing.assert_close(g, w, rtol=1e-4 if dtype == torch.float32 else 1e-10, atol=1e-5)
    some = on_device(training.backward, 1, tuple(grads), found, points, *planes, occupancy)
    assert torch.equal(some[0], got[0]) and all(g.numel() == 0 for g in some[1:])


@pytest.mark.parametrize("n_guides", [0, 7])
def test_the_public_training_op_runs_on_these_kernels(n_guides, monkeypatch):
    names = launched(monkeypatch, training)
    inputs = random_points(2, n=150), *random_planes(2, k=3, h=6)
    occupancy = (inputs[0].norm(dim=-1) < 0.6).double()
    found = []
    for run in (on_cuda, reference):
        leaves = [t.clone().requires_grad_() for t in inputs]
        values = run("training_indicators", *leaves, occupancy=occupancy, n_guides=n_guides)
        # Outside of the block: a backward pass stays with the kernels of its forward pass.
        found.append([*values, *torch.autograd.grad(sum(v.sin().sum() for v in values), leaves)])
        assert names == ["training_forward", "training_backward"]
    for got, want in zip(*found, strict=True):
        torch.testing.assert_close(got, want)


def test_double_backward_of_training():
    inputs = [t.requires_grad_() for t in (random_points(n=4), *random_planes(k=2, h=4))]
    occupancy = torch.ones(4, dtype=torch.float64)
    found = []
    for run in (on_cuda, reference):
        values = run("training_indicators", *inputs, occupancy=occupancy, n_guides=2)
        first = torch.autograd.grad(sum(v.sin().sum() for v in values), inputs, create_graph=True)
        found.append(torch.autograd.grad(sum(g.square().sum() for g in first), inputs))
    for got, want in zip(*found):
        torch.testing.assert_close(got, want)


def test_training_with_nan_is_never_silently_a_number():
    points, planes = random_points(n=150), [t.clone() for t in random_planes(k=2, h=5)]
    occupancy = torch.ones(150, dtype=torch.float64)
    points[70, 1] = math.nan
    union, total, guides, *_ = found = on_device(training.forward, points, *planes, occupancy, n_guides=2)
    others = torch.arange(150) != 70
    assert union[70].isnan() and total[70].isnan() and guides.isnan().any()
    assert torch.isfinite(union[others]).all() and torch.isfinite(total[others]).all()
    grads = torch.ones_like(union), torch.ones_like(total), torch.zeros_like(guides)
    to_points, *to_planes = on_device(training.backward, 15, grads, found, points, *planes, occupancy)
    assert to_points[70].isnan().all() and torch.isfinite(to_points[others]).all()
    assert all(t.isnan().any() for t in to_planes)


# -- grids ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("size", "truncation"), [((9, 5, 17), math.inf), ((20, 9, 8), 0.1), ((1, 1, 1), 0.2)])
def test_grids(dtype, size, truncation):
    planes = random_planes(2, k=3, h=6, dtype=dtype)[:4]
    arguments = ((-0.8, -0.7, -0.6), (0.08, 0.1, 0.11), size, truncation, *planes)
    want = ops.grid.reference.sample_grid(*arguments)
    torch.testing.assert_close(on_device(grid.sample_grid, *arguments), want)


def test_the_public_grid_op_runs_on_this_kernel(monkeypatch):
    names = launched(monkeypatch, grid)
    arguments = ((-0.8, -0.7, -0.6), 0.1, (9, 10, 11), *random_planes(2, k=3, h=6)[:4], 0.2)
    got = on_cuda("sample_grid", *arguments)
    assert names == ["cube_boxes", "grid_cubes"]
    torch.testing.assert_close(got, reference("sample_grid", *arguments))
    assert names == ["cube_boxes", "grid_cubes"]


def test_a_grid_far_from_the_origin_and_one_with_nan():
    normals, offsets, translations, smoothness, _ = random_planes(k=3, h=6, dtype=torch.float32)
    far = ((299.4, 299.5, 299.6), (0.1, 0.1, 0.1), (12, 9, 8), 0.15)
    planes = (normals, offsets, translations + 300, smoothness)
    want = ops.grid.reference.sample_grid(*far, *planes)
    torch.testing.assert_close(on_device(grid.sample_grid, *far, *planes), want, rtol=1e-4, atol=1e-4)
    offsets[1, 2] = math.nan
    near = ((-0.6, -0.5, -0.4), (0.1, 0.1, 0.1), (12, 9, 8), 0.05)
    assert on_device(grid.sample_grid, *near, normals, offsets, translations, smoothness).isnan().all()


# -- shapes -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not ON_GPU, reason="needs a GPU")
def test_a_shape_on_a_gpu_has_its_polytopes_and_mesh_on_the_cpu():
    box = cvxgeom.box().to(DEVICE)
    assert box.polytopes()[0].vertices.device.type == "cpu"
    assert cvxgeom.to_trimesh(box, surface="union").volume == pytest.approx(1.0)


# -- depth evidence ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [1, 255, 1000])
def test_evidence_is_that_of_the_reference_to_the_bit(n, dtype):
    inputs = scene(n, dtype=dtype)
    inputs[0][0, 0] = math.nan
    for got, want in zip(on_cuda("depth_evidence", *inputs), reference("depth_evidence", *inputs), strict=True):
        assert torch.equal(got, want) and (n == 1 or want.isfinite().any())


def test_evidence_of_batches_that_broadcast_and_of_strided_points():
    points, depth, cameras = scene(300)
    points = points[:1].mT.contiguous().mT
    for got, want in zip(*(run("depth_evidence", points, depth, cameras) for run in (on_cuda, reference)), strict=True):
        assert got.shape == (2, 300) and torch.equal(got, want)


# -- CUDA graphs ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not ON_GPU, reason="needs a GPU")
@pytest.mark.parametrize("n", [50, 3000])
def test_all_ops_and_their_derivatives_in_a_cuda_graph(n):
    """Which forbids that anything is read back to the host on the way."""
    inputs = [t.to(DEVICE) for t in (random_points(n=n), *random_planes(k=4, h=9))]
    others = [t.to(DEVICE) for t in (random_points(n=n, seed=5), *random_planes(k=4, h=9, seed=6))]
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        everything(inputs[0], inputs[1:])  # compiles the kernels
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        captured = everything(inputs[0], inputs[1:])
    for mine, other in zip(inputs, others, strict=True):
        mine.copy_(other)
    graph.replay()
    for got, want in zip(captured, everything(others[0], others[1:]), strict=True):
        torch.testing.assert_close(got, want)
