"""Cameras, maps and pictures: closed forms, agreement with plain ray casting, gradients, errors."""

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import cvxgeom
from cvxgeom.render import Camera, mesh_maps, picture, rays, render_maps, save_picture, soft_silhouette
from cvxgeom.shape.palette import part_color

HEAD_ON = Camera(position=(0, 0, 3), field_of_view=40, size=(31, 21))
ANGLES = st.floats(-180, 180), st.floats(-90, 90)
UNIT_BOX = [[-0.5, -0.5, -0.5], [0.5, 0.5, 0.5]]


def random_boxes(n: int = 2, seed: int = 0) -> cvxgeom.ConvexUnion:
    """Overlapping boxes in all poses, in float64."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for _ in range(n):
        q, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator))
        size, center = torch.rand(3, generator=generator) * 0.5 + 0.2, torch.randn(3, generator=generator) * 0.2
        parts.append(cvxgeom.cuboid(size, q * torch.linalg.det(q), center).to(torch.float64))
    return cvxgeom.concatenate(parts)


def empty_part() -> cvxgeom.ConvexUnion:
    return cvxgeom.from_planes(torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]]), torch.ones(2))


def slab(half_thickness: float = 0.2) -> cvxgeom.ConvexUnion:
    """|y| <= half thickness: unbounded."""
    return cvxgeom.from_planes(torch.tensor([[0.0, 1, 0], [0.0, -1, 0]]), -torch.full((2,), half_thickness))


# -- cameras ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view_height", [None, 1.7])
def test_a_ray_through_a_pixel_projects_to_its_center(view_height: float | None) -> None:
    camera = Camera((1.0, 2.0, 3.0), (0.2, 0.1, -0.4), up=(0.1, 1, 0), view_height=view_height, size=(5, 4))
    origins, directions = rays(camera, dtype=torch.float64)
    pixels, depth = camera.project(origins + 2.5 * directions)
    columns, rows = torch.meshgrid(torch.arange(5.0), torch.arange(4.0), indexing="xy")
    torch.testing.assert_close(pixels, torch.stack([columns, rows], dim=-1).reshape(-1, 2).double() + 0.5)
    torch.testing.assert_close(depth, 2.5 * directions @ camera.extrinsics[2, :3])
    torch.testing.assert_close(directions.norm(dim=-1), torch.ones(20, dtype=torch.float64))
    some = torch.tensor([13, 2])
    torch.testing.assert_close(torch.stack(rays(camera, some)), torch.stack(rays(camera))[:, some])


@pytest.mark.parametrize("view_height", [None, 1.7])
def test_matrices_project_as_documented_and_invert(view_height: float | None) -> None:
    camera = Camera((1, 2, 3), (0, 0.5, 0), view_height=view_height, size=(64, 48))
    pose = torch.linalg.inv(camera.extrinsics)
    torch.testing.assert_close(pose[:3, 3], torch.tensor([1.0, 2, 3], dtype=torch.float64))
    torch.testing.assert_close(pose[:3, :3], camera.extrinsics[:3, :3].T)
    assert float(torch.linalg.det(pose)) == pytest.approx(1)
    points = torch.randn(7, 3, dtype=torch.float64) * 0.3
    local = (torch.cat([points, torch.ones(7, 1)], dim=1) @ camera.extrinsics.T)[:, :3]
    plane = local / local[:, 2:] if view_height is None else torch.cat([local[:, :2], torch.ones(7, 1)], dim=1)
    pixels, depth = camera.project(points)
    torch.testing.assert_close(pixels, (plane @ camera.intrinsics.T)[:, :2])
    torch.testing.assert_close(depth, local[:, 2])


def test_image_axes_are_right_and_down() -> None:
    pixels, depth = HEAD_ON.project(torch.tensor([[0.0, 0, 0], [0.1, 0, 0], [0, 0.1, 0]]))
    assert pixels[0].tolist() == [15.5, 10.5]
    assert float(pixels[1, 0]) > 15.5 and float(pixels[2, 1]) < 10.5
    assert depth.tolist() == [3, 3, 3]


@given(*ANGLES, st.sampled_from(["y", "z"]), st.booleans(), st.sampled_from([(40, 40), (60, 20), (20, 60)]))
def test_looking_at_shows_all_of_a_box_and_fills_the_image(
    azimuth: float, elevation: float, up: str, orthographic: bool, size: tuple[int, int]
) -> None:
    box = torch.tensor([[1.0, -2.0, 3.0], [2.0, 3.0, 3.5]], dtype=torch.float64)
    camera = Camera.looking_at(box, (azimuth, elevation), up=up, orthographic=orthographic, size=size)
    pixels, depth = camera.project(torch.cartesian_prod(*box.T))
    share = pixels / torch.tensor(size)
    assert float(depth.min()) > 0
    assert float(share.min()) > 0 and float(share.max()) < 1
    assert float((share.amax(dim=0) - share.amin(dim=0)).max()) > 0.85


def test_view_angles() -> None:
    for up, view, toward in [
        ("y", (0, 0), (0, 0, 1)),
        ("y", (90, 0), (1, 0, 0)),
        ("y", (0, 90), (0, 1, 0)),
        ("z", (0, 0), (0, -1, 0)),
        ("z", (90, 0), (1, 0, 0)),
        ("z", (0, 90), (0, 0, 1)),
    ]:
        camera = Camera.looking_at(UNIT_BOX, view, up=up)
        back = torch.nn.functional.normalize(torch.tensor(camera.position) - torch.tensor(camera.target), dim=0)
        torch.testing.assert_close(back, torch.tensor(toward, dtype=torch.float32), atol=1e-6, rtol=0)
    assert Camera.looking_at([[1, 2, 3]]).target == (1, 2, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Camera((0, 0)), "position must be 3 finite numbers"),  # type: ignore[arg-type]
        (lambda: Camera((0, 0, math.nan)), "position must be 3 finite"),
        (lambda: Camera((0, 0, 3), target=("a", 0, 0)), "target must be 3 finite"),  # type: ignore[arg-type]
        (lambda: Camera((0, 0, 3), target=(0, 0, 3)), "target must differ from position"),
        (lambda: Camera((0, 3, 0)), "up must not be zero or parallel"),
        (lambda: Camera((0, 0, 3), up=(0, 0, 0)), "up must not be zero"),
        (lambda: Camera((0, 0, 3), field_of_view=0), "field_of_view must be a finite number greater than 0"),
        (lambda: Camera((0, 0, 3), field_of_view=180), "field_of_view must be below 180"),
        (lambda: Camera((0, 0, 3), view_height=-1), "view_height must be a finite number greater"),
        (lambda: Camera((0, 0, 3), size=(0, 5)), "size must be"),
        (lambda: Camera((0, 0, 3), size=(5, 5.0)), "size must be"),  # type: ignore[arg-type]
        (lambda: Camera.looking_at(torch.empty(0, 3)), "points must be N x 3 finite"),
        (lambda: Camera.looking_at([[0, 0, math.inf]]), "points must be N x 3 finite"),
        (lambda: Camera.looking_at(UNIT_BOX, (0, math.nan)), "view must be 2 finite"),
        (lambda: Camera.looking_at(UNIT_BOX, up="x"), "up must be one of 'y', 'z'"),
        (lambda: Camera.looking_at(UNIT_BOX, field_of_view=200), "field_of_view must be below 180"),
        (lambda: Camera.looking_at(UNIT_BOX, size=(5,)), "size must be"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_camera_says_so(make: Callable[[], Camera], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_camera_is_a_value() -> None:
    camera = Camera((0, 0, 3))
    camera.extrinsics.zero_()
    assert camera == Camera((0.0, 0.0, 3.0)) and hash(camera) == hash(replace(camera))
    assert float(camera.extrinsics[2, 3]) == 3
    with pytest.raises(TypeError, match="field_of_view must be a number"):
        Camera((0, 0, 3), field_of_view="wide")  # type: ignore[arg-type]


# -- maps of shapes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view_height", [None, 2.0])
def test_the_face_of_a_box_seen_head_on(view_height: float | None) -> None:
    camera = replace(HEAD_ON, view_height=view_height)
    maps = render_maps(cvxgeom.box().to(torch.float64), camera)
    corners, _ = camera.project(torch.tensor([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5]], dtype=torch.float64))
    (left, top), (right, bottom) = corners.tolist()
    rows, columns = torch.arange(21)[:, None] + 0.5, torch.arange(31) + 0.5
    inside = (rows > top) & (rows < bottom) & (columns > left) & (columns < right)
    assert torch.equal(maps.silhouette, inside) and 20 < int(inside.sum()) < 31 * 21
    torch.testing.assert_close(maps.depth, torch.where(inside, 2.5, math.inf).double())
    torch.testing.assert_close(maps.normals, torch.tensor([0.0, 0, 1]) * inside[..., None].double())
    assert torch.equal(maps.part, inside.long() - 1)


def test_orthographic_silhouettes_have_the_area_of_the_shadow() -> None:
    camera = Camera.looking_at(
        UNIT_BOX, (45, math.degrees(math.atan(1 / math.sqrt(2)))), orthographic=True, size=(300, 300)
    )
    area = float(render_maps(cvxgeom.box(), camera).silhouette.sum()) * (camera.view_height / 300) ** 2  # type: ignore[operator]
    assert area == pytest.approx(math.sqrt(3), rel=2e-3)  # a unit cube along its diagonal
    camera = Camera(position=(0, 0, 3), view_height=2.0, size=(100, 100))
    assert int(render_maps(cvxgeom.box(), camera).silhouette.sum()) == 50 * 50


def test_each_pixel_says_which_of_two_boxes_it_shows() -> None:
    shape = cvxgeom.concatenate([cvxgeom.box(0.4, center=(-0.5, 0.0, 0.0)), cvxgeom.box(0.4, center=(0.5, 0.0, 0.2))])
    maps = render_maps(shape, Camera(position=(0, 0, 3), view_height=2.0, size=(20, 20)))
    assert maps.part[10].tolist() == [-1] * 3 + [0] * 4 + [-1] * 6 + [1] * 4 + [-1] * 3
    torch.testing.assert_close(maps.depth[10, [4, 14]], torch.tensor([2.8, 2.6]))


def test_where_faces_of_two_parts_coincide_the_first_is_seen_everywhere() -> None:
    rotation = torch.linalg.matrix_exp(torch.tensor([[0.0, 0.3, -0.2], [-0.3, 0, 0.5], [0.2, -0.5, 0]]))
    shape = cvxgeom.concatenate([cvxgeom.box(1.0), cvxgeom.box((1.0, 0.5, 1.0))]).rotate(rotation)
    camera = Camera.looking_at(UNIT_BOX, size=(60, 60))
    part = render_maps(shape, camera).part
    assert set(part.unique().tolist()) == {-1, 0}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("view_height", [None, 1.5])
def test_maps_agree_with_all_rays_against_all_half_spaces(seed: int, view_height: float | None) -> None:
    others = cvxgeom.sphere(radius=0.3, n_halfspaces=20), empty_part(), slab(0.01)
    shape = cvxgeom.concatenate([random_boxes(4, seed), *(other.to(torch.float64) for other in others)])
    # From so near that some parts reach behind the camera.
    camera = Camera((0.3, 0.35, 0.6), (0, 0, 0.1), field_of_view=90, view_height=view_height, size=(40, 30))
    maps = render_maps(shape, camera)
    origins, directions = rays(camera, dtype=torch.float64)
    hits = shape.raycast(origins, directions)
    assert torch.equal(maps.silhouette.reshape(-1), hits.hit)
    assert torch.equal(maps.part.reshape(-1), hits.part)
    torch.testing.assert_close(maps.normals.reshape(-1, 3), hits.normals)
    torch.testing.assert_close(maps.depth.reshape(-1), hits.distance * (directions @ camera.extrinsics[2, :3]))
    with_gradients = replace(shape, offsets=shape.offsets.clone().requires_grad_())
    for value, same in zip(render_maps(with_gradients, camera), maps):
        torch.testing.assert_close(value.detach(), same)


def test_depth_and_normals_have_the_gradients_of_the_planes() -> None:
    shape = random_boxes()
    camera = Camera.looking_at(UNIT_BOX, size=(4, 4))
    names = ("normals", "offsets", "translations")

    def seen(normals: torch.Tensor, offsets: torch.Tensor, translations: torch.Tensor) -> Any:
        # Outside of the shape's own check of unit normals, which finite differences do not keep.
        unit = torch.nn.functional.normalize(normals, dim=-1)
        maps = render_maps(replace(shape, normals=unit, offsets=offsets, translations=translations), camera)
        return torch.where(maps.silhouette, maps.depth, 0.0), maps.normals

    assert bool(seen(*(getattr(shape, name) for name in names))[0].any())
    assert torch.autograd.gradcheck(
        seen, tuple(getattr(shape, name).clone().requires_grad_() for name in names), fast_mode=True
    )


def test_depth_grows_by_as_much_as_a_face_recedes() -> None:
    box = cvxgeom.box().to(torch.float64)
    offsets = box.offsets.clone().requires_grad_()
    depth = render_maps(replace(box, offsets=offsets), replace(HEAD_ON, size=(3, 3))).depth
    (gradient,) = torch.autograd.grad(depth[1, 1], offsets)
    assert gradient.tolist() == [[0, 0, 1, 0, 0, 0]]  # of the face +z alone


def test_batches_numbers_and_places() -> None:
    shapes = [random_boxes(3, seed).to(torch.float32) for seed in range(2)]
    camera = Camera.looking_at(UNIT_BOX, size=(16, 12))
    batched = render_maps(cvxgeom.stack([cvxgeom.stack(shapes)]), camera)
    assert batched.depth.shape == (1, 2, 12, 16) and batched.normals.shape == (1, 2, 12, 16, 3)
    for i, shape in enumerate(shapes):
        for value, single in zip(batched, render_maps(shape, camera)):
            torch.testing.assert_close(value[0, i], single)
    half = render_maps(shapes[0].to(torch.float16), camera)
    assert half.depth.dtype == torch.float16
    torch.testing.assert_close(half.depth.float(), batched.depth[0, 0], atol=2e-2, rtol=0)
    inside = render_maps(cvxgeom.box(), Camera((0, 0, 0.1), size=(4, 4)))
    assert bool((inside.depth == 0).all())
    nothing = render_maps(empty_part(), camera)
    assert bool(torch.isinf(nothing.depth).all()) and not bool(nothing.silhouette.any())
    assert not bool(nothing.normals.any()) and bool((nothing.part == -1).all())


# -- soft silhouettes -------------------------------------------------------------------------------------------------


def soft_union(seed: int = 0) -> cvxgeom.ConvexUnion:
    """Smooth enough that the smooth convexes differ from their polytopes, different in each part."""
    smoothness, sharpness = torch.tensor([[40.0, 90], [20, 30]], dtype=torch.float64)
    return replace(random_boxes(2, seed), smoothness=smoothness, sharpness=sharpness)


@pytest.mark.parametrize("view_height", [None, 2.0])
def test_a_soft_silhouette_is_the_largest_indicator_along_the_ray(view_height: float | None) -> None:
    shape = soft_union()
    camera = replace(Camera.looking_at(UNIT_BOX, size=(9, 8)), view_height=view_height)
    origins, directions = rays(camera, dtype=torch.float64)
    steps = torch.linspace(1, 5, 2001, dtype=torch.float64)
    along = origins[:, None] + steps[:, None] * directions[:, None]
    expected = shape.indicator(along.reshape(-1, 3)).reshape(72, -1).amax(dim=1).reshape(8, 9)
    got = soft_silhouette(shape, camera)
    assert float(expected.min()) < 0.01 and float(expected.max()) > 0.95
    torch.testing.assert_close(got, expected, atol=4e-4, rtol=0)
    torch.testing.assert_close(soft_silhouette(shape.to(torch.float32), camera).double(), got, atol=1e-4, rtol=0)


def test_a_soft_silhouette_is_half_at_the_outline() -> None:
    box = replace(cvxgeom.box(), smoothness=torch.tensor([1e4]))
    camera = Camera((0, 0, 3), view_height=1.2, size=(12, 12))  # pixel centers at ±0.05, ..., ±0.45, ±0.55
    soft = soft_silhouette(box, camera)
    assert torch.equal(soft > 0.5, render_maps(box, camera).silhouette)
    # Along the middle row the box ends 0.05 from the nearest pixels, and the indicator is that of the distance.
    expected = torch.sigmoid(75 * torch.tensor([-0.05, 0.05]))
    torch.testing.assert_close(soft[6, :2], expected, atol=1e-3, rtol=0)


def test_soft_silhouettes_have_exact_gradients_in_all_five_tensors() -> None:
    shape = soft_union()
    camera = Camera.looking_at(UNIT_BOX, size=(4, 3))
    names = ("normals", "offsets", "translations", "smoothness", "sharpness")

    def seen(normals: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        unit = torch.nn.functional.normalize(normals, dim=-1)
        return soft_silhouette(replace(shape, normals=unit, **dict(zip(names[1:], others))), camera)

    inputs = tuple(getattr(shape, name).clone().requires_grad_() for name in names)
    assert torch.autograd.gradcheck(seen, inputs, fast_mode=True)


def test_soft_silhouettes_of_batches_and_of_unusual_parts() -> None:
    camera = Camera((0, 0.0, 3), view_height=2.0, size=(9, 9))
    one, two = soft_union(0), soft_union(1)
    both = soft_silhouette(cvxgeom.stack([one, two]), camera)
    torch.testing.assert_close(both, torch.stack([soft_silhouette(one, camera), soft_silhouette(two, camera)]))
    assert soft_silhouette(one.to(torch.float16), camera).dtype == torch.float16
    assert not bool(soft_silhouette(empty_part(), camera).any())
    band = soft_silhouette(replace(slab(0.25), sharpness=torch.tensor([75.0]), smoothness=torch.tensor([1e3])), camera)
    assert bool((band[4] > 0.99).all()) and bool((band[0] < 0.01).all())


# -- maps of meshes ---------------------------------------------------------------------------------------------------


def test_a_mesh_is_seen_as_the_shape_it_is() -> None:
    camera = Camera.looking_at(UNIT_BOX, size=(50, 40))
    box = trimesh.creation.box()
    seen, wanted = mesh_maps(box, camera), render_maps(cvxgeom.box(), camera)
    assert torch.equal(seen.silhouette, wanted.silhouette) and torch.equal(seen.part, wanted.part)
    torch.testing.assert_close(seen.depth, wanted.depth, atol=1e-5, rtol=0)
    torch.testing.assert_close(seen.normals, wanted.normals, atol=1e-6, rtol=0)
    inward = box.copy()
    inward.invert()
    for value, same in zip(mesh_maps(inward, camera), seen):
        torch.testing.assert_close(value, same)


def test_a_mesh_far_from_the_origin_is_seen_sharply() -> None:
    away = np.array([1e5, -2e5, 3e5])
    near = Camera.looking_at(UNIT_BOX, size=(20, 20))
    moved = [tuple((np.array(v) + away).tolist()) for v in (near.position, near.target)]
    mesh = trimesh.creation.box()
    here = mesh_maps(mesh, near)
    there = mesh_maps(mesh.apply_translation(away), replace(near, position=moved[0], target=moved[1]))
    torch.testing.assert_close(there.depth, here.depth, atol=1e-4, rtol=0)


def test_an_open_mesh_is_seen_from_both_sides() -> None:
    triangle = trimesh.Trimesh([[-1, -1, 0], [1, -1, 0], [0, 1, 0]], [[0, 1, 2]])
    for side in (1.0, -1.0):
        maps = mesh_maps(triangle, Camera((0, 0, 3 * side), size=(9, 9)))
        assert maps.normals[4, 4].tolist() == [0, 0, side]
        assert float(maps.depth[4, 4]) == pytest.approx(3)


def test_without_embreex_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embreex.mesh_construction", None)
    with pytest.raises(ImportError, match=r"pip install cvxgeom\[render\]"):
        mesh_maps(trimesh.creation.box(), HEAD_ON)


def test_a_mesh_without_triangles_is_refused() -> None:
    with pytest.raises(ValueError, match="mesh must have at least one triangle"):
        mesh_maps(trimesh.Trimesh(), HEAD_ON)


# -- pictures ---------------------------------------------------------------------------------------------------------

TWO = cvxgeom.concatenate(
    [cvxgeom.box((0.4, 1.0, 0.4), center=(-0.4, 0.0, 0.0)), cvxgeom.box(0.6, center=(0.4, -0.2, 0.0))]
)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def difference(one: Image.Image, two: Image.Image) -> float:
    """Share of pixels that differ visibly."""
    return float((np.abs(pixels(one) - pixels(two)).max(axis=-1) > 16).mean())


def test_a_picture_has_a_panel_for_the_mesh_the_parts_and_the_parts_pulled_apart() -> None:
    mesh = trimesh.creation.box()
    image = picture(TWO, mesh=mesh, size=(60, 50))
    assert image.size == (180, 50) and image.mode == "RGB"
    assert picture(TWO, size=(60, 50), explode=0).size == (60, 50)
    again = picture(TWO, mesh=mesh, size=(60, 50))
    assert np.array_equal(pixels(image), pixels(again))
    # Pulled apart: ground is seen between the two parts.
    row = pixels(image)[30, 120:]
    shown = np.flatnonzero(row.max(axis=-1) - row.min(axis=-1) > 40)
    assert (np.diff(shown) > 3).sum() == 1


def test_parts_have_their_colors_on_white_and_dark_lines_between_them() -> None:
    shape = cvxgeom.concatenate(
        [cvxgeom.box((0.5, 1.0, 1.0), center=(-0.25, 0, 0)), cvxgeom.box((0.5, 1, 1), center=(0.25, 0, 0))]
    )
    image = pixels(picture(shape, size=(100, 100), explode=0, view=(0, 0), labels=False))
    assert image[0, 0].tolist() == [255, 255, 255]
    for column, part in ((30, 0), (70, 1)):
        seen, wanted = image[40, column], np.array(part_color(part))
        cosine = seen @ wanted / np.linalg.norm(seen) / np.linalg.norm(wanted)
        assert cosine > 0.98
    assert image[40, 49].max() < 0.85 * image[40, 30].max()
    assert image[40, 50].max() < 0.85 * image[40, 70].max()


def test_a_picture_does_not_depend_on_unit_or_place() -> None:
    mesh = trimesh.creation.icosphere(subdivisions=1, radius=0.4)
    image = picture(TWO, mesh=mesh, size=(60, 60))
    big = trimesh.Trimesh(mesh.vertices * 1000 + [5000, 0, 0], mesh.faces)
    assert difference(image, picture(TWO.scale(1000.0).translate([5000.0, 0, 0]), mesh=big, size=(60, 60))) < 0.01
    upright = torch.tensor([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # y to z
    turned = mesh.copy().apply_transform(np.block([[upright.numpy(), np.zeros((3, 1))], [np.zeros((1, 3)), 1]]))
    assert difference(image, picture(TWO.rotate(upright), mesh=turned, size=(60, 60), up="z")) < 0.03


def test_a_mesh_is_shown_whichever_way_its_faces_look() -> None:
    mesh = trimesh.creation.box()
    inward = mesh.copy()
    inward.invert()
    shown = [picture(cvxgeom.box(), mesh=m, size=(50, 50), explode=0) for m in (mesh, inward)]
    assert difference(*shown) == 0


def test_empty_parts_do_not_show_and_unbounded_ones_are_cut() -> None:
    plain = picture(TWO, size=(50, 50), explode=0, labels=False)
    padded = cvxgeom.concatenate([TWO, empty_part()])
    assert difference(plain, picture(padded, size=(50, 50), explode=0, labels=False)) == 0
    cut = cvxgeom.concatenate([TWO, cvxgeom.box((1.3, 0.2, 0.6), center=(0.05, 0.0, 0.0))])
    with_slab = picture(cvxgeom.concatenate([TWO, slab(0.1)]), size=(50, 50), labels=False)
    assert difference(picture(cut, size=(50, 50), labels=False), with_slab) < 0.01


def test_views_from_below_and_level_are_fine() -> None:
    for view in ((20, -40), (0, 0), (10, 90)):
        image = pixels(picture(TWO, size=(40, 40), view=view, explode=0))
        assert 0.05 < (image.min(axis=-1) < 200).mean() < 0.95


def test_labels_stand_in_the_corner() -> None:
    with_label, without = (pixels(picture(TWO, size=(80, 80), explode=0, labels=on)) for on in (True, False))
    changed = np.argwhere((with_label != without).any(axis=-1))
    assert len(changed) and changed[:, 0].max() < 30


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"shape": "chair"}, TypeError, "shape must be a ConvexUnion, got str 'chair'"),
        ({"shape": cvxgeom.stack([TWO, TWO])}, ValueError, r"shape must be a single one, got batch axes \(2,\)"),
        ({"shape": empty_part()}, ValueError, "shape has nothing to show: none of its 1 parts"),
        ({"shape": slab()}, ValueError, "shape has nothing to show"),
        ({"mesh": "chair.obj"}, TypeError, "mesh must be a trimesh.Trimesh"),
        ({"mesh": trimesh.Trimesh()}, ValueError, "mesh must have at least one triangle"),
        (
            {"mesh": trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, math.nan, 0]], [[0, 1, 2]], process=False)},
            ValueError,
            "mesh.triangles must be finite",
        ),
        ({"explode": -0.1}, ValueError, "explode must be a finite number of at least 0"),
        ({"explode": math.inf}, ValueError, "explode must be"),
        ({"up": "x"}, ValueError, "up must be one of"),
        ({"view": (0,)}, ValueError, "view must be 2 finite"),
        ({"size": (0, 10)}, ValueError, "size must be"),
    ],
)
def test_a_wrong_picture_says_so(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        picture(**{"shape": TWO, "size": (20, 20), **change})


def test_pictures_are_saved_completely_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(TWO, size=(30, 20), explode=0)
    path = tmp_path / "two.png"
    save_picture(image, path)
    assert np.array_equal(pixels(Image.open(path)), pixels(image))
    save_picture(image, tmp_path / "two.JPG")
    before = path.read_bytes()

    def fail(self: Image.Image, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_picture(image, path)
    assert path.read_bytes() == before and sorted(p.name for p in tmp_path.iterdir()) == ["two.JPG", "two.png"]
    with pytest.raises(ValueError, match=r"path must end in one of \.png, \.jpg"):
        save_picture(image, tmp_path / "two.bmp2")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        save_picture(image, tmp_path / "missing" / "two.png")


def test_a_part_that_has_vanished_is_not_shown():
    """A network may let parts shrink until their volume is zero in floating point, and no centroid is left."""
    speck = cvxgeom.box().scale(1e-18).translate(torch.tensor([0.1, 0.2, 0.0]))
    alone, beside = (
        picture(cvxgeom.box(), size=(48, 32)),
        picture(cvxgeom.concatenate([cvxgeom.box(), speck]), size=(48, 32)),
    )
    assert np.array_equal(np.asarray(alone), np.asarray(beside))
    with pytest.raises(ValueError, match="nothing to show"):
        picture(speck, size=(48, 32))
