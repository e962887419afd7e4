"""What a fit works with: labeled samples of its target, as many as there is time for."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from ..shape import ConvexUnion
from .config import FitConfig
from .deadline import Deadline
from .samples import VolumeSamples
from .split import InsidePoints
from .target import Target

_FEWEST = 10_000  # samples, however little time there is
_SAMPLES_PER_SQUARE_SECOND = 2000  # as the more time there is, the less of it goes into pieces
_N_HELD_OUT = 30_000  # samples that no gradient sees, which decide whether the refined shape is the better one
_N_VERIFY = 60_000  # fresh samples for the final scores
_N_SKIN = 20_000  # samples on each side of the surface
_SKIN_SHARE = 0.3  # of all that pulls at the half-spaces
_MOST_CUT_BY = 80_000  # samples by which cuts are judged: a cut need not be as exact as what is refined
_MOST_GROWN_BY = 50_000  # samples that tell how far parts may grow; gradients say so better
_FEWEST_POINTS = 8000
_POINTS_PER_SAMPLE = 0.36  # that pieces are cut from: more are no use where samples are few
_LABELING = 0.2  # share of the time left that labels of more samples may take
_BIAS = 5.0  # of samples on the side that a bound forbids to be wrong about
_SHOWN = 30  # so few occupied samples cannot say where a half-space belongs, if the first hull is no bad one by them


@dataclass(frozen=True, eq=False)
class Material:
    """Samples of a target, and what is made of them.

    Args:
        target: that is to be covered.
        config: of the fit.
        n_samples: that were asked for; of views some are unknown, and left out.
        samples: that pull at half-spaces and decide on parts.
        held_out: that no gradient sees.
        skin: samples on both sides of the surface; None if no surface is known.
        thinned: the target, with so many points inside as pieces are cut from.
        score_seconds: that it takes to score a shape by one sample; 0 where time is not limited.
    """

    target: Target
    config: FitConfig
    n_samples: int
    samples: VolumeSamples
    held_out: VolumeSamples
    skin: VolumeSamples | None
    thinned: Target
    score_seconds: float

    @classmethod
    def drawn(cls, target: Target, config: FitConfig, deadline: Deadline, rng: np.random.Generator) -> "Material":
        """From a target, for a fit that is to end by a deadline."""
        n_samples = config.n_samples
        if config.max_seconds is not None:  # what could not be looked at in time would only hold up
            n_samples = int(min(n_samples, max(_FEWEST, _SAMPLES_PER_SQUARE_SECOND * config.max_seconds**2)))
        samples = target.samples(n_samples, rng)
        before = deadline.left
        held_out = target.samples(_N_HELD_OUT, rng)
        score_seconds = 0.0 if config.max_seconds is None else 2 * (before - deadline.left) / _N_HELD_OUT
        skin = target.skin(min(_N_SKIN, n_samples // 2), np.random.default_rng([config.seed, 2]))
        n_points = max(_FEWEST_POINTS, int(_POINTS_PER_SAMPLE * n_samples))
        thinned = replace(target, inside=_some(target.inside, n_points, rng))
        skin = None if skin is None else _biased(skin, config.bound)
        return cls(target, config, n_samples, samples, held_out, skin, thinned, score_seconds)

    @cached_property
    def biased(self) -> VolumeSamples:
        """The samples with more weight for what a bound forbids."""
        return _biased(self.samples, self.config.bound)

    @cached_property
    def judging(self) -> VolumeSamples:
        """What tells which of two parts is the better one: half of it no gradient sees."""
        return self.samples if self.target.given is not None else self.samples.joined(self.held_out)

    @cached_property
    def cut_by(self) -> VolumeSamples:
        """What tells where pieces are cut."""
        return self.samples if self.target.given is not None else self.samples.first(_MOST_CUT_BY)

    @cached_property
    def grown_by(self) -> VolumeSamples:
        """What tells how far parts may grow."""
        return self.biased if self.target.given is not None else self.biased.first(_MOST_GROWN_BY)

    def pulling(self, until: Deadline) -> VolumeSamples:
        """The samples that pull at half-spaces: those that decide on parts, as many others, and the skin.

        Only those close to a half-space do, which are few; looking at more costs less here than where parts are merged.

        Args:
            until: when refinement ends, of which labels may take a share.
        """
        pulling = self.biased
        if self.target.given is None:
            affordable = _LABELING * until.left / max(self.score_seconds, 1e-9)
            if n := int(min(self.n_samples, affordable)):
                more = self.target.samples(n, np.random.default_rng([self.config.seed, 3]))
                pulling = pulling.joined(_biased(more, self.config.bound))
        return pulling if self.skin is None else pulling.with_share(self.skin, _SKIN_SHARE)

    def score(self, shape: ConvexUnion) -> float:
        """IoU of a shape by samples that no gradient sees."""
        return self.held_out.iou(shape.contains(self.held_out.points))

    def shows(self, first: ConvexUnion) -> bool:
        """Whether it shows enough of the solid to judge by: of a needle it may not.

        Args:
            first: a shape that is no bad one, if the solid is simple.
        """
        n_shown = int(min(self.samples.occupied.sum(), self.held_out.occupied.sum()))
        return n_shown >= _SHOWN or (n_shown > 0 and self.score(first) < 0.5)

    def fresh(self, until: Deadline) -> VolumeSamples:
        """New samples for the final scores, as many as there is time for."""
        affordable = until.left / max(self.score_seconds, 1e-9)
        n = int(min(_N_VERIFY, max(_FEWEST, affordable)))
        return self.target.samples(n, np.random.default_rng([self.config.seed, 1]))

    @property
    def seconds_to_verify(self) -> float:
        """What scores take, about."""
        return self.score_seconds * _N_HELD_OUT

    def missing(self, shape: ConvexUnion) -> float:
        """Share of the solid that a shape leaves out."""
        samples = self.samples
        missing = float(samples.weights[samples.occupied & ~shape.contains(samples.points)].sum())
        return missing / samples.volume


def _biased(samples: VolumeSamples, bound: str | None) -> VolumeSamples:
    """The samples with more weight for what must not happen."""
    if bound is None:
        return samples
    matters = samples.occupied if bound == "outer" else ~samples.occupied
    return replace(samples, weights=torch.where(matters, _BIAS * samples.weights, samples.weights))


def _some(inside: InsidePoints, n: int, rng: np.random.Generator) -> InsidePoints:
    """At most n of the points, in their order."""
    return inside if len(inside) <= n else inside[np.sort(rng.choice(len(inside), n, replace=False))]
