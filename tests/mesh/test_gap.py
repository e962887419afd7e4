"""The gap between smooth and exact surfaces."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cvxgeom
from cvxgeom.mesh import surface_gap, to_trimesh
from tests.mesh.shapes import nothing, random_shape, slab


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), smoothness=st.sampled_from([50.0, 300.0, 3000.0]))
def test_gap_lies_between_zero_and_its_bound(seed, smoothness):
    shape = random_shape(k=2, smoothness=smoothness, seed=seed)
    gap = surface_gap(shape, tolerance=5e-3)
    np.testing.assert_allclose(gap.bound, np.log(18) / smoothness)
    ok = np.isfinite(gap.mean)
    assert ok.any() or smoothness < 100
    assert (gap.least[ok] >= 0).all() and (gap.least[ok] <= gap.mean[ok]).all()
    assert (gap.mean[ok] <= gap.greatest[ok]).all() and (gap.greatest[ok] <= gap.bound[ok]).all()


def test_gap_of_a_box():
    # Far from all edges one plane counts and the gap vanishes; at a corner three do: log(3)/δ.
    gap = surface_gap(cvxgeom.box())
    assert gap.least[0] < 1e-12
    assert gap.greatest[0] == pytest.approx(np.log(3) / 1000, rel=1e-3)
    assert gap.mean[0] < 1e-5
    assert gap.center[0] == pytest.approx((gap.least[0] + gap.greatest[0]) / 2)


def test_gap_is_a_length():
    shape = random_shape(k=1)
    one, ten = surface_gap(shape, tolerance=1e-3), surface_gap(shape.scale(10), tolerance=1e-2)
    for name in ("least", "mean", "greatest", "bound", "center"):
        np.testing.assert_allclose(10 * getattr(one, name), getattr(ten, name), rtol=1e-6, atol=1e-12)


def test_centering_moves_planes_inward_by_the_center_of_the_gap():
    shape = random_shape(k=3, smoothness=60.0)
    gap = surface_gap(shape)
    for before, after, shift in zip(to_trimesh(shape), to_trimesh(shape, center_gap=True), gap.center):
        for mesh, moved in ((before, 0.0), (after, shift)):
            part = mesh.metadata["part"]
            local = mesh.triangles_center - shape.translations[part].numpy()
            own = mesh.face_attributes["halfspace"]
            distance = (local * shape.normals[part].numpy()[own]).sum(axis=1) + shape.offsets[part].numpy()[own]
            np.testing.assert_allclose(distance, -moved, atol=1e-9)
    exact, centered = to_trimesh(shape, "union"), to_trimesh(shape, "union", center_gap=True)
    assert centered.volume < exact.volume


def test_parts_without_a_surface_have_no_gap_and_stay():
    thin = cvxgeom.box(size=(1, 1, 0.001))
    shape = cvxgeom.concatenate([nothing(), thin, slab(), cvxgeom.box()])
    gap = surface_gap(shape)
    assert np.isnan(gap.mean).tolist() == [True, True, True, False]
    assert np.isfinite(gap.bound).all()
    meshes = to_trimesh(shape, center_gap=True)
    assert [mesh.metadata["part"] for mesh in meshes] == [1, 3]
    assert meshes[0].volume == pytest.approx(0.001) and meshes[1].volume < 1
    assert np.isnan(surface_gap(slab()).center).all()


def test_wrong_arguments():
    with pytest.raises(ValueError, match="surface_gap needs a single shape"):
        surface_gap(cvxgeom.stack([cvxgeom.box()]))
    with pytest.raises(TypeError, match="shape must be a ConvexUnion, got a tensor"):
        surface_gap(torch.zeros(3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tolerance must be a finite number greater than 0"):
        surface_gap(cvxgeom.box(), tolerance=-1.0)
