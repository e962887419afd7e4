"""Fixed colors of parts, the same in meshes, pictures and viewers."""

from functools import lru_cache

import numpy as np

# Twelve colors chosen by a search for the largest smallest distance (CIELAB) between any two, as seen with normal
# vision, protanopia, deuteranopia and tritanopia (Machado et al. 2009), and ordered so that neighbors differ most.
_BASE = (
    (14, 98, 143),
    (240, 208, 60),
    (157, 64, 26),
    (55, 215, 178),
    (92, 72, 185),
    (150, 226, 130),
    (210, 128, 245),
    (195, 126, 10),
    (226, 193, 247),
    (21, 158, 163),
    (143, 65, 81),
    (122, 163, 98),
)
_LIGHTER, _DARKER = 0.5, 0.4


@lru_cache(maxsize=1 << 14)
def part_color(part: int) -> tuple[int, int, int]:
    """The color of a part: twelve distinct ones, then the same twelve lighter, then darker, then again.

    Args:
        part: index of the convex, from 0.

    Returns:
        Red, green, blue in sRGB, 0 to 255.

    Raises:
        ValueError: ``part`` is negative.

    Example:
        >>> from cvxgeom.shape.palette import part_color
        >>> part_color(0), part_color(12)
        ((14, 98, 143), (134, 176, 199))
    """
    if part < 0:
        raise ValueError(f"part must be an index of at least 0, got {part}")
    cycle, i = divmod(int(part), len(_BASE))
    toward, amount = ((0, 0.0), (255, _LIGHTER), (0, _DARKER))[cycle % 3]
    red, green, blue = (round(c + amount * (toward - c)) for c in _BASE[i])
    return red, green, blue


def part_colors(parts: np.ndarray) -> np.ndarray:
    """Colors of many parts at once: integers of any shape → that shape and a last axis (red, green, blue), uint8."""
    parts = np.asarray(parts)
    table = np.array([part_color(i) for i in range(int(parts.max(initial=0)) + 1)], dtype=np.uint8)
    return table[parts]
