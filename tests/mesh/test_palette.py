"""Colors of parts: fixed, distinct, and told apart by color-blind readers."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from cvxgeom.shape.palette import part_color, part_colors

# Machado, Oliveira and Fernandes 2009, severity 1, in linear light.
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}


@pytest.mark.parametrize("vision", VISION)
def test_twelve_colors_are_told_apart(vision):
    srgb = np.array([part_color(i) for i in range(12)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(VISION[vision]), 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 1e3 * np.eye(12)
    assert distances.min() > 20  # 2.3 is just noticeable


def test_cycles_differ_and_then_repeat():
    assert len({part_color(i) for i in range(36)}) == 36
    assert [part_color(i) for i in range(36, 48)] == [part_color(i) for i in range(12)]


def test_many_at_once():
    parts = np.array([[3, 0], [40, 3]])
    colors = part_colors(parts)
    assert colors.shape == (2, 2, 3) and colors.dtype == np.uint8
    assert tuple(colors[1, 0]) == part_color(40) and tuple(colors[0, 0]) == tuple(colors[1, 1]) == part_color(3)
    assert part_colors(np.zeros(0, dtype=int)).shape == (0, 3)


def test_negative_part_is_refused():
    with pytest.raises(ValueError, match="part must be an index of at least 0, got -1"):
        part_color(-1)
