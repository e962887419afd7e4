"""What is stored of a shape agrees with the shape."""

import numpy as np
import pytest
import trimesh

from cvxgeom.data import Arrays, Facts, solidify
from cvxgeom.prepare import Item, Loaded, PrepareConfig
from cvxgeom.prepare.compute import boundary_points, compute

from .meshes import SMALL

CONFIG = PrepareConfig(n_views=2, depth_size=64, n_uniform=4000, n_near=3000, n_surface=1000, grid=32)


def computed(mesh: trimesh.Trimesh, config: PrepareConfig = CONFIG, id: str = "it") -> tuple[Facts, Arrays]:
    item = Item(id, "train", lambda: Loaded(mesh), Facts("class", "name"))
    return compute(item, item.load(), config)


def ball() -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=4, radius=3).apply_translation((5, 6, 7))


def test_labels_are_those_of_the_shape() -> None:
    facts, arrays = computed(ball())
    assert facts.exact and facts.label == "class"
    assert (facts.center, facts.scale) == (pytest.approx((5, 6, 7)), pytest.approx(1 / 6))
    np.testing.assert_allclose(arrays.bounds, [[-0.5] * 3, [0.5] * 3], atol=1e-3)
    for points, labels in ((arrays.uniform, arrays.uniform_occupancy), (arrays.near, arrays.near_occupancy)):
        radius = np.linalg.norm(points, axis=1)
        clear = np.abs(radius - 0.5) > 0.002
        np.testing.assert_array_equal(labels[clear], radius[clear] < 0.5)
    assert arrays.uniform_occupancy.mean() == pytest.approx(np.pi / 6, abs=0.03)
    assert arrays.grid.mean() == pytest.approx(np.pi / 6, abs=0.01)
    axis = (np.arange(32) + 0.5) / 32 - 0.5
    assert arrays.grid[16, 16, 31] and not arrays.grid[0, 0, 16] and axis[16] > 0


def test_points_near_the_surface_have_three_distances() -> None:
    _, arrays = computed(ball(), PrepareConfig(n_views=0, n_uniform=10, n_near=30_000, n_surface=10, grid=4))
    off = np.linalg.norm(arrays.near, axis=1) - 0.5
    # The distance of each third is Gaussian; for the mixture, half is below 0.0081.
    assert np.quantile(np.abs(off), 0.5) == pytest.approx(0.0081, rel=0.05)
    assert off.std() == pytest.approx(np.sqrt((0.004**2 + 0.015**2 + 0.05**2) / 3), rel=0.05)


def test_surface_points_lie_on_the_outside_with_normals_outward() -> None:
    inside_out = ball()
    inside_out.invert()
    _, arrays = computed(inside_out)
    np.testing.assert_allclose(np.linalg.norm(arrays.surface, axis=1), 0.5, atol=2e-3)
    assert ((arrays.surface * arrays.surface_normals).sum(axis=1) > 0.49).all()


def test_a_sheet_is_used_and_its_points_are_its_own() -> None:
    box = trimesh.creation.box()
    box.update_faces(np.arange(12) > 5)  # open: some of its faces are sheets
    points, normals = boundary_points(box, solidify(box), 500, np.random.default_rng(0))
    assert len(points) == 500 and np.abs(points).max() <= 0.5 + 1e-9
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1)


def test_depth_is_that_of_the_surface() -> None:
    _, arrays = computed(ball())
    depth = arrays.depth[0] * 1e-4
    camera = np.linalg.inv(arrays.extrinsics[0])[:3, 3]
    assert depth[32, 32] == pytest.approx(np.linalg.norm(camera) - 0.5, abs=2e-3)
    assert depth[0, 0] == 0 and (depth > 0).mean() == pytest.approx(np.pi / 4, abs=0.05)


def test_choices_depend_on_seed_and_id_alone() -> None:
    first, again, other = (computed(ball(), SMALL, id)[1].uniform for id in ("a", "a", "b"))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, computed(ball(), PrepareConfig(seed=1, n_uniform=500, grid=4), "a")[1].uniform)


@pytest.mark.parametrize(("thickness", "fill"), [(0.01, "thin"), (0.2, "solid")])
def test_thin_shapes_are_told_from_solid_ones(thickness: float, fill: str) -> None:
    plate = trimesh.creation.box((1, thickness, 1))
    config = PrepareConfig(n_views=0, n_uniform=10, n_near=3, n_surface=10)
    assert computed(plate, config)[0].fill == fill
    judged = Item("x", "train", lambda: Loaded(plate), Facts(fill="other"))
    assert compute(judged, judged.load(), config)[0].fill == "other"
    assert computed(plate, SMALL)[0].fill == ""


def test_what_the_source_knows_stays() -> None:
    known = Arrays(uniform=np.zeros((2, 3)), uniform_occupancy=np.array([True, False]))
    item = Item("x", "train", lambda: Loaded(ball(), known), Facts())
    _, arrays = compute(item, item.load(), SMALL)
    assert arrays.uniform is known.uniform and arrays.near is not None


def test_a_flat_mesh_is_refused() -> None:
    flat = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False)
    with pytest.raises(ValueError, match="zero volume"):
        computed(flat)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_views": 21}, "n_views must be from 0 to 20, got 21"),
        ({"n_near": 100}, "n_near must be a multiple of 3, got 100"),
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        ({"grid": 0}, "grid must be a finite number greater than 0, got 0"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PrepareConfig(**wrong)
    with pytest.raises(TypeError, match=r"grid must be a whole number, got float 1\.5"):
        PrepareConfig(grid=1.5)  # pyright: ignore[reportArgumentType]
