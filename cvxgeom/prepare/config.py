"""What is computed for each shape."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .._checks import check_positive, describe, is_whole, store_plain

# Standard deviations of the noise that moves points off the surface, in longest sides; equal shares.
NEAR_SIGMAS = (0.004, 0.015, 0.05)


@dataclass(frozen=True)
class PrepareConfig:
    """Settings of a dataset; equal settings and sources give equal files, to the byte.

    Args:
        seed: of every random choice. A shape's own choices depend on this and its id alone.
        n_views: depth maps of each shape; at most 20, the vertices of a dodecahedron.
        depth_size: pixels along each side of a depth map.
        n_uniform: points drawn evenly from the bounding box of the solid.
        n_near: points near the surface; a multiple of 3.
        n_surface: points on the surface.
        grid: cells along each axis of the occupancy grid.
        rgb: whether to render pictures as well; needs OpenGL.
        n_rgb_views: pictures of each shape.
        rgb_size: pixels along each side of a picture.
        shard_bytes: a file of the dataset ends before it holds more than this, unless a single shape does.

    Raises:
        TypeError: a setting is of another type.
        ValueError: it is out of range.

    Example:
        >>> PrepareConfig(n_views=4).n_views
        4
    """

    seed: int = 0
    n_views: int = 20
    depth_size: int = 224
    n_uniform: int = 32_768
    n_near: int = 60_000
    n_surface: int = 20_000
    grid: int = 128
    rgb: bool = False
    n_rgb_views: int = 24
    rgb_size: int = 128
    shard_bytes: int = 4 << 30

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name == "rgb":
                continue
            if not is_whole(value):
                raise TypeError(f"{name} must be a whole number, got {describe(value)}")
            if name not in ("seed", "n_views"):
                check_positive(name, value)
        store_plain(self)
        if self.seed < 0:
            raise ValueError(f"seed must be 0 or more, got {self.seed}")
        if not 0 <= self.n_views <= 20:
            raise ValueError(f"n_views must be from 0 to 20, got {self.n_views}")
        if self.n_near % len(NEAR_SIGMAS):
            raise ValueError(f"n_near must be a multiple of {len(NEAR_SIGMAS)}, got {self.n_near}")

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values, for the manifest."""
        return asdict(self)

    def random(self, identifier: str, purpose: str) -> np.random.Generator:
        """Random numbers that depend on the seed, a shape and what they are for, and on nothing else."""
        digest = hashlib.sha256(f"{identifier}\n{purpose}".encode()).digest()
        return np.random.default_rng([self.seed, *np.frombuffer(digest[:16], dtype="<u4").tolist()])
