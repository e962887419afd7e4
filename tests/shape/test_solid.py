"""Boolean union of polytopes: closed, of the right volume, and every triangle on a plane of its part."""

import os
from pathlib import Path

import manifold3d
import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cvxgeom.shape import solid
from cvxgeom.shape.polytope import polytopes
from cvxgeom.shape.solid import UnionSolid, to_manifold, unite, unite_bodies

from .test_polytope import CUBE, random_planes, seeds


def cubes(*centers: tuple[float, float, float]) -> tuple[Tensor, Tensor, Tensor]:
    """Planes of cubes of side 2."""
    n = len(centers)
    normals, offsets = torch.from_numpy(np.tile(CUBE, (n, 1, 1))), -torch.ones(n, 6, dtype=torch.float64)
    return normals, offsets, torch.tensor(centers, dtype=torch.float64)


def assert_valid(union: UnionSolid, normals: Tensor, offsets: Tensor, translations: Tensor) -> None:
    mesh = trimesh.Trimesh(union.vertices, union.triangles, process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert union.volume == pytest.approx(mesh.volume, rel=1e-9)
    assert union.volume == pytest.approx(union.manifold.volume(), rel=1e-9)
    size = np.ptp(union.vertices, axis=0).max()
    for part in np.unique(union.parts):
        corners = union.vertices[union.triangles[union.parts == part]] - translations[part].numpy()
        heights = np.abs(corners @ normals[part].numpy().T + offsets[part].numpy())
        assert heights.max(axis=1).min(axis=1).max() < 1e-9 * size  # of each triangle, the plane it is nearest to


def test_two_cubes() -> None:
    planes = cubes((0, 0, 0), (1, 0.5, 0.25))
    union = unite(polytopes(*planes))
    assert union.volume == pytest.approx(16 - 1 * 1.5 * 1.75, rel=1e-12)
    assert set(union.parts) == {0, 1} and not union.is_empty
    assert_valid(union, *planes)
    assert repr(union) == f"UnionSolid({len(union.vertices)} vertices, {len(union.triangles)} triangles, volume 13.375)"


def test_parts_that_touch_repeat_or_hide() -> None:
    planes = cubes((0, 0, 0), (2, 0, 0), (0, 0, 0), (9, 0, 0))
    union = unite(polytopes(*planes))
    assert union.volume == pytest.approx(24, rel=1e-12)
    assert_valid(union, *planes)
    offsets = planes[1] * torch.tensor([[1.0], [0.5], [0.1], [1.0]])  # the second touches nothing, the third hides
    hidden = unite(polytopes(planes[0], offsets, planes[2]))
    assert hidden.volume == pytest.approx(8 + 1 + 8, rel=1e-12)
    assert set(hidden.parts) == {0, 1, 3}


def test_parts_that_are_not_bounded_are_left_out() -> None:
    normals, offsets, translations = cubes((0, 0, 0), (0, 0, 0), (5, 0, 0))
    normals[1] = normals[1, :1]
    union = unite(polytopes(normals, offsets, translations))
    assert union.volume == pytest.approx(16, rel=1e-12) and set(union.parts) == {0, 2}
    for nothing in (unite(polytopes(normals[1:2], offsets[1:2], translations[1:2])), unite([])):
        assert nothing.is_empty and nothing.volume == 0.0 and nothing.manifold.is_empty()
        assert nothing.vertices.shape == nothing.triangles.shape == (0, 3) and nothing.parts.shape == (0,)


@settings(max_examples=15)
@given(seeds, st.integers(2, 12), st.sampled_from([1e-9, 1.0, 1e9]))
def test_inclusion_and_exclusion(seed: int, n: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    normals, offsets = (torch.from_numpy(np.stack(a)) for a in zip(*(random_planes(rng, 15) for _ in range(n))))
    shifts = torch.from_numpy(rng.uniform(-0.5, 0.5, (n, 3)))
    planes = normals, scale * offsets, scale * shifts
    bodies = polytopes(*planes)
    union = unite(bodies)
    assert_valid(union, *planes)
    one, other = unite(bodies[:1]), unite(bodies[1:])
    both = (one.manifold ^ other.manifold).volume()
    assert union.volume == pytest.approx(one.volume + other.volume - both, rel=1e-8)
    assert one.volume == pytest.approx(float(bodies[0].volume), rel=1e-12)


def test_union_of_learned_convexes() -> None:
    default = Path(__file__).parents[2] / ".." / "shared" / "data" / "cvxnet_example.npz"
    path = Path(os.environ.get("CVXGEOM_CVXNET_EXAMPLE", default))
    if not path.exists():
        pytest.skip(f"the CvxNet authors' example is not at {path}; set CVXGEOM_CVXNET_EXAMPLE")
    with np.load(path) as file:
        planes, shifts = (torch.from_numpy(file[name][0].astype(np.float64)) for name in ("planes", "trans"))
    bodies = polytopes(planes[..., :3], planes[..., 3], shifts)
    assert all(body.is_bounded for body in bodies)
    union = unite(bodies)
    assert union.volume == pytest.approx(0.0074123, abs=1e-6)
    assert_valid(union, planes[..., :3], planes[..., 3], shifts)
    moved = unite(polytopes(planes[..., :3], planes[..., 3], shifts + 1e4))
    assert moved.volume == pytest.approx(union.volume, rel=1e-8)


def test_gradients_are_left_behind() -> None:
    normals, offsets, translations = cubes((0, 0, 0), (1, 0, 0))
    assert unite(polytopes(normals.requires_grad_(), offsets, translations)).volume == pytest.approx(12)


def test_bodies_keep_their_names() -> None:
    box = trimesh.creation.box()
    ball = trimesh.creation.icosphere(subdivisions=1, radius=0.3).apply_translation([0.5, 0, 0])
    union = unite_bodies({7: (box.vertices, box.faces), 3: (ball.vertices, ball.faces)})
    assert set(union.parts) == {3, 7}
    assert 1 < union.volume < 1 + ball.volume


def test_a_body_that_the_engine_will_not_take_becomes_the_hull_of_its_vertices(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> manifold3d.Manifold:
        raise ValueError

    monkeypatch.setattr(solid, "to_manifold", refuse)
    planes = cubes((0, 0, 0), (1, 0.5, 0.25))
    union = unite(polytopes(*planes))
    assert union.volume == pytest.approx(13.375, rel=1e-12)
    assert_valid(union, *planes)


def test_wrong_meshes() -> None:
    box = trimesh.creation.box()
    with pytest.raises(ValueError, match="mesh must be a closed oriented manifold, got one that is not: NotManifold"):
        to_manifold(box.vertices, box.faces[1:])
    with pytest.raises(ValueError, match=r"triangles of mesh must have shape \(N, 3\)"):
        to_manifold(box.vertices, box.faces[:, :2])
    with pytest.raises(ValueError, match=r"vertices of lid must have shape \(N, 3\)"):
        to_manifold(box.vertices[0], box.faces, name="lid")
    with pytest.raises(ValueError, match="body 4 must be a closed oriented manifold"):
        unite_bodies({1: (box.vertices, box.faces), 4: (box.vertices, box.faces[1:])})
