"""Solids: closed forms, open soups, and what cannot be made solid."""

import numpy as np
import pytest
import torch
import trimesh

from cvxgeom.data import Solid, solidify
from cvxgeom.data.flood import FloodedVolume
from cvxgeom.data.winding import WindingNumber


def soup(mesh: trimesh.Trimesh, without: np.ndarray | list[int] = ()) -> trimesh.Trimesh:  # type: ignore[assignment]
    """Some triangles of a mesh, sharing no corners."""
    triangles = np.delete(np.array(mesh.triangles), without, axis=0)
    return trimesh.Trimesh(triangles.reshape(-1, 3), np.arange(3 * len(triangles)).reshape(-1, 3), process=False)


def join(*meshes: trimesh.Trimesh) -> trimesh.Trimesh:
    return trimesh.util.concatenate(list(meshes))


def box(extents: tuple = (1, 1, 1), at: tuple = (0, 0, 0), inverted: bool = False) -> trimesh.Trimesh:
    mesh = trimesh.creation.box(extents).apply_translation(at)
    if inverted:
        mesh.invert()
    return mesh


def open_box() -> trimesh.Trimesh:
    """A box of five sheets, without a lid on its +y side."""
    mesh = box()
    mesh.update_faces(mesh.face_normals[:, 1] < 0.5)
    return mesh


def random_points(solid: Solid, n: int = 20_000) -> np.ndarray:
    low, high = solid.bounds
    return np.random.default_rng(0).uniform(low - 0.1, high + 0.1, (n, 3))


def agreement(solid: Solid | FloodedVolume, expected: np.ndarray, points: np.ndarray) -> float:
    inside = solid.contains(points)
    return (inside & expected).sum() / (inside | expected).sum()


# closed surfaces


def test_a_box_in_closed_form() -> None:
    solid = solidify(box((1, 2, 3), (5, 0, 0)))
    points = random_points(solid)
    assert solid.exact
    assert "winding number" in solid.method
    assert solid.volume == pytest.approx(6.0, rel=1e-12)
    np.testing.assert_allclose(solid.bounds, [[4.5, -1, -1.5], [5.5, 1, 1.5]])
    assert (solid.contains(points) == (np.abs(points - [5, 0, 0]) < [0.5, 1, 1.5]).all(axis=1)).all()


def test_a_ball_in_closed_form() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4)
    solid = solidify(ball)
    assert solid.volume == pytest.approx(4 / 3 * np.pi, rel=0.01)
    points = random_points(solid)
    radius = np.linalg.norm(points, axis=1)
    clear = np.abs(radius - 1) > 0.003
    assert (solid.contains(points) == (radius < 1))[clear].all()


@pytest.mark.parametrize("turned", [False, True])
def test_a_double_walled_box(turned: bool) -> None:
    # a shell oriented as a cavity is one; a second box inside the first is part of the union
    solid = solidify(join(box(), box((0.8, 0.8, 0.8), inverted=turned)))
    assert solid.exact
    assert solid.volume == pytest.approx(1 - 0.8**3 if turned else 1.0, rel=1e-9)
    assert solid.mesh.volume == pytest.approx(solid.volume)
    assert solid.contains(np.array([[0, 0, 0], [0.45, 0, 0], [0.6, 0, 0]])).tolist() == [not turned, True, False]


def test_overlapping_components_are_united() -> None:
    solid = solidify(join(box(), box(at=(0.5, 0, 0)), box(at=(0.25, 0.25, 0), inverted=True)))
    points = random_points(solid)
    expected = np.zeros(len(points), dtype=bool)
    for center in ([0, 0, 0], [0.5, 0, 0], [0.25, 0.25, 0]):
        expected |= (np.abs(points - center) < 0.5).all(axis=1)
    assert (solid.contains(points) == expected).all()
    assert solid.volume == pytest.approx(1.5 + 0.25, rel=1e-9)
    assert solid.mesh.is_volume
    assert len(solid.mesh.split()) == 1


def test_a_surface_that_crosses_itself_is_a_union() -> None:
    # two lobes of opposite orientation: a box twisted by half a turn about its axis, as a bow tie
    corners = box().vertices.copy()
    corners[corners[:, 0] > 0, 1:] *= -1
    tie = trimesh.Trimesh(corners, box().faces, process=False)
    solid = solidify(tie)
    assert solid.exact
    points = random_points(solid, 5000)
    expected = WindingNumber(np.asarray(tie.vertices), np.asarray(tie.faces))(points) != 0
    assert (solid.contains(points) == expected).all()
    assert 0.1 < expected.mean() < 0.3
    assert solid.volume == pytest.approx(1 / 3, rel=1e-3)


def test_duplicate_and_inconsistent_faces_do_not_matter() -> None:
    doubled = join(soup(box()), soup(box(inverted=True)), soup(box()))
    solid = solidify(doubled)
    assert solid.exact
    assert solid.volume == pytest.approx(1.0)
    assert solid.surface is doubled


# everything else


