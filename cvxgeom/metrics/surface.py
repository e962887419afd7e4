"""Scores of surfaces: Chamfer distances, F-scores and normal consistency, from samples of both boundaries."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from .._checks import check_positive
from .boundary import BoundarySamples, boundary_samples

_CVXNET_TAU = 0.01


@dataclass(frozen=True)
class SurfaceScores:
    """Scores of a predicted surface P against a target T, all from the same samples.

    p and t are n points of P and of T, uniform by area; d(p, T) is the distance from p to the nearest *sample* of T,
    and d(t, P) likewise. Lengths are in the unit of the input, which CvxNet's numbers assume to be a unit frame.
    """

    chamfer_l1_mean: float  #: ½ (mean_p d(p, T) + mean_t d(t, P)), a length
    chamfer_l1_sum: float  #: mean_p d(p, T) + mean_t d(t, P), a length
    chamfer_l2sq_mean: float  #: ½ (mean_p d(p, T)² + mean_t d(t, P)²), a squared length
    chamfer_l2sq_sum_x100: float  #: 100 (mean_p d(p, T)² + mean_t d(t, P)²), what the CvxNet code reports
    hausdorff: float  #: max(max_p d(p, T), max_t d(t, P)), a length
    precision: float  #: share of p with d(p, T) ≤ τ
    recall: float  #: share of t with d(t, P) ≤ τ
    f_score: float  #: 2 · precision · recall / (precision + recall), in [0, 1]; 0 if both are 0
    f_score_cvxnet: float  #: the same with τ = 0.01, in percent, as the CvxNet code reports it
    normal_consistency: float  #: ½ (mean_p |n_p·n_t(p)| + mean_t |n_t·n_p(t)|) with the normal of the nearest sample
    sampling_floor: float  #: chamfer_l1_mean that equal surfaces have because they are sampled: ¼ (√(|P|/n) + √(|T|/n))
    tau: float  #: τ, a length
    n_samples: int  #: n, on each surface
    seed: int  #: of the samples


def surface_scores(
    prediction: Any, target: Any, n_samples: int = 100_000, seed: int = 0, *, tau: float = _CVXNET_TAU
) -> SurfaceScores:
    """All scores of surfaces, with each surface sampled and searched once.

    The two surfaces are sampled independently, so that a surface against itself scores about ``sampling_floor``, the
    mean distance to the nearest of n random points, and not 0.

    Args:
        prediction: a ConvexUnion (boundary of the union of its exact polytopes, see `sample_boundary`), a mesh, or
            anything whose ``mesh`` is one.
        target: likewise, in the same frame.
        n_samples: points on each surface.
        seed: of both samples.
        tau: distance up to which a point counts as met in the F-score, a length.

    Raises:
        TypeError: an argument is neither a shape nor a mesh.
        ValueError: there is no area to sample, a shape has batch axes, or a number is out of range.

    Example:
        >>> scores = cvxgeom.metrics.surface_scores(cvxgeom.box(), cvxgeom.box(center=(0.1, 0, 0)), n_samples=2000)
        >>> scores.chamfer_l1_mean > scores.sampling_floor, scores.normal_consistency > 0.8
        (True, True)
    """
    check_positive("tau", tau)
    seeds = np.random.SeedSequence(seed).spawn(2)
    p = boundary_samples("prediction", prediction, n_samples, np.random.default_rng(seeds[0]))
    t = boundary_samples("target", target, n_samples, np.random.default_rng(seeds[1]))
    return sample_scores(p, t, seed, tau=tau)


def sample_scores(p: BoundarySamples, t: BoundarySamples, seed: int, *, tau: float = _CVXNET_TAU) -> SurfaceScores:
    """All scores of surfaces of which samples are at hand, such as those of a data set.

    Args:
        p: samples of the prediction.
        t: as many of the target; where its area is not known, NaN stands for it and for ``sampling_floor``.
        seed: that the samples were drawn with.
        tau: distance up to which a point counts as met in the F-score, a length.

    Raises:
        ValueError: the numbers of samples differ.

    Example:
        >>> same = boundary_samples("box", cvxgeom.box(), 500, np.random.default_rng(0))
        >>> sample_scores(same, same, seed=0).f_score
        1.0
    """
    n_samples = len(p.points)
    if len(t.points) != n_samples:
        raise ValueError(f"t must have as many samples as p, {n_samples}, got {len(t.points)}")
    to_target, nearest_target = KDTree(t.points).query(p.points, workers=-1)
    to_prediction, nearest_prediction = KDTree(p.points).query(t.points, workers=-1)
    l1 = to_target.mean() + to_prediction.mean()
    l2 = (to_target**2).mean() + (to_prediction**2).mean()
    agreement = np.abs((p.normals * t.normals[nearest_target]).sum(axis=1)).mean()
    agreement += np.abs((t.normals * p.normals[nearest_prediction]).sum(axis=1)).mean()
    precision, recall = float((to_target <= tau).mean()), float((to_prediction <= tau).mean())
    unit_precision, unit_recall = float((to_target <= _CVXNET_TAU).mean()), float((to_prediction <= _CVXNET_TAU).mean())
    return SurfaceScores(
        chamfer_l1_mean=float(l1 / 2),
        chamfer_l1_sum=float(l1),
        chamfer_l2sq_mean=float(l2 / 2),
        chamfer_l2sq_sum_x100=float(100 * l2),
        hausdorff=float(max(to_target.max(), to_prediction.max())),
        precision=precision,
        recall=recall,
        f_score=_harmonic_mean(precision, recall),
        f_score_cvxnet=100 * _harmonic_mean(unit_precision, unit_recall),
        normal_consistency=float(agreement / 2),
        sampling_floor=float(np.sqrt(p.area / n_samples) + np.sqrt(t.area / n_samples)) / 4,
        tau=float(tau),
        n_samples=n_samples,
        seed=seed,
    )


def chamfer_l1_mean(prediction: Any, target: Any, n_samples: int = 100_000, seed: int = 0) -> float:
    """½ (mean_p d(p, T) + mean_t d(t, P)), a length: mean of the two directed mean distances between samples.

    Arguments and errors as for `surface_scores`, which gives all scores at the price of one.

    Example:
        >>> cvxgeom.metrics.chamfer_l1_mean(cvxgeom.box(), cvxgeom.box(), n_samples=1000) < 0.1
        True
    """
    return surface_scores(prediction, target, n_samples, seed).chamfer_l1_mean


def chamfer_l2sq_sum_x100(prediction: Any, target: Any, n_samples: int = 100_000, seed: int = 0) -> float:
    """100 (mean_p d(p, T)² + mean_t d(t, P)²): the Chamfer distance that the CvxNet code reports, in its unit frame.

    Arguments and errors as for `surface_scores`, which gives all scores at the price of one. Source: `eval` of the
    official CvxNet code.

    Example:
        >>> cvxgeom.metrics.chamfer_l2sq_sum_x100(cvxgeom.box(), cvxgeom.box(), n_samples=1000) < 2
        True
    """
    return surface_scores(prediction, target, n_samples, seed).chamfer_l2sq_sum_x100


def f_score(prediction: Any, target: Any, tau: float = _CVXNET_TAU, n_samples: int = 100_000, seed: int = 0) -> float:
    """2PR/(P+R) in [0, 1], with P the share of p with d(p, T) ≤ τ and R the share of t with d(t, P) ≤ τ.

    The CvxNet code reports it in percent, with τ = 0.01 in its unit frame (squared distance ≤ 1e-4). Further arguments
    and errors as for `surface_scores`, which gives all scores at the price of one.

    Args:
        prediction: a shape or a mesh.
        target: a shape or a mesh.
        tau: τ, a length.
        n_samples: points on each surface.
        seed: of both samples.

    Example:
        >>> cvxgeom.metrics.f_score(cvxgeom.box(), cvxgeom.box(center=(5, 0, 0)), n_samples=1000)
        0.0
    """
    return surface_scores(prediction, target, n_samples, seed, tau=tau).f_score


def normal_consistency(prediction: Any, target: Any, n_samples: int = 100_000, seed: int = 0) -> float:
    """½ (mean_p |n_p·n_t(p)| + mean_t |n_t·n_p(t)|) in [0, 1], with the normal of the nearest sample of the other side.

    Arguments and errors as for `surface_scores`, which gives all scores at the price of one.

    Example:
        >>> cvxgeom.metrics.normal_consistency(cvxgeom.box(), cvxgeom.box(), n_samples=1000) > 0.9
        True
    """
    return surface_scores(prediction, target, n_samples, seed).normal_consistency


def _harmonic_mean(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0
