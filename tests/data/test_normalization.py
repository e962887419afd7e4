"""The unit frame and the way back."""

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from cvxgeom.data import Normalization, normalize

coordinates = st.floats(-1e3, 1e3)
frames = st.builds(
    lambda x, y, z, scale: Normalization(np.array([x, y, z]), scale),
    coordinates,
    coordinates,
    coordinates,
    st.floats(1e-3, 1e3),
)


@given(frames, st.lists(st.tuples(coordinates, coordinates, coordinates), min_size=1, max_size=5))
def test_there_and_back(frame: Normalization, points: list[tuple[float, float, float]]) -> None:
    array = np.array(points)
    np.testing.assert_allclose(frame.invert(frame.apply(array)), array, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(frame.apply(array), array @ frame.matrix[:3, :3].T + frame.matrix[:3, 3], atol=1e-6)
    tensor = torch.from_numpy(array)
    np.testing.assert_allclose(frame.apply(tensor).numpy(), frame.apply(array))
    np.testing.assert_allclose(frame.invert(tensor).numpy(), frame.invert(array))


def test_tensors_keep_type_and_gradient() -> None:
    frame = Normalization(np.array([1.0, 2.0, 3.0]), 0.25)
    points = torch.zeros(2, 4, 3, requires_grad=True)
    unit = frame.apply(points)
    assert unit.dtype == torch.float32
    assert unit.shape == (2, 4, 3)
    unit.sum().backward()
    torch.testing.assert_close(points.grad, torch.full_like(points, 0.25))


@given(st.tuples(*[st.floats(0.01, 100)] * 3), st.tuples(coordinates, coordinates, coordinates))
def test_normalized_meshes_are_centered_and_of_size_one(extents: tuple, center: tuple) -> None:
    mesh = trimesh.creation.box(extents).apply_translation(center)
    before = mesh.vertices.copy()
    unit, frame = normalize(mesh)
    np.testing.assert_allclose(unit.bounds.mean(axis=0), 0, atol=1e-9)
    assert unit.extents.max() == pytest.approx(1)
    np.testing.assert_array_equal(mesh.vertices, before)
    np.testing.assert_allclose(frame.invert(np.asarray(unit.vertices)), before, atol=1e-9)


def test_the_frame_is_a_value() -> None:
    center = np.zeros(3)
    frame = Normalization(center, 1.0)
    center[0] = 7.0
    assert frame.center.tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="read-only"):
        frame.center[0] = 1.0


@pytest.mark.parametrize("center", [np.zeros(2), np.array([0, 0, np.nan])])
def test_a_center_must_be_a_point(center: np.ndarray) -> None:
    with pytest.raises(ValueError, match="center must be three finite numbers"):
        Normalization(center, 1.0)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf"), float("nan")])
def test_a_scale_must_be_positive(scale: float) -> None:
    with pytest.raises(ValueError, match="scale must be a finite number greater than 0"):
        Normalization(np.zeros(3), scale)


def test_what_has_no_size_cannot_be_normalized() -> None:
    with pytest.raises(ValueError, match="longest side greater than 0"):
        normalize(trimesh.Trimesh([[1, 1, 1]] * 3, [[0, 1, 2]], process=False))
    with pytest.raises(ValueError, match="longest side greater than 0"):
        Normalization.of_box(np.array([[0, 0, 0], [np.inf, 1, 1]]))
    with pytest.raises(ValueError, match="mesh must have faces"):
        normalize(trimesh.Trimesh())
    with pytest.raises(TypeError, match=r"mesh must be a trimesh\.Trimesh"):
        normalize(np.zeros((3, 3)))  # type: ignore[arg-type]
