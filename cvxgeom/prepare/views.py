"""Where the cameras of a dataset stand."""

import math

import numpy as np

from ..render import Camera

FIELD_OF_VIEW = 40.0
# The sphere around the object touches the border of the picture but for this much.
ROOM = 1.02
ELEVATIONS = (5.0, 35.0)
FIRST_VIEW = (35.0, 20.0)
_GOLDEN = (1 + math.sqrt(5)) / 2


def dodecahedron() -> np.ndarray:
    """The 20 vertices of a dodecahedron on the unit sphere, (20, 3), each as far as possible from all before it.

    Example:
        >>> directions = dodecahedron()
        >>> directions.shape, bool(np.isclose(np.linalg.norm(directions, axis=1), 1).all())
        ((20, 3), True)
    """
    signs = (1, -1)
    vertices = [(a, b, c) for a in signs for b in signs for c in signs]
    for a in signs:
        for b in signs:
            low, high = a / _GOLDEN, b * _GOLDEN
            vertices += [(0, low, high), (low, high, 0), (high, 0, low)]
    directions = np.array(vertices) / math.sqrt(3)
    order = [0]
    while len(order) < len(directions):
        nearest = np.linalg.norm(directions[:, None] - directions[order], axis=-1).min(axis=1)
        # Rounded, so that ties go to the first one on every machine.
        order.append(int(np.round(nearest, 9).argmax()))
    return directions[order]


def depth_cameras(radius: float, n: int, size: int) -> list[Camera]:
    """The cameras of the depth maps: at vertices of a dodecahedron, looking at the origin.

    Args:
        radius: of the sphere around the origin that holds the object.
        n: how many, at most 20.
        size: pixels along each side.

    Example:
        >>> len(depth_cameras(0.8, 4, 64))
        4
    """
    return [_camera(direction, radius, size) for direction in dodecahedron()[:n]]


def rgb_cameras(radius: float, n: int, size: int, random: np.random.Generator) -> list[Camera]:
    """The cameras of the pictures: all around, somewhat above the object, each somewhere in its own sector.

    Args:
        radius: of the sphere around the origin that holds the object.
        n: how many. The first one stands at azimuth 35 and elevation 20 degrees.
        size: pixels along each side.
        random: decides on the others.

    Example:
        >>> camera = rgb_cameras(0.8, 3, 64, np.random.default_rng(0))[0]
        >>> round(math.degrees(math.atan2(camera.position[0], camera.position[2])), 6)
        35.0
    """
    azimuths = FIRST_VIEW[0] + (np.arange(n) + random.uniform(-0.5, 0.5, n)) * 360 / n
    elevations = random.uniform(*ELEVATIONS, n)
    azimuths[0], elevations[0] = FIRST_VIEW
    a, e = np.radians(azimuths), np.radians(elevations)
    directions = np.stack([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)], axis=1)
    return [_camera(direction, radius, size) for direction in directions]


def _camera(direction: np.ndarray, radius: float, size: int) -> Camera:
    distance = radius / math.sin(math.radians(FIELD_OF_VIEW / 2)) * ROOM
    x, y, z = (direction * distance).tolist()
    return Camera(position=(x, y, z), field_of_view=FIELD_OF_VIEW, size=(size, size))
