"""Where cameras stand, and that they see the whole object."""

import math

import numpy as np
import pytest
import torch

from cvxgeom.prepare.views import depth_cameras, dodecahedron, rgb_cameras


def test_directions_are_the_vertices_of_a_dodecahedron() -> None:
    directions = dodecahedron()
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    np.testing.assert_allclose(directions[0], np.full(3, 3**-0.5))
    cosines = np.sort((directions @ directions.T).round(6), axis=1)
    # Each vertex has three neighbors, all at one angle, and one opposite vertex.
    np.testing.assert_allclose(cosines[:, -4:-1], math.sqrt(5) / 3, atol=1e-6)
    np.testing.assert_allclose(cosines[:, 0], -1)


@pytest.mark.parametrize("n", range(2, 21))
def test_the_first_views_are_spread(n: int) -> None:
    chosen = dodecahedron()[:n]
    cosines = chosen @ chosen.T - 2 * np.eye(n)
    # The second is opposite to the first; up to 8 are corners of a cube.
    limit = -1 if n == 2 else 1 / 3 if n <= 8 else math.sqrt(5) / 3
    assert cosines.max() <= limit + 1e-9


def test_the_object_fills_the_picture_and_is_not_cut_off() -> None:
    random = np.random.default_rng(0)
    sphere = torch.nn.functional.normalize(torch.randn(5000, 3, dtype=torch.float64), dim=1) * 0.7
    for camera in [*depth_cameras(0.7, 20, 64), *rgb_cameras(0.7, 7, 64, random)]:
        pixels, depth = camera.project(sphere)
        assert 0 <= pixels.min() < 1.5 and 62.5 < pixels.max() <= 64
        assert bool((depth > 0).all())
        torch.testing.assert_close(
            camera.project(torch.zeros(1, 3, dtype=torch.float64))[0], torch.tensor([[32.0, 32.0]]).double()
        )


def test_pictures_are_taken_from_all_around_and_somewhat_above() -> None:
    cameras = rgb_cameras(0.7, 12, 64, np.random.default_rng(1))
    places = np.array([camera.position for camera in cameras])
    azimuths = np.degrees(np.arctan2(places[:, 0], places[:, 2]))
    elevations = np.degrees(np.arcsin(places[:, 1] / np.linalg.norm(places, axis=1)))
    assert (azimuths[0], elevations[0]) == pytest.approx((35, 20))
    assert 5 <= elevations.min() and elevations.max() <= 35
    assert np.diff(np.sort(azimuths % 360)).max() < 60