def test_an_open_box_has_walls() -> None:
    solid = solidify(open_box(), resolution=64)
    assert not solid.exact
    assert "not closed" in solid.method
    assert solid.volume == pytest.approx(5 / 64, rel=0.02)  # five sheets, one cell thick
    inside = solid.contains(np.array([[0, 0, 0], [0.5, 0.1, 0.1], [0, -0.5, 0], [0, 0.499, 0]]))
    assert inside.tolist() == [False, True, True, False]
    np.testing.assert_allclose(solid.bounds, [[-0.5 - 1 / 128] * 3, [0.5 + 1 / 128] * 3], atol=1e-3)


def test_a_cracked_box_is_full() -> None:
    # six sheets with gaps of half a cell between them
    box_ = box()
    plates = [
        box_.submesh([np.flatnonzero(box_.face_normals @ n > 0.5)], append=True)
        for n in np.vstack([np.eye(3), -np.eye(3)])
    ]
    for plate in plates:
        plate.vertices = plate.vertices + plate.face_normals[0] * 0.25 / 64
    solid = solidify(join(*plates), resolution=64)
    assert not solid.exact
    assert solid.volume == pytest.approx(1.0, rel=0.03)
    assert solid.contains(np.zeros((1, 3))).all()


def test_a_hollow_behind_a_wide_hole_is_empty() -> None:
    solid = solidify(soup(box(), [0]), resolution=32)
    assert not solid.contains(np.zeros((1, 3))).any()
    assert 5 / 32 < solid.volume < 6 / 32


def test_a_fin_on_a_closed_body_becomes_thick() -> None:
    fin = trimesh.Trimesh([[0.4, -0.3, 0], [1.4, -0.3, 0], [1.4, 0.3, 0], [0.4, 0.3, 0]], [[0, 1, 2], [0, 2, 3]])
    solid = solidify(join(box(), fin), resolution=64)
    cell = 1.9 / 64
    assert solid.volume == pytest.approx(1 + 0.9 * 0.6 * cell, rel=0.01)
    assert solid.contains(np.array([[1.0, 0, 0.4 * cell], [1.0, 0, 0.6 * cell], [0, 0, 0]])).tolist() == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    "mesh",
    [
        trimesh.creation.torus(1.0, 0.3),
        trimesh.creation.icosphere(subdivisions=3),
        box((1, 0.02, 0.6)).apply_transform(trimesh.transformations.rotation_matrix(0.3, [1, 2, 3])),
        trimesh.creation.annulus(0.48, 0.5, 1.0),  # a thin pipe
        join(box((1, 0.05, 0.05)), box((0.05, 1, 0.05)), box((0.05, 0.05, 1))),
    ],
    ids=["torus", "ball", "board", "pipe", "cross"],
)
def test_the_flood_agrees_with_the_exact_answer(mesh: trimesh.Trimesh) -> None:
    exact, flooded = solidify(mesh), FloodedVolume(mesh, 64)
    points = np.random.default_rng(0).uniform(*exact.bounds, (20_000, 3))
    assert agreement(flooded, exact.contains(points), points) > 0.98
    assert flooded.volume == pytest.approx(exact.volume, rel=0.02)
    assert flooded.mesh.is_watertight
    assert flooded.mesh.volume == pytest.approx(exact.volume, rel=0.1)
    np.testing.assert_allclose(flooded.bounds, exact.bounds, atol=0.01 * np.ptp(exact.bounds))


@pytest.mark.parametrize(
    "solid", [solidify(open_box(), 32), solidify(soup(trimesh.creation.torus(1.0, 0.3), [0, 1, 500]), 48)]
)
def test_the_mesh_of_an_open_soup_is_its_boundary(solid: Solid) -> None:
    assert not solid.exact
    assert solid.mesh.is_watertight
    assert solid.mesh.volume == pytest.approx(solid.volume, rel=0.1)
    points = random_points(solid)
    mesh = solidify(solid.mesh)
    assert mesh.exact
    assert agreement(solid, mesh.contains(points), points) > 0.9


def test_walls_thinner_than_a_cell_stay_in_the_mesh() -> None:
    thin = box((1, 0.004, 1)).apply_transform(trimesh.transformations.rotation_matrix(0.5, [1, 0.3, 0.2]))
    flooded = FloodedVolume(thin, 64)  # fine cells of 1 / 128 and more
    assert flooded.mesh.is_watertight
    assert flooded.mesh.area == pytest.approx(2.0, rel=0.3)
    assert flooded.volume == pytest.approx(0.004, rel=0.2)


def test_pose_hardly_matters() -> None:
    torn = soup(trimesh.creation.torus(1.0, 0.3), [0, 1, 500])
    volume = solidify(torn, 48).volume
    for angle in (0.3, 1.1):
        turned = torn.copy().apply_transform(trimesh.transformations.rotation_matrix(angle, [1, 2, 3]))
        turned.apply_scale(1e-3)
        assert solidify(turned, 48).volume == pytest.approx(1e-9 * volume, rel=0.02)


