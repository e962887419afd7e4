"""What depth views know about space: free where a camera looked through it, solid just behind what it saw.

A view speaks with confidence only. Where its surface is continuous, depth is interpolated between pixels, which tells
free from solid to a fraction of a pixel; at edges and silhouettes, where a pixel may show one thing and its neighbor
another, it calls free only what lies before all pixels around, and else says nothing. Taking the nearest pixel at its
word would cost thin parts up to half a pixel on every side, in the worst of all views.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...depth import DepthViews
from .smoothing import smoothed

# Limits of a continuous surface, in widths of a pixel there: of the step of depth to the next pixel, and of its change.
_SLOPE, _BEND = 4.0, 1.0
# Lengths, in longest sides.
_ROUNDING = 2e-4  # of depth that counts as exact
_NOISY = 1e-3  # noise from which on maps are smoothed
_SHELL = 0.02  # behind a seen surface it is solid, thin sheets apart
_STRIP = 0.01  # at edges, so close behind the nearest pixel around, nothing is known; further behind, most is free
_THICKNESS = 0.06  # so far behind what one view saw, it is solid in half of all cases
_STRIP_FREE, _STRIP_CLOSE = 0.8, 0.1  # certainty in the strip
_CLOSE = 0.05  # so close behind what is seen everything is solid, whatever is supposed
_SURE = 0.8  # and where it is solid with more certainty than that
_MANY = 8  # views: so many show edges of the same thin thing, and if none looks through it, it is there


class Verdict(NamedTuple):
    """What all views together say about points."""

    free: Bool[Tensor, " N"]
    """Some camera looked through it."""
    hidden: Float[Tensor, " N"]
    """How far behind the seen surface, in the view that says so least; +∞: no view has it in its image."""
    shell: Bool[Tensor, " N"]
    """Just behind a continuous surface of some view."""
    silent: Bool[Tensor, " N"]
    """At an edge of some view, which says nothing."""


class SeenSpace:
    """Answers for any point, from depth views of one object.

    Args:
        views: of one object, its longest side about 1 in the object frame, and depth in the same unit.

    Attributes:
        noise: standard deviation of depth, as its maps betray it.
        inverse: (V, h, w) 1 / depth, without noise; 0 in the background, NaN where nothing was measured.
        smooth: (V, h-1, w-1) where the four pixels around a corner show one continuous surface.
        bounds: (2, 3) lowest and highest corner of these surfaces, and of what is just behind a flat one; NaN if there
            is none.
    """

    def __init__(self, views: DepthViews) -> None:
        self.views, self.noise = views, views.noise_level()
        self.cameras = views.intrinsics @ views.extrinsics[:, :3]
        focal = views.intrinsics[:, 0, 0]
        self.inverse, self._doubt = 1 / views.depth, _ROUNDING
        if noisy := self.noise > _NOISY:
            self.inverse = smoothed(self.inverse, focal, self.noise)
            self._doubt += self.noise
        corners = _corners(self.inverse)
        # Before the nearest of four pixels it is free for sure; NaN forbids that.
        self._nearest = corners.amax(dim=0).nan_to_num(torch.inf)
        self._furthest = corners.amin(dim=0)
        depth = 1 / self._nearest
        pixel = depth / focal[:, None, None]
        slack = self._doubt if noisy else 0.0
        steep = 1 / self._furthest - depth > _SLOPE * pixel + 2 * slack
        bent = _corners(_second_difference(self.inverse)).amax(dim=0) * depth**2 > _BEND * pixel + slack
        self.smooth: Bool[Tensor, "V r c"] = (self._furthest > 0) & ~steep & ~bent
        points, normals = self.surface()
        self.bounds: Float[Tensor, "2 3"] = torch.full((2, 3), torch.nan)
        if len(points):
            low, high = points.amin(dim=0), points.amax(dim=0)
            # A wall that is seen from its front has a box without volume, but something is behind what is seen.
            behind = torch.where(high - low < _SHELL, -_SHELL * normals.mean(dim=0), 0)
            self.bounds = torch.stack([low + behind.clamp(max=0), high + behind.clamp(min=0)])

    def ask(self, points: Float[Tensor, "N 3"]) -> Verdict:
        """What the views say, in time proportional to V · N; what is free is asked no further.

        Near a surface, within its noise, views vote by how far before or behind it the point is.
        """
        n = len(points)
        free, shell, silent = (torch.zeros(n, dtype=torch.bool) for _ in range(3))
        votes, hidden = torch.zeros(n), torch.full((n,), torch.inf)
        asked = torch.arange(n)
        for view in range(self.views.n_views):
            known, smooth, before, within = self._look(view, points[asked])
            through = known & (before > self._doubt)
            votes[asked] += torch.where(smooth & (before.abs() <= self._doubt), before, 0)
            shell[asked] |= smooth & (before <= 0) & (before > -_SHELL)
            silent[asked] |= known & ~smooth & ~through & within
            hidden[asked] = torch.where(known, torch.minimum(hidden[asked], -before), hidden[asked])
            free[asked] = through
            asked = asked[~through]
        return Verdict(free | (votes > 0), hidden, shell, silent)

    def label(
        self, points: Float[Tensor, "N 3"], supposed: Float[Tensor, " N"] | None = None
    ) -> tuple[Bool[Tensor, " N"], Float[Tensor, " N"]]:
        """Which points are solid, and how certain that is, from 0 to 1.

        In the box of what is seen, what no camera looked through is solid: with certainty just behind a surface, with
        less of it further behind, where few views leave it open how thick things are. At edges nothing is known so
        close behind the nearest pixel around; what lies further behind, in the strip that no view decides, is free more
        often than not.

        Args:
            points: object frame.
            supposed: signed distance to a supposed solid, such as a prediction, that decides where views do not: at
                edges if they are few, and far behind what is seen.
        """
        free, hidden, shell, silent = self.ask(points)
        within = ((points >= self.bounds[0]) & (points <= self.bounds[1])).all(dim=-1)
        thickness = _THICKNESS * self.views.n_views**0.5
        certainty = 1 / (1 + (hidden.clamp(min=0) / thickness) ** 1.5)
        at_edge = silent & ~(shell & (hidden < _STRIP))
        far = hidden >= 2 * _STRIP
        if supposed is None:
            solid = within & ~(at_edge & far)
            certainty = torch.where(at_edge, torch.where(far, _STRIP_FREE, _STRIP_CLOSE), certainty)
        else:
            close = ((hidden < _CLOSE) | (certainty > _SURE)) & ~at_edge & within
            solid = close | (supposed < 0)
            if self.views.n_views >= _MANY:  # with the weight of the claim that it overrules: less lost some surface
                solid |= at_edge & ~far & within
            certainty = torch.where(close, certainty, (supposed.abs() / _CLOSE).tanh())
        return solid & ~free, torch.where(free, 1.0, certainty)

    def surface(self) -> tuple[Float[Tensor, "M 3"], Float[Tensor, "M 3"]]:
        """Points of the continuous surfaces that were seen, one for each corner of four pixels, and outward normals."""
        seen = self.inverse.masked_fill(self.inverse == 0, torch.nan)
        points = DepthViews(1 / seen, self.views.intrinsics, self.views.extrinsics).points()
        a, b, c, d = points[:, :-1, :-1], points[:, :-1, 1:], points[:, 1:, :-1], points[:, 1:, 1:]
        middle = ((a + b + c + d) / 4)[self.smooth]
        normals = torch.nn.functional.normalize(torch.linalg.cross(d - a, b - c, dim=-1)[self.smooth], dim=-1)
        return middle, normals

    def _look(
        self, view: int, points: Float[Tensor, "N 3"]
    ) -> tuple[Bool[Tensor, " N"], Bool[Tensor, " N"], Float[Tensor, " N"], Bool[Tensor, " N"]]:
        """Of each point: is it in the image, in a continuous surface, how far before it, not behind all pixels."""
        h, w = self.inverse.shape[-2:]
        camera = self.cameras[view]
        x, y, z = (points @ camera[:, :3].T + camera[:, 3]).unbind(dim=-1)
        x, y = x / z - 0.5, y / z - 0.5
        known = (z > 0) & (x >= 0) & (x < w - 1) & (y >= 0) & (y < h - 1)
        column, row = (t.masked_fill(~known, 0).long() for t in (x, y))
        right, down = x - column, y - row
        inverse, pixel = self.inverse[view].flatten(), row * w + column
        above = (1 - right) * inverse[pixel] + right * inverse[pixel + 1]
        below = (1 - right) * inverse[pixel + w] + right * inverse[pixel + w + 1]
        corner = row * (w - 1) + column
        smooth = self.smooth[view].flatten()[corner] & known
        nearest = self._nearest[view].flatten()[corner]
        before = 1 / torch.where(smooth, (1 - down) * above + down * below, nearest) - z
        # A pixel that measured nothing leaves it open whether something is there.
        within = ~(1 / self._furthest[view].flatten()[corner] <= z)
        return known, smooth, before, within


def _corners(pixels: Float[Tensor, "V h w"]) -> Float[Tensor, "4 V r c"]:
    """The four pixels around each corner that pixels share."""
    return torch.stack([pixels[:, :-1, :-1], pixels[:, :-1, 1:], pixels[:, 1:, :-1], pixels[:, 1:, 1:]])


def _second_difference(pixels: Float[Tensor, "V h w"]) -> Float[Tensor, "V h w"]:
    """The greater one of those along rows and columns."""
    padded = torch.nn.functional.pad(pixels[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    along = padded[:, 1:-1, :-2] - 2 * pixels + padded[:, 1:-1, 2:]
    down = padded[:, :-2, 1:-1] - 2 * pixels + padded[:, 2:, 1:-1]
    return torch.maximum(along.abs(), down.abs())
