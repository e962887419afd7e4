"""Scores of volume: intersection over union with its standard error, coverage, concavity."""

from dataclasses import dataclass

import manifold3d
import numpy as np
import trimesh

from .._checks import check_positive, describe, is_whole
from ..shape import ConvexUnion
from ..shape.solid import to_manifold, unite
from .inside import Solid, as_solid, check_single

_MOST_BATCHES = 200


@dataclass(frozen=True)
class IoU:
    """Volumetric intersection over union of a prediction P and a target T, and what it was measured with."""

    value: float  #: |P ∩ T| / |P ∪ T|
    standard_error: float  #: of the value; 0 if computed exactly
    over_coverage: float  #: |P \ T| / |P|, the share of the prediction that is outside of the target; 0 for empty P
    under_coverage: float  #: |T \ P| / |T|, the share of the target that is missed; 0 for empty T
    volume_prediction: float  #: |P|, cubic length units
    volume_target: float  #: |T|
    n_points: int  #: points drawn in the joint bounding box; 0 if computed exactly
    n_points_in_union: int  #: those of them inside P or T, which is what the standard error depends on
    seed: int | None  #: None if computed exactly


def iou(
    prediction: Solid,
    target: Solid,
    n_points: int = 100_000,
    seed: int = 0,
    *,
    smooth: bool = False,
    max_standard_error: float | None = None,
) -> IoU:
    """Intersection over union, estimated with points uniform in the joint bounding box.

    Of u points that lie in P ∪ T, i lie in P ∩ T: value = i/u and standard error √(p(1−p)/(u+4)) with p = (i+2)/(u+4)
    (the two points added to either side keep it honest where i is near 0 or u). Points outside of both tell nothing, so
    a solid that fills 1 % of its box needs a hundred times the points: look at ``n_points_in_union``, or demand a
    ``max_standard_error``.

    Args:
        prediction: a ConvexUnion (its exact polytopes; unbounded ones are left out), a closed mesh, or anything with
            ``contains(points)`` and ``bounds``.
        target: likewise, in the same frame.
        n_points: how many points to draw; with ``max_standard_error``, how many at a time.
        seed: of the random points.
        smooth: take the level set of the smooth convexes of a ConvexUnion, `ConvexUnion.sdf` ≤ 0, instead.
        max_standard_error: draw more points, up to 200 times ``n_points``, until the standard error is at most this.

    Raises:
        TypeError: an argument has no inside.
        ValueError: a mesh is not closed, a shape has batch axes, a number is out of range, both solids are empty, or no
            point was met in either.
        ImportError: a mesh was given, and no engine for rays is installed.

    Example:
        >>> result = cvxgeom.metrics.iou(cvxgeom.box(), cvxgeom.box(center=(0.5, 0, 0)))
        >>> abs(result.value - 1 / 3) < 4 * result.standard_error, result.standard_error < 0.002
        (True, True)
    """
    if not is_whole(n_points) or n_points < 1:
        raise ValueError(f"n_points must be an integer of at least 1, got {describe(n_points)}")
    if max_standard_error is not None:
        check_positive("max_standard_error", max_standard_error)
    p, t = as_solid("prediction", prediction, smooth), as_solid("target", target, smooth)
    corners = np.concatenate([np.asarray(p.bounds, dtype=float), np.asarray(t.bounds, dtype=float)])
    corners = corners[np.isfinite(corners).all(axis=1)]
    if not len(corners):
        raise ValueError("prediction and target must not both be empty: neither has a bounded part")
    low, high = corners.min(axis=0), corners.max(axis=0)
    generator, n_points = np.random.default_rng(seed), int(n_points)
    drawn = both = only_p = only_t = 0
    for _ in range(1 if max_standard_error is None else _MOST_BATCHES):
        points = generator.uniform(low, high, size=(n_points, 3))
        in_p, in_t = np.asarray(p.contains(points)), np.asarray(t.contains(points))
        drawn += n_points
        both += int((in_p & in_t).sum())
        only_p += int((in_p & ~in_t).sum())
        only_t += int((in_t & ~in_p).sum())
        error = _standard_error(both, both + only_p + only_t)
        if max_standard_error is not None and error <= max_standard_error:
            break
    if not both + only_p + only_t:
        raise ValueError(f"n_points must be larger: none of {drawn} points lies in prediction or target")
    point_volume = float(np.prod(high - low)) / drawn
    volumes = both * point_volume, (both + only_p) * point_volume, (both + only_t) * point_volume
    return _result(*volumes, error, drawn, both + only_p + only_t, seed)


