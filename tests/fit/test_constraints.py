"""What a fit can guarantee: parts that do not overlap, a mirror plane, a least thickness."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
import trimesh

import cvxgeom
from cvxgeom.fit import FitConfig
from cvxgeom.fit.constraints import mirrored, separated, thickened
from cvxgeom.shape import concatenate

from .solids import lattice, samples_of, table


def overlaps(shape) -> list[float]:
    """Inradius of what each two parts have in common."""
    found = []
    for pair in itertools.combinations(range(shape.n_convexes), 2):
        both = shape.select(list(pair))
        shift = both.translations[0] - both.translations
        offsets = both.offsets + (both.normals * shift[:, None]).sum(dim=-1)
        common = cvxgeom.from_planes(both.normals.flatten(0, 1), offsets.flatten(), size=1.0)
        found.append(common.polytopes()[0].inradius)
    return found


def volume(shape) -> float:
    """Of parts that do not overlap."""
    return sum(float(polytope.volume) for polytope in shape.polytopes())


def cross() -> cvxgeom.ConvexUnion:
    """Two bars that cross in the middle."""
    return concatenate([cvxgeom.box(size=(1, 0.2, 0.2)), cvxgeom.box(size=(0.2, 1, 0.2))])


def test_crossing_bars_are_cut_apart_where_they_touch():
    assert max(overlaps(cross())) == pytest.approx(0.1, abs=1e-6)
    apart = separated(cross(), samples_of(cross()), 0.001, 64, 24)
    assert max(overlaps(apart)) < 1e-6
    # One bar keeps its whole length; the other becomes two arms, each 0.4 of its 1.0.
    assert apart.n_convexes == 3
    assert volume(apart) == pytest.approx(0.04 + 0.8 * 0.04, rel=1e-3)


@pytest.mark.parametrize(("part_worth", "max_parts"), [(0.001, 2), (0.3, 64)])
def test_an_arm_that_may_be_no_part_or_is_not_worth_one_is_lost(part_worth, max_parts):
    apart = separated(cross(), samples_of(cross()), part_worth, max_parts, 24)
    assert max(overlaps(apart)) < 1e-6
    assert volume(apart) == pytest.approx(0.04 + 0.4 * 0.04, rel=1e-3)


def test_what_overlaps_a_little_loses_nothing():
    shape = concatenate([cvxgeom.box(size=1.0), cvxgeom.box(size=(1, 0.5, 0.5), center=(0.9, 0, 0))])
    apart = separated(shape, samples_of(shape), 0.001, 64, 24)
    assert max(overlaps(apart)) < 1e-6
    assert volume(apart) == pytest.approx(1 + 0.25 * 0.9, rel=1e-4)


def test_a_part_inside_another_goes():
    shape = concatenate([cvxgeom.box(size=1.0), cvxgeom.box(size=0.3)])
    apart = separated(shape, samples_of(shape), 0.001, 64, 24)
    assert apart.n_convexes == 1
    assert volume(apart) == pytest.approx(1, rel=1e-5)


def test_without_a_plane_to_spare_the_smaller_part_goes():
    apart = separated(cross(), samples_of(cross()), 0.001, 64, 6)
    assert apart.n_convexes == 1


def test_slanted_parts_are_mirrored_without_growing():
    # Ends that slant by little meet their images far away; and a part without a half-space to spare keeps its ends.
    bar = cvxgeom.box(size=(1.0, 0.1, 0.1))
    turn = torch.from_numpy(trimesh.transformations.rotation_matrix(0.03, (0, 0, 1))[:3, :3]).float()
    slanted = torch.tensor([[0.05, 1, 0], [-0.05, -1, 0], [1, 0.3, 0], [-1, 0.3, 0], [0, 0, 1], [0, 0, -1]])
    offsets = torch.tensor([-0.05, -0.05, -0.5, -0.45, -0.05, -0.05])
    wedge = cvxgeom.from_planes(torch.nn.functional.normalize(slanted, dim=1), offsets, size=1.0)
    for shape in (bar.rotate(turn), wedge, bar.translate(torch.tensor([0.2, 0.0, 0.0]))):
        for most in (6, 7, 24):
            image = mirrored(shape, 0, samples_of(shape), 8, most)
            extent = max(float(p.bounds.abs().amax(dim=0).max()) for p in image.polytopes())
            assert all(len(set(p.face_planes)) <= most for p in image.polytopes())
            assert extent < 1.1 * float(shape.polytopes()[0].bounds.abs().max())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_shape_is_its_own_image(axis):
    generator = torch.Generator().manual_seed(axis)
    boxes = [
        cvxgeom.box(size=(0.3, 0.2, 0.4), center=tuple((torch.rand(3, generator=generator) - 0.5).tolist()))
        for _ in range(6)
    ]
    shape = concatenate([*boxes, cvxgeom.box(size=(0.9, 0.9, 0.9), center=(0.02, -0.03, 0.01))])
    image = mirrored(shape, axis, samples_of(shape), 20, 24)
    points = 1.4 * (torch.rand(20_000, 3, generator=generator) - 0.5)
    flipped = points * torch.where(torch.arange(3) == axis, -1.0, 1.0)
    assert torch.equal(image.contains(points), image.contains(flipped))


def test_mirroring_takes_the_better_side():
    whole = concatenate([cvxgeom.box(size=0.2, center=(0.3, 0, 0)), cvxgeom.box(size=0.2, center=(-0.3, 0, 0))])
    wrong = concatenate([cvxgeom.box(size=0.2, center=(0.3, 0, 0)), cvxgeom.box(size=0.1, center=(-0.3, 0, 0))])
    image = mirrored(wrong, 0, samples_of(whole), 8, 24)
    assert image.n_convexes == 2
    assert volume(image) == pytest.approx(2 * 0.2**3, rel=1e-4)


def test_the_mirror_keeps_to_the_cap_on_parts():
    shape = concatenate([cvxgeom.box(size=0.1, center=(0.3, y, 0)) for y in (-0.4, -0.2, 0.0, 0.2, 0.4)])
    assert mirrored(shape, 0, samples_of(shape), 7, 24).n_convexes == 6


def test_a_thin_board_grows_on_its_flat_sides_alone():
    shape = concatenate([cvxgeom.box(size=(1, 1, 0.01)), cvxgeom.box(size=0.5, center=(0, 0, 0.4))])
    thick = thickened(shape, 0.04)
    board, block = thick.polytopes()
    assert float(board.volume) == pytest.approx(0.04, rel=1e-3)
    assert float(block.volume) == pytest.approx(0.125, rel=1e-5)


def test_fits_keep_what_they_promise():
    quick = FitConfig(n_samples=20_000, n_steps=15)
    mesh = table()
    apart = cvxgeom.fit(mesh, dataclasses.replace(quick, disjoint=True))
    assert max(overlaps(apart.shape)) < 1e-6
    assert apart.scores["iou"] > 0.9
    even = cvxgeom.fit(mesh, dataclasses.replace(quick, symmetry="x"))
    assert even.scores["iou"] > 0.9
    thick = cvxgeom.fit(mesh, dataclasses.replace(quick, min_thickness=0.2 * mesh.extents.max()))
    assert min(2 * polytope.inradius for polytope in thick.shape.polytopes()) >= 0.2 * mesh.extents.max()


def test_two_guarantees_are_refused():
    with pytest.raises(ValueError, match=r"only one of bound, .* got bound='inner' and disjoint=True"):
        FitConfig(bound="inner", disjoint=True)
    with pytest.raises(ValueError, match="symmetry must be"):
        FitConfig(symmetry="w")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="min_thickness must be"):
        FitConfig(min_thickness=-1.0)


def test_a_mirror_without_room_for_two_parts_is_around_one():
    hull = trimesh.convex.convex_hull(np.random.default_rng(0).normal(size=(30, 3)))
    for planes in (24, 8):
        config = FitConfig.preset("fast", n_samples=4000, n_steps=10, max_parts=1, max_halfspaces=planes, symmetry="x")
        shape = cvxgeom.fit(hull, config).shape
        vertices = shape.polytopes()[0].vertices
        image = vertices * torch.tensor([-1.0, 1, 1]) + torch.tensor([hull.bounds[:, 0].sum(), 0, 0])
        assert shape.n_convexes == 1 and shape.n_halfspaces <= planes
        assert float(torch.cdist(vertices, image).amin(dim=1).max()) < 1e-5


def test_far_from_the_origin_guarantees_hold_as_well():
    mesh = trimesh.creation.annulus(0.3, 0.5, 0.3).apply_translation((500, 185, -365))
    quick = FitConfig.preset("fast", n_samples=4000, n_steps=10)
    around = cvxgeom.fit(mesh, dataclasses.replace(quick, bound="outer")).shape
    assert around.contains(torch.from_numpy(np.array(mesh.vertices))).all()
    assert max(overlaps(cvxgeom.fit(mesh, dataclasses.replace(quick, disjoint=True)).shape)) <= 0


def test_bars_that_cross_are_taken_apart_before_they_would_have_to_be_cut():
    config = FitConfig(n_steps=60, n_samples=20_000, disjoint=True)
    result = cvxgeom.fit(lattice(3), config)
    assert result.scores["iou"] > 0.99
    assert max(overlaps(result.shape)) <= 0
