"""The likeness score: a p-value by construction, and what it needs."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import cvxgeom
from cvxgeom import DepthViews
from cvxgeom.color import ColorViews
from cvxgeom.reconstruct import Likeness, Reference, appearance, likeness
from cvxgeom.reconstruct.likeness import distances_to

from .standin import camera_at, seen_by, table


def test_inputs_like_the_training_data_have_every_percentile_equally_often() -> None:
    reference = Reference.of(torch.randn(600, 16), held_out=torch.randn(400, 16))
    percentiles = torch.tensor([likeness(f, reference).percentile for f in torch.randn(400, 16)])
    for level in (0.05, 0.2, 0.5, 0.8):
        share = float((percentiles <= level).float().mean())
        assert share == pytest.approx(level, abs=4 * math.sqrt(level * (1 - level) * (1 / 400 + 1 / 400)))


def test_the_training_data_itself_serves_where_nothing_was_held_out() -> None:
    reference = Reference.of(torch.randn(500, 4))
    percentiles = torch.tensor([likeness(f, reference).percentile for f in torch.randn(400, 4)])
    assert 0.4 < float(percentiles.median()) < 0.6


def test_what_is_far_away_is_unlike() -> None:
    reference = Reference.of(torch.randn(300, 8))
    away = [likeness(torch.full((8,), value), reference) for value in (0.0, 2.0, 4.0, 8.0)]
    assert [one.percentile for one in away] == sorted((one.percentile for one in away), reverse=True)
    assert [one.distance for one in away] == sorted(one.distance for one in away)
    assert away[0].is_like and not away[-1].is_like
    assert away[-1].percentile == pytest.approx(1 / 301)


def test_what_lies_off_the_principal_axes_is_noticed() -> None:
    flat = torch.cat([torch.randn(300, 3), 1e-3 * torch.randn(300, 40)], dim=1)
    reference = Reference.of(flat)
    assert len(reference.axes) < 43
    inside, off = torch.zeros(43), torch.zeros(43)
    off[10:40] = 0.1
    assert likeness(inside, reference).is_like
    assert not likeness(off, reference).is_like


def test_a_number_that_hardly_varies_is_not_blown_up() -> None:
    features = torch.cat([torch.randn(200, 3), 1 + 1e-9 * torch.randn(200, 1)], dim=1)
    assert likeness(torch.tensor([0.0, 0.0, 0.0, 1.0001]), Reference.of(features)).is_like


def test_two_views_of_one_object_are_no_neighbors() -> None:
    objects = torch.arange(100).repeat_interleave(2)
    features = torch.randn(100, 6).repeat_interleave(2, dim=0) + 1e-4 * torch.randn(200, 6)
    alone, apart = Reference.of(features), Reference.of(features, objects)
    assert float(alone.distances.max()) < 1e-2 < float(apart.distances.min())


def test_distances_are_those_of_a_loop() -> None:
    rows, queries = torch.randn(7, 3), torch.randn(5, 3)
    distances, nearest = distances_to(rows, queries)
    for i in range(5):
        every = [float(((queries[i] - row) ** 2).mean().sqrt()) for row in rows]
        assert float(distances[i]) == pytest.approx(min(every), rel=1e-5)
        assert int(nearest[i]) == every.index(min(every))
    assert distances_to(rows, queries[:0])[0].numel() == 0


def test_the_nearest_is_named() -> None:
    features = torch.eye(3).repeat(20, 1) + 0.01 * torch.randn(60, 3)
    reference = Reference.of(features, names=["chair", "table", "lamp"] * 20)
    assert likeness(torch.tensor([[0.1, 0.9, 0.0]]), reference).nearest == "table"


def test_a_reference_survives_a_file_in_half_precision(tmp_path: Path) -> None:
    reference = Reference.of(torch.randn(100, 8), held_out=torch.randn(50, 8), names=[str(i) for i in range(100)])
    reference.save(tmp_path / "x.reference.npz")
    assert np.load(tmp_path / "x.reference.npz")["coordinates"].dtype == np.float16
    again, query = Reference.load(tmp_path / "x.reference.npz"), torch.randn(8)
    one, other = likeness(query, reference), likeness(query, again)
    assert (other.nearest, other.percentile) == (one.nearest, pytest.approx(one.percentile, abs=0.03))
    assert other.distance == pytest.approx(one.distance, rel=1e-2)


@pytest.mark.parametrize(
    ("percentile", "words"),
    [(0.02, "looks unlike"), (0.1, "looks somewhat unlike"), (0.6, "looks like the training data")],
)
def test_the_sentence_says_how_sure(percentile: float, words: str) -> None:
    found = Likeness(percentile, 1.0)
    assert found.sentence.startswith(words)
    assert f"{percentile:.0%} of known inputs" in found.sentence
    assert found.is_like == (percentile >= 0.05)
    assert "less than 1% of known inputs" in Likeness(0.002, 9.0).sentence


def test_wrong_arguments_are_refused() -> None:
    features = torch.randn(10, 4)
    reference = Reference.of(features)
    with pytest.raises(ValueError, match="feature must have 4 numbers"):
        likeness(torch.zeros(5), reference)
    with pytest.raises(ValueError, match="feature must be finite"):
        likeness(torch.full((4,), torch.nan), reference)
    with pytest.raises(ValueError, match="features must be of at least two objects"):
        Reference.of(features[:1])
    with pytest.raises(ValueError, match="objects must be one number for each of 10 features"):
        Reference.of(features, [0, 1])
    with pytest.raises(ValueError, match="names must be one for each of 10 inputs, got 1"):
        Reference.of(features, names=["chair"])
    with pytest.raises(ValueError, match="features must be finite"):
        Reference.of(features * torch.inf)
    with pytest.raises(ValueError, match="must not be empty"):
        replace(reference, distances=reference.distances[:0])
    with pytest.raises(ValueError, match=r"axes must have shape \(..., \*, 3\)"):
        replace(reference, mean=reference.mean[:3])
    with pytest.raises(ValueError, match="coordinates must be finite"):
        replace(reference, coordinates=reference.coordinates * torch.nan)
    assert cvxgeom.reconstruct.likeness is likeness


def test_a_wrong_file_is_one_sentence(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", features=np.zeros((3, 4)))
    with pytest.raises(ValueError, match="must hold the training inputs of a model"):
        Reference.load(tmp_path / "x.npz")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        Reference.load(tmp_path / "none.npz")
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ValueError, match="is damaged or cut off"):
        Reference.load(tmp_path / "x.npz")


def test_a_file_of_other_arrays_is_one_sentence(tmp_path: Path) -> None:
    Reference.of(torch.randn(10, 4)).save(tmp_path / "x.npz")
    good = dict(np.load(tmp_path / "x.npz"))
    for change in ({"rest": np.array("text")}, {"mean": np.array(["text"])}, {"axes": good["axes"][:, :2]}):
        np.savez(tmp_path / "x.npz", **{**good, **change})
        with pytest.raises(ValueError, match=r"x\.npz' does not hold the training inputs of a model: "):
            Reference.load(tmp_path / "x.npz")


@pytest.mark.parametrize("name", ["mine", "mine.reference", "mine.NPZ"])
def test_a_reference_is_saved_under_its_own_ending_alone(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=rf"path must end in \.npz, got '.*{name}'"):
        Reference.of(torch.randn(10, 4)).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


# -- appearance -------------------------------------------------------------------------------------------------------


def test_the_appearance_does_not_depend_on_place_and_unit() -> None:
    views = seen_by([camera_at((35, 20)), camera_at((150, 40))])
    moved = views.moved(torch.tensor([[1.0, 0, 0, 5], [0, 1, 0, -3], [0, 0, 1, 7], [0, 0, 0, 1]]))
    larger = views.extrinsics.clone()
    larger[:, :3, 3] *= 10
    scaled = DepthViews(views.depth * 10, views.intrinsics, larger)
    one = appearance(views)
    assert one.shape == (256,) and 0.1 < float(one.abs().max()) <= 1
    for other in (moved, scaled):
        assert float((appearance(other) - one).abs().mean()) < 0.01


def test_objects_that_lie_on_their_side_look_unlike_those_that_stand() -> None:
    generator = torch.Generator().manual_seed(0)

    def seen(n: int) -> list[DepthViews]:
        yaws = (360 * torch.rand(n, generator=generator)).tolist()
        sizes = (0.7 + 0.6 * torch.rand(n, generator=generator)).tolist()
        return [seen_by([camera_at((yaw, 20), (40, 32))], table().scale(size)) for yaw, size in zip(yaws, sizes)]

    known, held_out = (torch.stack([appearance(views) for views in seen(n)]) for n in (60, 40))
    reference = Reference.of(known, held_out=held_out)
    side = torch.eye(4)
    side[1:3, 1:3] = torch.tensor([[0.0, -1], [1, 0]])
    fresh = seen(20)
    standing = sum(likeness(appearance(views), reference).is_like for views in fresh)
    lying = sum(likeness(appearance(views.moved(side)), reference).is_like for views in fresh)
    assert standing > 15 and lying < 3


def test_photos_are_described_by_color_and_silhouette() -> None:
    views = seen_by([camera_at((35, 20))])
    gray = torch.full((1, 3, 64, 80), 0.5)
    one = appearance(ColorViews(gray, views.seen, views.intrinsics, views.extrinsics))
    noise = torch.where(views.seen[:, None], gray, torch.rand(1, 3, 64, 80))
    other = appearance(ColorViews(noise, views.seen, views.intrinsics, views.extrinsics))
    assert one.shape == (256,)
    torch.testing.assert_close(one, other)  # the background does not matter
    with pytest.raises(ValueError, match="views must be of one object"):
        appearance(views.unsqueeze())
