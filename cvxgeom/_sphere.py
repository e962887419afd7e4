"""Directions spread over the sphere."""

import numpy as np
from jaxtyping import Float


def spiral(n: int) -> Float[np.ndarray, "n 3"]:
    """Evenly spread unit vectors: a Fibonacci spiral."""
    z = 1 - (2 * np.arange(n) + 1) / n
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(n)
    return np.stack([np.sqrt(1 - z * z) * np.cos(angle), np.sqrt(1 - z * z) * np.sin(angle), z], axis=1)
