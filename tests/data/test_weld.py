"""Which surfaces are closed, and which way they are turned."""

import numpy as np
import pytest
import trimesh

from cvxgeom.data.weld import closed_surface, weld


def closed(mesh: trimesh.Trimesh) -> trimesh.Trimesh | None:
    return closed_surface(weld(mesh))


def scrambled(mesh: trimesh.Trimesh, seed: int = 0) -> trimesh.Trimesh:
    """The same triangles without shared corners, in random order and random orientation."""
    rng = np.random.default_rng(seed)
    triangles = np.array(mesh.triangles)[rng.permutation(len(mesh.faces))]
    turned = rng.random(len(triangles)) < 0.5
    triangles[turned] = triangles[turned][:, ::-1]
    return trimesh.Trimesh(triangles.reshape(-1, 3), np.arange(3 * len(triangles)).reshape(-1, 3), process=False)


def test_weld_merges_corners_and_drops_what_is_double() -> None:
    box = trimesh.creation.box()
    soup = trimesh.util.concatenate([scrambled(box), scrambled(box, 1), trimesh.Trimesh([[0, 0, 0]] * 3, [[0, 1, 2]])])
    welded = weld(soup)
    assert len(welded.faces) == 12
    assert weld(scrambled(box)).vertices.shape == (8, 3)


def test_a_pair_of_opposite_faces_without_an_area_leaves_no_hole() -> None:
    box = trimesh.creation.box()
    (a, b), *_ = box.edges_unique
    corners = np.vstack([box.vertices, (box.vertices[a] + box.vertices[b]) / 2])
    pair = [[a, 8, b], [a, b, 8]]  # on an edge of the box: no volume, no area, each of its edges run both ways
    flat = trimesh.Trimesh(corners, np.vstack([box.faces, pair]), process=False)
    assert weld(flat).is_watertight and len(weld(flat).faces) == 12
    closed = closed_surface(weld(flat))
    assert closed is not None and closed.volume == pytest.approx(1)
    # Alone such a face is what closes a crack, and where the pair has an area it is a sheet: one of them stays.
    assert len(weld(trimesh.Trimesh(corners, np.vstack([box.faces, pair[:1]]), process=False)).faces) == 13
    corners[8] += (0.5, 0.5, 0.5)
    assert len(weld(trimesh.Trimesh(corners, np.vstack([box.faces, pair]), process=False)).faces) == 13


def test_weld_merges_by_relative_distance() -> None:
    box = trimesh.creation.box()
    for scale in (1e-6, 1e6):
        soup = scrambled(box)
        soup.vertices = soup.vertices * scale * (1 + 1e-13)
        assert len(weld(soup).vertices) == 8


def test_random_orientation_is_repaired() -> None:
    torus = trimesh.creation.torus(1.0, 0.3)
    for seed in range(3):
        result = closed(scrambled(torus, seed))
        assert result is not None
        assert result.is_volume
        assert abs(result.volume - torus.volume) < 1e-9


def test_components_that_are_inside_out_are_turned() -> None:
    one, two = trimesh.creation.box(), trimesh.creation.box().apply_translation([0.7, 0, 0])
    two.invert()
    result = closed(trimesh.util.concatenate([one, two]))
    assert result is not None
    assert np.isclose(result.volume, 2.0)  # they overlap: each counts in full


def test_a_cavity_stays_a_cavity() -> None:
    outer, inner = trimesh.creation.box(), trimesh.creation.box((0.5, 0.5, 0.5))
    inner.invert()
    result = closed(trimesh.util.concatenate([outer, inner]))
    assert result is not None
    assert np.isclose(result.volume, 1 - 0.125)


def test_the_whole_may_be_inside_out() -> None:
    outer, inner = trimesh.creation.box(), trimesh.creation.box((0.5, 0.5, 0.5))
    outer.invert()
    result = closed(trimesh.util.concatenate([outer, inner]))
    assert result is not None
    assert np.isclose(result.volume, 1 - 0.125)


def test_boxes_that_share_an_edge_are_closed() -> None:
    boxes = [trimesh.creation.box().apply_translation(shift) for shift in ([0, 0, 0], [1, 1, 0])]
    result = closed(trimesh.util.concatenate(boxes))
    assert result is not None
    assert np.isclose(result.volume, 2.0)


def test_open_surfaces_are_not_closed() -> None:
    box = trimesh.creation.box()
    box.update_faces(np.arange(12) > 0)
    assert closed(box) is None
    sheet = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0.0]], [[0, 1, 2], [2, 1, 0]], process=False)
    assert closed(sheet) is None
    bent = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0.3], [0, 1, 0]], [[0, 1, 2], [0, 2, 3], [2, 1, 3], [3, 1, 0]])
    assert closed(bent) is not None  # two ways to fold a quad enclose a volume,
    bent.vertices[2, 2] = 1e-6
    assert closed(bent) is None  # unless the fold is flat: then it is a sheet with two sides
    fin = trimesh.Trimesh([[0.5, 0.5, 0.5], [0.5, 0.5, -0.5], [1, 1, 0.0]], [[0, 1, 2]], process=False)
    assert closed(trimesh.util.concatenate([trimesh.creation.box(), fin])) is None


def test_a_one_sided_closed_surface_is_not_a_volume() -> None:
    # the projective plane: half an icosahedron with opposite rim points joined, every edge between two faces
    faces = [
        [0, 1, 2],
        [0, 2, 3],
        [0, 3, 4],
        [0, 4, 5],
        [0, 5, 1],
        [1, 2, 4],
        [2, 3, 5],
        [3, 4, 1],
        [4, 5, 2],
        [5, 1, 3],
    ]
    vertices = np.random.default_rng(0).normal(size=(6, 3))
    assert closed(trimesh.Trimesh(vertices, faces, process=False)) is None
