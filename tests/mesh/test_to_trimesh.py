"""Meshes of exact parts and of their union, and what is refused."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cvxgeom
from cvxgeom.mesh import EmptyShapeError, to_trimesh
from cvxgeom.shape.palette import part_color
from tests.mesh.shapes import nothing, random_shape, slab, two_boxes

EXAMPLE = Path(
    os.environ.get(
        "CVXGEOM_CVXNET_EXAMPLE", Path(__file__).parents[2].parent / "shared" / "data" / "cvxnet_example.npz"
    )
)


def plane_distances(shape: cvxgeom.ConvexUnion, part: int, points: np.ndarray) -> np.ndarray:
    """(N, H) values of n·(x − t) + d."""
    tensors = (shape.normals[part], shape.offsets[part], shape.translations[part])
    normals, offsets, translation = (tensor.double().numpy() for tensor in tensors)
    return (points - translation) @ normals.T + offsets


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 8))
def test_parts_are_closed_convex_and_on_their_planes(seed, k):
    shape = random_shape(k=k, seed=seed)
    polytopes = shape.polytopes()
    meshes = to_trimesh(shape)
    assert [mesh.metadata["part"] for mesh in meshes] == list(range(k))
    for part, mesh in enumerate(meshes):
        assert mesh.is_watertight and mesh.euler_number == 2
        assert mesh.volume == pytest.approx(float(polytopes[part].volume), rel=1e-9)
        distances = plane_distances(shape, part, mesh.triangles.reshape(-1, 3)).reshape(len(mesh.faces), 3, -1)
        assert distances.max() < 1e-9
        own = distances[np.arange(len(mesh.faces)), :, mesh.face_attributes["halfspace"]]
        assert np.abs(own).max() < 1e-9
        used = np.array([i for polygon in mesh.metadata["polygons"] for i in polygon])
        assert set(used) == set(range(len(mesh.vertices)))


def test_parts_are_named_colored_and_say_what_they_are():
    box, other = to_trimesh(two_boxes(), "parts")
    assert (box.metadata["name"], other.metadata["name"]) == ("part_00", "part_01")
    assert box.metadata["status"] == "bounded" and "exact" in box.metadata["surface"]
    assert (box.visual.face_colors[:, :3] == part_color(0)).all()
    assert (other.visual.face_colors[:, :3] == part_color(1)).all()
    assert sorted(map(len, box.metadata["polygons"])) == [4] * 6
    assert len(box.faces) == 12 and (other.face_attributes["part"] == 1).all()


def test_union_of_two_boxes():
    union = to_trimesh(two_boxes(), "union")
    assert union.is_watertight and union.euler_number == 2
    assert union.volume == pytest.approx(2 - 1 / 8, abs=1e-12)
    assert union.area == pytest.approx(2 * 6 - 6 / 4, abs=1e-12)
    assert union.metadata["name"] == "union" and "union" in union.metadata["surface"]


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_union_keeps_part_ids_and_lets_nothing_stand_inside(seed):
    shape = random_shape(k=5, seed=seed)
    union = to_trimesh(shape, "union")
    assert union.is_watertight and union.is_winding_consistent
    parts, centers = union.face_attributes["part"], union.triangles_center
    for part in range(5):
        largest = plane_distances(shape, part, centers).max(axis=1)
        assert largest[parts != part].min(initial=np.inf) > -1e-9  # outside of every other part
        assert np.abs(largest[parts == part]).max(initial=0) < 1e-9  # on the surface of its own
    expected = np.array([part_color(part) for part in parts])
    assert (union.visual.face_colors[:, :3] == expected).all()


def test_boxes_apart_touching_nested_and_repeated():
    apart = cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(center=(3, 0, 0))])
    assert to_trimesh(apart, "union").body_count == 2
    touching = cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(center=(1, 0, 0))])
    union = to_trimesh(touching, "union")
    assert union.is_watertight and (union.volume, union.area) == (pytest.approx(2), pytest.approx(10))
    nested = to_trimesh(cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(size=0.5)]), "union")
    assert nested.volume == pytest.approx(1) and set(nested.face_attributes["part"]) == {0}
    twice = to_trimesh(cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box()]), "union")
    assert twice.is_watertight and twice.volume == pytest.approx(1)


def test_float32_parts_far_from_the_origin_stay_closed():
    shape = random_shape().to(torch.float32).translate((100.0, 0.0, 0.0))
    assert all(mesh.is_watertight for mesh in to_trimesh(shape))
    assert to_trimesh(shape, "union").is_watertight


def test_meshes_of_a_shape_that_learns():
    shape = random_shape(k=2)
    learning = cvxgeom.ConvexUnion(
        *(
            getattr(shape, name).clone().requires_grad_()
            for name in ("normals", "offsets", "translations", "smoothness")
        ),
        75.0,
    )
    for surface in ("parts", "union", "smooth", "grid"):
        to_trimesh(learning, surface, resolution=16)


@pytest.mark.parametrize("surface", ["parts", "union", "smooth", "grid"])
def test_what_is_not_bounded_is_left_out_and_named(surface, caplog):
    shape = cvxgeom.concatenate([nothing(), cvxgeom.box(), slab()])
    with caplog.at_level(logging.WARNING, logger="cvxgeom"):
        found = to_trimesh(shape, surface, resolution=16)
    mesh = found[0] if isinstance(found, list) else found
    assert set(mesh.face_attributes["part"]) == {1}
    assert set(mesh.metadata["skipped"]) == {0, 2}
    assert "part_00 is left out of the mesh" in caplog.text and "part_02 is left out of the mesh" in caplog.text
    assert mesh.volume == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("surface", ["parts", "union", "smooth", "grid"])
def test_nothing_to_mesh_is_an_error(surface):
    with pytest.raises(EmptyShapeError, match="no part that can be meshed"):
        to_trimesh(cvxgeom.concatenate([nothing(), slab()]), surface)
    with pytest.raises(EmptyShapeError, match="no convexes"):
        to_trimesh(cvxgeom.box().select([]), surface)


def test_wrong_arguments():
    with pytest.raises(TypeError, match="shape must be a ConvexUnion, got str"):
        to_trimesh("chair")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"to_trimesh needs a single shape, got batch axes \(2,\)"):
        to_trimesh(cvxgeom.stack([cvxgeom.box(), cvxgeom.box()]))
    with pytest.raises(ValueError, match="surface must be one of 'parts', 'union', 'smooth', 'grid', got 'nice'"):
        to_trimesh(cvxgeom.box(), "nice")
    with pytest.raises(ValueError, match="center_gap moves exact planes"):
        to_trimesh(cvxgeom.box(), "grid", center_gap=True)
    with pytest.raises(ValueError, match="tolerance must be a finite number greater than 0, got 0"):
        to_trimesh(cvxgeom.box(), "smooth", tolerance=0.0)
    with pytest.raises(ValueError, match="tolerance must be at least 1e-6 of the longest side"):
        to_trimesh(cvxgeom.box(), "smooth", tolerance=1e-7)
    for resolution in (1, 2.5, True):
        with pytest.raises(ValueError, match="resolution must be an integer of at least 2"):
            to_trimesh(cvxgeom.box(), "grid", resolution=resolution)  # type: ignore[call-overload]


@pytest.mark.skipif(not EXAMPLE.exists(), reason=f"the CvxNet authors' file is not at {EXAMPLE}")
def test_the_authors_example():
    # The volume comes from another route: qhull half-space intersections, hulls, and a union, outside of cvxgeom.
    shape = cvxgeom.load(EXAMPLE)
    parts = to_trimesh(shape)
    assert len(parts) == 50 and all(mesh.is_watertight for mesh in parts)
    union = to_trimesh(shape, "union")
    assert union.is_watertight
    assert union.volume == pytest.approx(0.0074123, abs=1e-6)
