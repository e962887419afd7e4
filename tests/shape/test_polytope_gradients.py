"""Derivatives of vertices, volume, centroid, inertia, area, bounds and support with respect to the planes."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from cvxgeom.shape.polytope import Polytope, polytopes

from .test_polytope import CUBE, prism, random_planes, unit

DIRECTIONS = torch.tensor([[0.3, 0.5, -0.2], [-0.7, 0.1, 0.9]], dtype=torch.float64)

QUANTITIES: dict[str, Callable[[Polytope], Tensor]] = {
    "vertices": lambda body: body.vertices,
    "volume": lambda body: body.volume,
    "centroid": lambda body: body.centroid,
    "inertia": lambda body: body.inertia,
    "surface_area": lambda body: body.surface_area,
    "bounds": lambda body: body.bounds,
    "support": lambda body: body.support(DIRECTIONS),
}


def leaves(*arrays: np.ndarray) -> tuple[Tensor, ...]:
    """Tensors for one convex that require gradients; the translation is not zero."""
    tensors = [torch.from_numpy(np.array(array, dtype=np.float64)[None]) for array in (*arrays, [0.2, -0.4, 0.1])]
    return tuple(tensor.requires_grad_() for tensor in tensors)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_gradcheck(quantity: str) -> None:
    planes = leaves(*random_planes(np.random.default_rng(2), 12))
    assert gradcheck(lambda *p: QUANTITIES[quantity](polytopes(*p)[0]), planes, eps=1e-7, atol=1e-6, fast_mode=True)


@pytest.mark.parametrize("quantity", ["vertices", "volume", "centroid", "inertia", "surface_area"])
def test_gradgradcheck(quantity: str) -> None:
    normals, offsets = unit(np.random.default_rng(4).normal(size=(4, 3))), -np.ones(4)
    normals[3] = -normals[:3].sum(axis=0)  # a tetrahedron
    planes = leaves(normals, offsets)
    assert gradgradcheck(lambda *p: QUANTITIES[quantity](polytopes(*p)[0]), planes, eps=1e-6, atol=1e-5)


def test_volume_grows_by_the_area_of_the_face_that_moves() -> None:
    size = np.array([1.0, 2.0, 3.0])
    normals, offsets, translations = leaves(CUBE, -np.tile(size / 2, 2))
    polytopes(normals, offsets, translations)[0].volume.backward()
    np.testing.assert_allclose(offsets.grad[0].numpy(), -np.tile([6.0, 3.0, 2.0], 2), rtol=1e-13)
    np.testing.assert_allclose(translations.grad.numpy(), 0, atol=1e-14)


CROWDED = {
    "octahedron": (np.array(list(itertools.product([-1.0, 1.0], repeat=3))) / np.sqrt(3), -np.ones(8)),
    "pyramid": (np.concatenate([prism(7)[0][:7] + np.array([0, 0, 1.0]), [[0, 0, -1.0]]]), np.append(-np.ones(7), 0.0)),
    "cone": (np.concatenate([prism(40)[0][:40] + np.array([0, 0, 3.0]), [[0, 0, -1.0]]]), np.append(-np.ones(40), 0.0)),
}


@pytest.mark.parametrize("name", CROWDED)
@pytest.mark.parametrize("quantity", ["volume", "centroid", "inertia", "surface_area"])
def test_vertices_where_many_faces_meet(name: str, quantity: str) -> None:
    # Any small move of the planes splits such a vertex, in one way or another. The integrals have a derivative all the
    # same, and their second derivative jumps: a difference quotient errs in proportion to the step.
    normals, offsets = CROWDED[name]
    stretch = np.diag([1.0, 0.7, 1.3])
    planes = leaves(unit(normals) @ stretch, offsets)
    value = QUANTITIES[quantity](polytopes(*planes)[0])
    weights = torch.from_numpy(np.random.default_rng(0).normal(size=tuple(value.shape)))
    gradients = torch.autograd.grad((value * weights).sum(), planes)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        moves = [torch.from_numpy(rng.normal(size=tuple(p.shape))) for p in planes]
        ends = []
        for step in (1e-6, -1e-6):
            body = polytopes(*(p.detach() + step * move for p, move in zip(planes, moves)))[0]
            ends.append((QUANTITIES[quantity](body) * weights).sum())
        slope = sum((g * move).sum() for g, move in zip(gradients, moves))
        assert float((ends[0] - ends[1]) / 2e-6) == pytest.approx(float(slope), rel=1e-4, abs=1e-4)


def test_gradients_of_a_needle() -> None:
    # The scale of one axis enters the planes of a needle 1e5 times as strongly as those of the cube it came from.
    axis = torch.tensor(1e-5, dtype=torch.float64, requires_grad=True)
    rotation = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]
    half = torch.stack([torch.ones_like(axis), axis, axis])
    body = polytopes((torch.from_numpy(CUBE) @ rotation)[None], -half.repeat(2)[None], torch.zeros(1, 3).double())[0]
    (slope,) = torch.autograd.grad(body.volume, axis)
    assert float(body.volume.detach()) == pytest.approx(8e-10, rel=1e-9)
    assert float(slope) == pytest.approx(16e-5, rel=1e-6)


def test_almost_redundant_planes_have_bounded_gradients() -> None:
    # A plane along an edge, off by less than what is merged, must not send vertices flying along the edge.
    cut, reach = unit(np.array([1.0, 1.0, 1e-10])), 2 / np.sqrt(2)
    for excess in (0.0, 1e-11, 3e-10, -1e-11):
        planes = leaves(np.concatenate([CUBE, cut[None]]), np.append(-np.ones(6), -reach + excess))
        body = polytopes(*planes)[0]
        gradients = torch.autograd.grad(body.volume, planes)
        np.testing.assert_allclose(gradients[1][0, :6].numpy(), -4, rtol=1e-4)
        assert abs(float(gradients[1][0, 6])) < 1e-3


@pytest.mark.parametrize("noise", [1e-14, 1e-11, 1e-9, 1e-7, 1e-5])
def test_volume_gradients_are_the_face_areas_whatever_the_planes(noise: float) -> None:
    # Nearly parallel planes make vertices swing along the edges between them; the volume must not feel that.
    for seed in range(5):
        rng = np.random.default_rng(seed)
        normals, offsets = (random_planes(rng, 12), (CUBE, -np.ones(6)), prism(9))[seed % 3]
        again = rng.integers(0, len(normals), 8)
        normals = np.concatenate([normals, unit(normals[again] + noise * rng.normal(size=(8, 3)))])
        planes = leaves(normals, np.concatenate([offsets, offsets[again]]))
        body = polytopes(*planes)[0]
        (slopes,) = torch.autograd.grad(body.volume, planes[1])
        vertices, areas = body.vertices.detach().numpy(), np.zeros(len(normals))
        for face, plane in zip(body.faces, body.face_planes):
            corners = vertices[list(face)] - vertices[face[0]]
            areas[plane] = np.linalg.norm(sum(np.cross(a, b) for a, b in itertools.pairwise(corners))) / 2
        np.testing.assert_allclose(slopes[0].numpy(), -areas, atol=1e-6)


def test_only_what_requires_gradients_builds_a_graph() -> None:
    normals, offsets, translations = leaves(*random_planes(np.random.default_rng(0)))
    assert polytopes(normals, offsets, translations)[0].volume.requires_grad
    with torch.no_grad():
        assert not polytopes(normals, offsets, translations)[0].vertices.requires_grad
    frozen = polytopes(normals.detach(), offsets.detach(), translations)[0]
    assert frozen.vertices.requires_grad and not frozen.interior_point.requires_grad
    free = polytopes(normals.detach(), offsets.detach(), translations.detach())[0]
    assert not free.vertices.requires_grad
    assert torch.equal(frozen.vertices.detach(), free.vertices) and frozen.faces == free.faces
    torch.testing.assert_close(frozen.volume.detach(), free.volume, rtol=1e-14, atol=0)


def test_gradients_reach_single_precision_and_skip_what_has_no_vertices() -> None:
    normals = torch.from_numpy(np.stack([CUBE, CUBE[[0, 3] * 3], CUBE[[0] * 6]])).float().requires_grad_()
    offsets = torch.tensor([[-1.0] * 6, [1.0] * 6, [-1.0] * 6], requires_grad=True)
    cube, empty, unbounded = polytopes(normals, offsets, torch.zeros(3, 3))
    (cube.volume + empty.volume).backward()
    assert offsets.grad is not None and offsets.grad.dtype == torch.float32
    assert offsets.grad.tolist() == [[-4.0] * 6, [0.0] * 6, [0.0] * 6]
    assert not unbounded.volume.requires_grad


def test_a_clipped_convex_moves_its_own_faces_only() -> None:
    planes = leaves(np.array([[1.0, 0, 0]]), np.array([-1.0]))
    body = polytopes(*planes, clip_to=[[-2.0, -2.0, -2.0], [3.0, 3.0, 3.0]])[0]
    gradients = torch.autograd.grad(body.volume, planes)
    assert gradients[1].tolist() == [[pytest.approx(-25.0)]]
    np.testing.assert_allclose(gradients[2].numpy(), [[25.0, 0, 0]], atol=1e-12)