def iou_exact(prediction: ConvexUnion | trimesh.Trimesh, target: ConvexUnion | trimesh.Trimesh) -> IoU:
    """Intersection over union by exact booleans of two solids, up to rounding.

    Args:
        prediction: a ConvexUnion (its exact polytopes; unbounded ones are left out) or a closed manifold mesh without
            self-intersections.
        target: likewise, in the same frame.

    Raises:
        TypeError: neither a ConvexUnion nor a mesh.
        ValueError: a mesh is not a closed manifold, a shape has batch axes, or both solids are empty.

    Example:
        >>> cvxgeom.metrics.iou_exact(cvxgeom.box(), cvxgeom.box(center=(0.5, 0, 0))).value
        0.333...
    """
    p, t = as_manifold("prediction", prediction), as_manifold("target", target)
    if p.is_empty() and t.is_empty():
        raise ValueError("prediction and target must not both be empty")
    return _result((p ^ t).volume(), p.volume(), t.volume(), 0.0, 0, 0, None)


def concavity(solid: ConvexUnion | trimesh.Trimesh) -> float:
    """1 − |S| / |hull(S)|: 0 for a convex solid, near 1 for one that fills little of its convex hull.

    Args:
        solid: a ConvexUnion (its exact polytopes; unbounded ones are left out) or a closed mesh.

    Raises:
        TypeError: neither a ConvexUnion nor a mesh.
        ValueError: a mesh is not a closed manifold, a shape has batch axes, or the solid is empty.

    Example:
        >>> two_boxes = cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(center=(2, 0, 0))])
        >>> round(cvxgeom.metrics.concavity(two_boxes), 6)
        0.333333
    """
    manifold = as_manifold("solid", solid)
    if manifold.is_empty():
        raise ValueError("solid must not be empty: it has no bounded part")
    return max(0.0, 1 - manifold.volume() / manifold.hull().volume())


def as_manifold(name: str, solid: ConvexUnion | trimesh.Trimesh) -> manifold3d.Manifold:
    """A solid for boolean operations.

    Raises:
        TypeError: neither a ConvexUnion nor a mesh.
        ValueError: a mesh is not a closed manifold, or a shape has batch axes.
    """
    if isinstance(solid, ConvexUnion):
        check_single(name, solid)
        return unite(solid.detach().polytopes()).manifold
    if not isinstance(solid, trimesh.Trimesh):
        raise TypeError(f"{name} must be a ConvexUnion or a trimesh.Trimesh, got {describe(solid)}")
    # Copies, because the engine takes no read-only arrays.
    return to_manifold(np.array(solid.vertices), np.array(solid.faces), name)


def _standard_error(successes: int, trials: int) -> float:
    share = (successes + 2) / (trials + 4)
    return float(np.sqrt(share * (1 - share) / (trials + 4)))


def _result(
    both: float, prediction: float, target: float, error: float, n_points: int, n_in_union: int, seed: int | None
) -> IoU:
    return IoU(
        value=both / (prediction + target - both),
        standard_error=error,
        over_coverage=max(0.0, 1 - both / prediction) if prediction else 0.0,
        under_coverage=max(0.0, 1 - both / target) if target else 0.0,
        volume_prediction=prediction,
        volume_target=target,
        n_points=n_points,
        n_points_in_union=n_in_union,
        seed=seed,
    )
