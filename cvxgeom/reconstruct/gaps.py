"""Stored numbers as z-depth in meters: units, and pixels that show nothing."""

import numpy as np
from jaxtyping import Bool, Float

from .._checks import check_positive
from .files import StoredDepth

MILLIMETERS = 1000.0
# No depth camera measures nearer or farther, no piece of furniture is seen from there.
NEAREST, FARTHEST = 0.03, 100.0
# Fewer pixels than this tell nothing about a shape.
FEWEST_PIXELS = 50


def to_meters(
    stored: StoredDepth,
    name: str,
    depth_scale: float | int | None = None,
    mask: Bool[np.ndarray, "V h w"] | None = None,
) -> Float[np.ndarray, "V h w"]:
    """z-depth in meters, +∞ in the background, NaN where nothing was measured.

    With a mask, the background is everything outside it, and a pixel inside it without a depth was not measured.
    Without one, files say in different ways where the background is: by +∞, or if they have none by 0, or if they have
    none of these by NaN. What is left of zeros and NaN was not measured.

    Args:
        stored: what the file holds.
        name: what error messages call it.
        depth_scale: how many of its numbers make a meter; by default 1000 for whole numbers and 1 for others.
        mask: which pixels show the object.

    Raises:
        ValueError: a depth is negative, nothing is seen, or the numbers cannot be what ``depth_scale`` says.

    Example:
        >>> float(to_meters(StoredDepth(np.full((1, 8, 8), 1500, np.uint16)), "a wall")[0, 0, 0])
        1.5
    """
    if depth_scale is not None:
        check_positive("depth_scale", depth_scale)
    numbers = stored.numbers.astype(np.float64)
    if (numbers < 0).any():
        raise ValueError(f"depth must not be negative, got {numbers[numbers < 0].min():.4g} in {name}")
    if mask is not None:
        numbers = np.where(mask, numbers, np.inf)
        missing = mask & ~(np.isfinite(numbers) & (numbers > 0))
        background = ~mask
    else:
        markers = (np.isposinf(numbers), numbers == 0, np.isnan(numbers))
        background = next((marker for marker in markers if marker.any()), markers[0])
        missing = (markers[1] | markers[2]) & ~background
    seen = ~(background | missing)
    _check_seen(seen, numbers, name, mask)
    scale = depth_scale or (MILLIMETERS if stored.counts else 1.0)
    _check_unit(numbers[seen] / scale, scale, name)
    return np.where(background, np.inf, np.where(missing, np.nan, numbers / scale))


def _check_seen(seen: np.ndarray, numbers: np.ndarray, name: str, mask: np.ndarray | None) -> None:
    for view, count in enumerate(seen.reshape(len(seen), -1).sum(axis=1)):
        if count >= FEWEST_PIXELS:
            continue
        where = name if len(seen) == 1 else f"view {view} of {name}"
        if count:
            raise ValueError(f"{where} shows something in {count} pixels only, at least {FEWEST_PIXELS} are needed")
        if mask is not None and not mask[view].any():
            raise ValueError(f"the mask of {where} is empty: no pixel shows the object")
        if mask is not None:
            raise ValueError(f"{where} has no depth inside the mask")
        if np.isnan(numbers[view]).all():
            raise ValueError(f"{where} is NaN everywhere: nothing was measured")
        raise ValueError(f"{where} is empty: every pixel is background (0, NaN or infinite)")


def _check_unit(meters: np.ndarray, scale: float, name: str) -> None:
    """The far end decides about "too near", and the near end about "too far": a stray pixel proves nothing."""
    low, middle, high = np.quantile(meters, [0.05, 0.5, 0.95])
    reads = f"{name} reads as {low:.3g} to {high:.3g} m from the camera at {scale:g} to the meter"
    if high < NEAREST:
        guess = next((s for s in (1.0, 100.0) if s < scale and NEAREST < middle * scale / s < FARTHEST), None)
        raise ValueError(f"{reads}, nearer than any camera sees; {_advice(guess)}")
    if low > FARTHEST:
        guess = next((s for s in (1000.0, 100.0, 10000.0) if s > scale and middle * scale / s < FARTHEST), None)
        raise ValueError(f"{reads}, farther than {FARTHEST:g} m; {_advice(guess)}")


_UNITS = {1.0: "meters", 100.0: "centimeters", 1000.0: "millimeters", 10000.0: "tenths of a millimeter"}


def _advice(scale: float | None) -> str:
    if scale is None:
        return "say how many of its numbers make a meter (depth_scale, --depth-scale)"
    return f"if its numbers are {_UNITS[scale]}, say depth_scale={scale:g} (--depth-scale {scale:g})"
