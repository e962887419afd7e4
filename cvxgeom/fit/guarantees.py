"""What a shape is made to satisfy at the end, if the budget of the fit asks for it."""

import numpy as np

from ..shape import ConvexUnion, concatenate
from .bound import inner, outer
from .config import FitConfig
from .constraints import mirrored, separated, thickened
from .deadline import Deadline
from .initialize import pieces, uncovered
from .parts import union_of
from .samples import VolumeSamples
from .split import InsidePoints
from .target import Target

_APART = 0.005  # from all parts, per unit of the longest side: a point to be covered by a part of its own
_N_MORE = 100_000  # samples that a one-sided shape must respect, beside those of the fit


def guaranteed(
    shape: ConvexUnion, target: Target, samples: VolumeSamples, config: FitConfig, until: Deadline
) -> ConvexUnion:
    """The shape with what must hold, if something must.

    Args:
        shape: a single union.
        target: of the fit.
        samples: of the solid.
        config: says what must hold.
        until: after that, nothing is done beyond what must hold.
    """
    if config.disjoint:
        return separated(shape, samples, config.part_worth, config.max_parts, config.most_planes)
    if config.symmetry is not None:
        return mirrored(shape, "xyz".index(config.symmetry), samples, config.max_parts, config.most_planes)
    if config.min_thickness is not None:
        return thickened(shape, config.min_thickness * target.normalization.scale)
    return shape if config.bound is None else _bounded(shape, target, samples, config, until)


def _bounded(
    shape: ConvexUnion, target: Target, samples: VolumeSamples, config: FitConfig, until: Deadline
) -> ConvexUnion:
    """The shape made one-sided."""
    more = target.samples(_N_MORE, np.random.default_rng([0, 2]))
    both = samples.joined(more)
    if config.bound == "inner":
        return inner(shape, both)
    within = target.inside.points.astype(np.float32)
    corners = [] if target.surface is None else [np.asarray(target.surface.vertices, dtype=np.float32)]
    all_of_it = np.concatenate([both.points[both.occupied].numpy(), within, *corners])
    begun = until.clock()
    found = [outer(shape, all_of_it)]
    if until.left < 2 * (until.clock() - begun):  # what follows takes longer
        return found[0]
    # What stands apart from all parts may get parts of its own: else a whole board would grow for a knob.
    apart = uncovered(InsidePoints(all_of_it.astype(np.float64), np.zeros_like(all_of_it)), shape, _APART)
    rng = np.random.default_rng([config.seed, 2])
    if more := pieces(apart, samples, config.max_parts - shape.n_convexes, rng, until):
        found.append(outer(concatenate([shape, union_of(more)]), all_of_it))
    return max(found, key=lambda shape: samples.iou(shape.contains(samples.points)))
