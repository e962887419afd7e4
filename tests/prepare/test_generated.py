"""Furniture drawn at random, and the solids that it is put together from."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from manifold3d import Manifold

from cvxgeom.data import Dataset
from cvxgeom.prepare import check_dataset, open_source, prepare
from cvxgeom.prepare.generated import CLASSES, furniture, furniture_class, furniture_color
from cvxgeom.prepare.generated.draw import Draw
from cvxgeom.prepare.generated.solids import ball, block, bowed, disc, lathe, rod, united

from .meshes import SMALL

N = 150


def prism(n_sides: int, radius: float, height: float) -> float:
    """Volume of a prism over a regular polygon whose corners are this far from its middle."""
    return n_sides / 2 * radius**2 * math.sin(2 * math.pi / n_sides) * height


def bounds(solid: Manifold) -> np.ndarray:
    return np.array(solid.bounding_box()).reshape(2, 3)


# -- solids -----------------------------------------------------------------------------------------------------------


def test_rounding_takes_edges_and_corners_but_not_extents() -> None:
    sharp, soft = (block((0, 1), (2, 4), (-3, 0), rounding) for rounding in (0.0, 0.3))
    np.testing.assert_allclose(bounds(sharp), [[0, 2, -3], [1, 4, 0]])
    np.testing.assert_allclose(bounds(soft), bounds(sharp), atol=1e-6)
    # Of a box rounded by r: a smaller box, its faces moved out, quarter cylinders at its edges, eighths of a ball.
    r, a, b, c = 0.3, 0.4, 1.4, 2.4
    smooth = a * b * c + 2 * r * (a * b + b * c + c * a) + math.pi * r**2 * (a + b + c) + 4 / 3 * math.pi * r**3
    assert 0.97 * smooth < soft.volume() < smooth
    assert block((1, 0), (0, 1), (0, 1)).volume() == pytest.approx(1), "ends may come in any order"


@pytest.mark.parametrize("end", [(0, 2, 0), (0, -2, 0), (2, 0, 0), (0, 0, 2), (1.2, -1.6, 0), (0.01, 2, 0)])
def test_a_round_rod_runs_from_place_to_place(end: tuple[float, float, float]) -> None:
    start = np.array((0.3, -0.2, 0.5))
    place = start + end
    made = rod(tuple(start), tuple(place), 0.1)
    assert made.volume() == pytest.approx(prism(16, 0.1, float(np.linalg.norm(end))), rel=1e-5)
    corners = np.asarray(made.to_mesh64().vert_properties)[:, :3]
    along = (corners - start) @ np.array(end) / np.linalg.norm(end)
    assert along.min() == pytest.approx(0, abs=1e-6) and along.max() == pytest.approx(np.linalg.norm(end), rel=1e-6)


def test_a_square_rod_leans_with_level_ends() -> None:
    made = rod((0, 0, 0), (1, 2, 0), 0.1, 0.2, square=True)
    np.testing.assert_allclose(bounds(made), [[-0.1, 0, -0.2], [1.2, 2, 0.2]], atol=1e-3)


def test_lathe_and_disc_turn_around_the_upright_axis() -> None:
    ring = lathe([(1, 0), (2, 0), (2, 3), (1, 3)])
    assert ring.volume() == pytest.approx(prism(32, 2, 3) - prism(32, 1, 3), rel=1e-5)
    np.testing.assert_allclose(bounds(ring), [[-2, 0, -2], [2, 3, 2]], atol=1e-6)
    assert disc(2, (1, 4)).volume() == pytest.approx(prism(32, 2, 3), rel=1e-5)


@pytest.mark.parametrize("along", ["x", "y"])
def test_a_bowed_panel_keeps_its_volume(along: str) -> None:
    # It is sheared step by step, which no volume feels; its rims stand back by the depth.
    made = bowed(2, 1, 0.1, 0.3, along)
    assert made.volume() == pytest.approx(0.2, rel=1e-5)
    np.testing.assert_allclose(bounds(made), [[-1, 0, -0.35], [1, 1, 0.05 - 0.3 / 49]], atol=1e-6)


def test_a_union_counts_what_overlaps_once() -> None:
    parts = [block((0, 1), (0, 1), (0, 1)), block((0.5, 1.5), (0, 1), (0, 1))]
    assert united(parts).volume() == pytest.approx(1.5)
    assert bounds(ball(1, (1, 2, 3))) == pytest.approx(np.array([[-1, -2, -3], [1, 2, 3]]), abs=0.02)


# -- draws ------------------------------------------------------------------------------------------------------------


def test_draws_stay_in_their_ranges_and_follow_from_the_seed() -> None:
    draw, again, other = Draw(1, 2), Draw(1, 2), Draw(1, 3)
    values = [draw.between(2, 3) for _ in range(500)]
    assert values == [again.between(2, 3) for _ in range(500)] != [other.between(2, 3) for _ in range(500)]
    assert min(values) >= 2 and max(values) <= 3
    assert np.mean([draw.size(0.25, 4) > 1 for _ in range(2000)]) == pytest.approx(0.5, abs=0.05)
    assert Counter(draw.count(1, 3) for _ in range(300)).keys() == {1, 2, 3}
    assert np.mean([draw.chance(0.2) for _ in range(2000)]) == pytest.approx(0.2, abs=0.04)
    assert {draw.one_of("a", "b") for _ in range(50)} == {"a", "b"}


# -- furniture --------------------------------------------------------------------------------------------------------


def test_each_piece_is_one_closed_solid_of_the_size_of_furniture() -> None:
    labels, loose = Counter(), 0
    for index in range(N):
        label, mesh = furniture(index)
        labels[label] += 1
        assert mesh.is_volume and mesh.volume > 0, (index, label)
        assert 0.15 < mesh.extents.max() < 4, (index, label, mesh.extents)
        parts = mesh.split(only_watertight=False)
        loose += len(parts) > 1 and sum(abs(part.volume) for part in parts[1:]) > 1e-3 * mesh.volume
    assert set(labels) == set(CLASSES)
    assert labels["chair"] > labels["appliance"] and labels["table"] > labels["lamp"]
    assert loose <= 0.02 * N, f"{loose} pieces fall apart"


def test_a_piece_follows_from_its_number_and_the_seed() -> None:
    label, mesh = furniture(7, seed=3)
    again, same = furniture(7, seed=3)
    assert label == again == furniture_class(7, seed=3)
    np.testing.assert_array_equal(mesh.vertices, same.vertices)
    np.testing.assert_array_equal(mesh.faces, same.faces)
    others = [furniture(i, seed)[1] for i, seed in ((8, 3), (7, 4))]
    assert all(
        other.vertices.shape != mesh.vertices.shape or (other.vertices != mesh.vertices).any() for other in others
    )


@pytest.mark.parametrize("index, seed, name", [(-1, 0, "index"), (0, -1, "seed"), (0, True, "seed")])
def test_what_is_no_number_of_a_piece_is_refused(index: int, seed: int, name: str) -> None:
    for function in (furniture, furniture_class, furniture_color):
        with pytest.raises(ValueError, match=f"{name} must be a whole number of 0 or more, got (-1|True)"):
            function(index, seed)


def test_colors_differ_and_follow_from_the_number() -> None:
    colors = [furniture_color(index) for index in range(200)]
    assert colors == [furniture_color(index) for index in range(200)] and len(set(colors)) == 200
    values = np.array(colors)
    assert values.min() >= 0 and values.max() <= 1
    assert np.mean(np.ptp(values, axis=1) < 0.08) == pytest.approx(1 / 3, abs=0.12), "a third is gray"


# -- as a source ------------------------------------------------------------------------------------------------------


def test_more_pieces_leave_the_first_ones_as_they_are() -> None:
    few, many = (open_source(Path(f"generated:{n}"), seed=5) for n in (20, 200))
    assert [(item.id, item.split, item.label) for item in many[:20]] == [(i.id, i.split, i.label) for i in few]
    assert len({item.id for item in many}) == 200
    assert {item.split for item in many} == {"train", "val", "test"}
    assert {item.facts.license for item in many} == {"CC0"} and all(item.facts.furniture for item in many)
    assert not {item.id for item in many} & {item.id for item in open_source(Path("generated:200"), seed=6)}


def test_what_cannot_be_generated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'generated:0' must ask for at least one shape"):
        open_source(Path("generated:0"))
    table = tmp_path / "split.csv"
    table.write_text("path,split\na,train\n")
    with pytest.raises(ValueError, match="'generated:3' takes no split file"):
        open_source(Path("generated:3"), table)
    with pytest.raises(FileNotFoundError, match="there is no 'generated:many'"):
        open_source(Path("generated:many"))


def test_a_dataset_of_generated_furniture_is_exact(tmp_path: Path) -> None:
    config = replace(SMALL, grid=64)  # finer than the thinnest of them
    report = prepare(Path("generated:6"), tmp_path / "out", config, n_workers=1)
    assert report["used"] == report["statistics"]["exact"] == 6 and not report["refused"]
    assert check_dataset(tmp_path / "out")["problems"] == []
    record = Dataset(tmp_path / "out", "train")[0]
    index = int(record.id.rsplit("-", 1)[1])
    label, mesh = furniture(index)
    assert record.label == label and record.creator == "cvxgeom"
    share = mesh.volume / np.prod(mesh.extents)  # of its box; points are drawn evenly from that
    n = len(record.uniform.points)
    assert record.uniform.occupancy.float().mean() == pytest.approx(share, abs=5 * math.sqrt(share / n))
