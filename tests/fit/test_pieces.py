"""The stages of the pipeline on their own: samples, splitting, pruning."""

import numpy as np
import pytest
import torch
import trimesh

import cvxgeom
from cvxgeom.fit.prune import prune
from cvxgeom.fit.samples import VolumeSamples, stratified
from cvxgeom.fit.split import InsidePoints, Splitter

from .solids import frame, l_shape, table


def in_l_shape(points: np.ndarray) -> np.ndarray:
    x, y, z = points.T
    low = (points >= 0).all(axis=1) & (z <= 0.5)
    return low & (((x <= 1) & (y <= 0.3)) | ((x <= 0.3) & (y <= 1)))


def box_samples(seed: int = 0) -> VolumeSamples:
    def contains(points):
        return (np.abs(points) <= 0.5).all(axis=1)

    rng = np.random.default_rng(seed)
    surface = rng.random((5000, 3)) - 0.5
    surface[np.arange(5000), rng.integers(0, 3, 5000)] = rng.choice([-0.5, 0.5], 5000)
    return stratified(contains, np.array([[-0.5] * 3, [0.5] * 3]), surface, 30_000, rng)


def test_weights_measure_volume():
    samples = box_samples()
    assert float(samples.weights.sum()) == pytest.approx(1.1**3, rel=1e-4)
    assert float(samples.weights[samples.occupied].sum()) == pytest.approx(1.0, abs=0.01)


def test_iou_of_known_boxes():
    samples = box_samples()
    assert samples.iou(cvxgeom.box().contains(samples.points)) == 1.0
    half = cvxgeom.box(size=(0.5, 1, 1), center=(-0.25, 0, 0))
    assert samples.iou(half.contains(samples.points)) == pytest.approx(0.5, abs=0.02)
    assert samples.iou(torch.zeros(len(samples), dtype=torch.bool)) == 0.0


def points_of(mesh) -> InsidePoints:
    points, faces = trimesh.sample.sample_surface(mesh, 8000, seed=0)
    return InsidePoints(np.asarray(points), np.asarray(mesh.face_normals[faces]))


@pytest.mark.parametrize(("make", "n_pieces"), [(l_shape, 2), (table, 5), (frame, 4)])
def test_splitting_finds_the_boxes(make, n_pieces):
    mesh = make()
    contains = cvxgeom.data.solidify(mesh).contains
    splitter = Splitter(points_of(mesh), lambda p: np.asarray(contains(p)), mesh.volume, np.random.default_rng(0))
    pieces = splitter.split(16)
    assert n_pieces <= len(pieces) <= n_pieces + 1
    assert sum(len(piece) for piece in pieces) == 8000, "every point stays in exactly one piece"


def test_planes_enclose_their_piece():
    mesh = l_shape()
    splitter = Splitter(points_of(mesh), in_l_shape, mesh.volume, np.random.default_rng(0))
    for piece in splitter.split(8):
        normals, offsets = splitter.planes(piece, 12)
        assert len(normals) <= 12
        assert (piece.points @ normals.T + offsets).max() <= 1e-12
        assert cvxgeom.from_planes(torch.from_numpy(normals), torch.from_numpy(offsets)).polytopes()[0].is_bounded


def test_pruning_drops_what_does_nothing():
    """A box given twice, a part outside of the solid, and planes that touch nothing or next to nothing."""
    cube = cvxgeom.box()
    diagonal = torch.nn.functional.normalize(torch.tensor([[1.0, 1, 1], [1, 1, 0]]), dim=-1)
    idle = cvxgeom.from_planes(
        torch.cat([cube.normals[0], diagonal]), torch.cat([cube.offsets[0], torch.tensor([-5.0, -0.705])]), size=1.0
    )
    outside = cvxgeom.box(size=0.05, center=(0.525, 0, 0))
    shape = prune(cvxgeom.concatenate([idle, cube, outside]), box_samples())
    assert (shape.n_convexes, shape.n_halfspaces) == (1, 6)
    assert float(shape.polytopes()[0].volume) == pytest.approx(1.0, abs=1e-4)


def test_pruning_keeps_what_is_needed():
    half = [cvxgeom.box(size=(0.5, 1, 1), center=(x, 0, 0)) for x in (-0.25, 0.25)]
    shape = prune(cvxgeom.concatenate(half), box_samples())
    assert shape.n_convexes == 2