@pytest.mark.parametrize("mesh", [box(), open_box(), join(box(), box((0.5, 0.5, 0.5), inverted=True))])
def test_the_cover_holds_the_solid(mesh: trimesh.Trimesh) -> None:
    solid = solidify(mesh, 32)
    corners, side = solid.cover
    points = random_points(solid)
    points = points[solid.contains(points)]
    origin = corners.min(axis=0)
    filled = {tuple(place) for place in np.round((corners - origin) / side).astype(int).tolist()}
    assert {tuple(place) for place in np.floor((points - origin) / side).astype(int).tolist()} <= filled


# the interface


@pytest.mark.parametrize("mesh", [box(), open_box()])
def test_points_as_arrays_and_tensors(mesh: trimesh.Trimesh) -> None:
    solid = solidify(mesh, 32)
    array = random_points(solid, 500).astype(np.float32)
    expected = solid.contains(array)
    assert expected.dtype == bool
    assert (solid.contains(torch.from_numpy(array).requires_grad_()) == expected).all()
    assert solid.contains(np.zeros((0, 3))).shape == (0,)
    odd = np.array([[np.nan, 0, 0], [np.inf, 0, 0], [0, -1e300, 0]])
    assert not solid.contains(odd).any()


def test_solidify_repeats_itself_and_leaves_the_mesh_alone() -> None:
    mesh = open_box()
    before = mesh.vertices.copy(), mesh.faces.copy()
    one, two = solidify(mesh, 32), solidify(mesh, 32)
    assert one.volume == two.volume
    np.testing.assert_array_equal(one.mesh.vertices, two.mesh.vertices)
    np.testing.assert_array_equal(mesh.vertices, before[0])
    np.testing.assert_array_equal(mesh.faces, before[1])


def test_points_must_be_rows_of_three() -> None:
    with pytest.raises(ValueError, match=r"points must have shape \(N, 3\), got"):
        solidify(box()).contains(np.zeros(3))
    with pytest.raises(ValueError, match=r"points must have shape \(N, 3\), got a tensor"):
        solidify(box()).contains(torch.zeros(4, 2))


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        ([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], "zero volume"),
        ([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]], "zero volume"),
        ([[0, 0, 0], [1, 1, 1], [2, 2, 2]], [[0, 1, 2]], "zero volume"),
        ([[1, 1, 1]] * 3, [[0, 1, 2]], "zero volume"),
        (
            [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]],
            [[0, 1, 1], [0, 2, 2], [0, 3, 3]],
            "none of its faces has an area",
        ),
        ([[0, 0, 0], [1, 0, 0], [0, 1, np.nan]], [[0, 1, 2]], "finite vertices"),
        ([[0, 0, 0], [1, 0, 0], [0, np.inf, 0]], [[0, 1, 2]], "finite vertices"),
        (np.zeros((0, 3)), np.zeros((0, 3), dtype=int), "empty mesh"),
    ],
)
def test_what_has_no_inside_is_refused(vertices: list, faces: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        solidify(trimesh.Trimesh(vertices, faces, process=False, validate=False))


@pytest.mark.parametrize(("scale", "move"), [(1e160, 0.0), (1e36, 0.0), (1e-36, 0.0), (1.0, 1e300)])
def test_what_numbers_cannot_hold_is_refused(scale: float, move: float) -> None:
    mesh = box()
    with pytest.raises(ValueError, match="choose another unit"):
        solidify(trimesh.Trimesh(mesh.vertices * scale + move, mesh.faces, process=False))


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1e9, 1e30])
def test_the_unit_does_not_matter(scale: float) -> None:
    solid = solidify(trimesh.Trimesh(box().vertices * scale, box().faces, process=False))
    assert solid.volume / scale**3 == pytest.approx(1.0)
    assert solid.contains(np.array([[0.4, 0.4, 0.4], [0.6, 0, 0]]) * scale).tolist() == [True, False]


def test_vertices_that_no_face_uses_do_not_matter() -> None:
    mesh = box()
    padded = trimesh.Trimesh(np.vstack([mesh.vertices, [[np.nan] * 3, [9, 9, 9]]]), mesh.faces, process=False)
    assert solidify(padded).volume == pytest.approx(1.0)
    torn = open_box()
    padded = trimesh.Trimesh(np.vstack([torn.vertices, [[9, 9, 9]]]), torn.faces, process=False)
    np.testing.assert_allclose(solidify(padded, 32).bounds, solidify(torn, 32).bounds)


@pytest.mark.parametrize("resolution", [15, 257])
def test_resolution_has_limits(resolution: int) -> None:
    with pytest.raises(ValueError, match="resolution must be between 16 and 256 cells"):
        solidify(box(), resolution)


def test_wrong_types_are_named() -> None:
    with pytest.raises(TypeError, match=r"mesh must be a trimesh\.Trimesh"):
        solidify("chair.obj")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="resolution must be an integer"):
        solidify(box(), 64.0)  # type: ignore[arg-type]
