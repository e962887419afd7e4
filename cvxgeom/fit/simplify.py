"""Simplification: fewer parts and fewer planes for hardly any error, judged by labeled samples."""

import numpy as np

from .._sphere import spiral
from ..shape import ConvexUnion
from .blocks import PointBlocks, covering
from .deadline import NEVER, Deadline
from .parts import MOST_PLANES, Part, parts_of, union_of
from .samples import VolumeSamples
from .split import InsidePoints

# A part is kept for the surface that only it covers as well, of which 1 % counts as so many percent of the volume: a
# thin wall has little volume, and its hull may hold more air than that, but it is what one sees.
_SURFACE_WORTH = 0.6
_REACH = 0.01  # surface that is no farther from another part, per unit of the longest side, is not missed
# What may be lost by one plane, as a share of the solid's volume.
PLANE_TOLERANCE = 0.00001
# Where the hull of two parts costs more than it may, but less than so many times as much, that of the surface in them
# is tried as well: vertices stick out of what is round, and those of two parts in many places.
_PROMISING = 8.0
_WITHIN = 0.004  # as far out of a part surface may lie to be in it, per unit of the longest side
# Gap between the boxes of two parts that may be merged, per unit of the longest side, and along one axis: bars are cut
# where others cross.
_TOUCHING = 0.02
_CROSSED = 0.06
# Half the size of the box around a part that it may not leave when it loses planes, per half its own, and per unit of
# the longest side: samples in there say what planes are for, and points of a fence around it where there are none.
_ROOM = (1.5, 0.03)
_FENCE = 1000
_NONE = np.empty(0, dtype=np.int64)
_AROUND = spiral(200).astype(np.float32)


def simplify(
    shape: ConvexUnion,
    samples: VolumeSamples,
    part_worth: float,
    max_parts: int,
    max_halfspaces: int,
    until: Deadline = NEVER,
    skin: VolumeSamples | None = None,
    solid: InsidePoints | None = None,
    disjoint: bool = False,
) -> ConvexUnion:
    """The shape with few parts and planes: merges neighbors and drops parts and planes as long as that costs little.

    Judged by the exact polytopes: merging two parts costs the free volume that the hull of both newly holds less the
    occupied, or the same of the hull of the surface in them and what that no longer holds; dropping one costs the
    occupied volume that only it covers less the free, or the same of the surface if that is more; dropping a plane of a
    convex costs the free volume that this convex newly holds less the occupied.

    Args:
        shape: a single union.
        samples: of the solid.
        part_worth: share of the solid's volume that one part less may cost.
        max_parts: cap, whatever it costs.
        max_halfspaces: cap per convex, whatever it costs.
        until: after that, no more is done than the caps ask for.
        skin: samples on both sides of the solid's surface (`Target.skin`); None if it has none.
        solid: points in it, of which those on the surface count; None if there are none.
        disjoint: whether parts are not to overlap: what is in two of them is then lost from one.
    """
    parts = parts_of(shape)
    if not parts:
        return shape
    covered = [_Covered(parts, samples)]
    if skin is not None:
        covered.append(_Covered(parts, skin, _SURFACE_WORTH, _REACH))
    surface = None if solid is None else solid.surface
    parts = _merged(parts, covered, surface, part_worth, max_parts, max_halfspaces, until, disjoint)
    return union_of(_without_idle_planes(parts, samples, max_halfspaces, until))


class _Covered:
    """Which samples each part holds, and how many parts hold each sample.

    Args:
        parts: numbered in their order.
        samples: N of them.
        factor: of what covering a sample wins.
        reach: how far from a part an occupied sample may be to count as held by it, when others claim it.
    """

    def __init__(self, parts: list[Part], samples: VolumeSamples, factor: float = 1.0, reach: float = 0.0) -> None:
        self.points, self.blocks, self.reach = samples.points.numpy(), samples.blocks, reach
        self.worth = factor * samples.worth
        self.count = np.zeros(len(samples), dtype=np.int32)
        self.inside: dict[int, np.ndarray] = {}
        self.near: dict[int, np.ndarray] = {}
        for k, part in enumerate(parts):
            self.add(k, part)

    def add(self, k: int, part: Part) -> None:
        self.inside[k] = self.near[k] = self.blocks.inside(part)
        if self.reach:
            near = self.blocks.inside(part, self.reach)
            self.near[k] = np.union1d(self.inside[k], near[self.worth[near] > 0])
        self.count[self.near[k]] += 1

    def remove(self, k: int) -> None:
        self.count[self.near.pop(k)] -= 1
        del self.inside[k]

    def only(self, a: int, b: int) -> np.ndarray:
        """Indices of the samples that one or both of two parts hold, and no other."""
        one, other = self.inside[a], self.inside[b]
        both = np.intersect1d(one, other, assume_unique=True)
        parts = one[self.count[one] == 1], other[self.count[other] == 1], both[self.count[both] == 2]
        return np.concatenate(parts)

    def alone(self, k: int) -> float:
        """What a part wins that no other does."""
        index = self.inside[k]
        return float(self.worth[index[self.count[index] == 1]].sum())


def _merged(
    parts: list[Part],
    covered: list[_Covered],
    surface: InsidePoints | None,
    part_worth: float,
    max_parts: int,
    max_halfspaces: int,
    until: Deadline,
    disjoint: bool,
) -> list[Part]:
    live, volume = dict(enumerate(parts)), covered[0]
    merges: dict[tuple[int, int], tuple[float, Part, Part | None]] = {}
    fresh, drops = list(live), dict[int, float]()
    touched = dict[int, np.ndarray]()  # surface points, by the number of a part

    def within(k: int) -> np.ndarray:
        if surface is None:
            return np.empty((0, 3), dtype=np.float32)
        if k not in touched:
            touched[k] = surface.points[surface.blocks.inside(live[k], _WITHIN)].astype(np.float32)
        return touched[k]

    def cost_of(part: Part, pair: tuple[int, int], only: np.ndarray) -> float:
        inside = volume.blocks.inside(part)
        kept = volume.worth[only[part.inside(volume.points[only])]].sum()
        cost = float(volume.worth[only].sum() - kept - bare_worth[inside].sum())
        if disjoint:  # what other parts hold, and neither of the two
            newly = np.setdiff1d(inside, np.union1d(*(volume.inside[k] for k in pair)), assume_unique=True)
            cost += float(volume.worth[newly[volume.count[newly] > 0]].clip(min=0).sum())
        return cost

    def price_of(part: Part, fewer: Part | None, pair: tuple[int, int], only: np.ndarray) -> float:
        """With as few planes as it may have, a round part holds too much; where they settle, about half of that."""
        cost = cost_of(part, pair, only)
        return cost if fewer is None else (cost + cost_of(fewer, pair, only)) / 2

    def merged(a: int, b: int) -> tuple[float, Part, Part | None] | None:
        if (both := _hull(np.concatenate([live[a].vertices, live[b].vertices]))) is None:
            return None
        cost = cost_of(both, (a, b), _NONE)  # it holds what they do
        if part_worth < cost < _PROMISING * part_worth:
            near = np.concatenate([within(a), within(b)])
            if len(near) and (rounder := _hull(near[(_AROUND @ near.T).argmax(axis=1)])) is not None:
                only = volume.only(a, b)
                again, fewer = cost_of(rounder, (a, b), only), None
                if again < part_worth and len(rounder) > max_halfspaces:
                    fewer = Part.around(rounder.vertices, max_halfspaces)
                    again = price_of(rounder, fewer, (a, b), only)
                if again < cost:
                    return again, rounder, fewer
        return cost, both, None

    late = False
    while len(live) > 1:
        late = late or until.passed
        if late and len(live) <= max_parts:
            break
        bare_worth = np.where(volume.count == 0, volume.worth, np.float32(0))
        for k in fresh:
            for other in [] if late else _touching(live, live[k]):
                if late := until.passed:
                    break
                pair = (min(k, other), max(k, other))
                if other != k and pair not in merges and (found := merged(*pair)) is not None:
                    merges[pair] = found
        fresh = []
        for k in live.keys() - drops.keys():
            drops[k] = max(samples.alone(k) for samples in covered)
        drop = min(drops, key=lambda k: (drops[k], k))
        pair = min(merges, key=lambda pair: merges[pair][0], default=None)
        cost = min(drops[drop], merges[pair][0]) if pair else drops[drop]
        if cost > part_worth and len(live) <= max_parts:
            break
        if pair is None or drops[drop] <= merges[pair][0]:
            gone, new = (drop,), None
        else:
            gone, (old, new, fewer) = pair, merges[pair]
            # Its cost may be out of date: what one of them covered then, others may not cover now.
            again = price_of(new, fewer, pair, volume.only(*pair))
            merges[pair] = again, new, fewer
            if again > old + 1e-9:
                continue
        changed = [live.pop(k) for k in gone]
        for k in gone:
            for samples in covered:
                samples.remove(k)
            del drops[k]
            touched.pop(k, None)
        merges = {p: found for p, found in merges.items() if not set(p) & set(gone)}
        if new is not None:
            k = max([*live, *gone]) + 1
            live[k] = new
            for samples in covered:
                samples.add(k, new)
            fresh = [k]
            changed.append(new)
        for k in {k for part in changed for k in _touching(live, part)}:
            drops.pop(k, None)
    return list(live.values())


def _hull(points: np.ndarray) -> Part | None:
    try:
        return Part.around(points.astype(np.float64))
    except ValueError:
        return None


def _touching(parts: dict[int, Part], part: Part) -> list[int]:
    """Numbers of the parts whose boxes come close to that of a part: no others share samples with it."""
    if not parts:
        return []
    low, high = (np.stack(corners) for corners in zip(*(other.bounds for other in parts.values()), strict=True))
    gaps = np.maximum(low - part.bounds[1], part.bounds[0] - high)
    meets = (gaps <= _CROSSED).all(axis=1) & ((gaps > _TOUCHING).sum(axis=1) <= 1)
    return np.array(list(parts))[meets].tolist()


def _without_idle_planes(parts: list[Part], samples: VolumeSamples, max_halfspaces: int, until: Deadline) -> list[Part]:
    points, worth, blocks = samples.points.numpy(), samples.worth, samples.blocks
    inside, count = covering(parts, blocks)
    fence = _fence()
    found = []
    for part, index in zip(parts, inside, strict=True):
        if until.passed:
            found.append(part.capped(max_halfspaces))
            continue
        count[index] -= 1
        part = _few_planes(part, points, blocks, np.where(count > 0, np.float32(0), worth), fence, max_halfspaces)
        index = blocks.inside(part)
        count[index] += 1
        found.append(part)
    return found


def _few_planes(
    part: Part, points: np.ndarray, blocks: PointBlocks, worth: np.ndarray, fence: np.ndarray, most: int
) -> Part:
    """The part without the planes that keep next to nothing out, or nothing that others do not keep out."""
    part = part.capped(MOST_PLANES)
    low, high = part.bounds
    middle, half = (low + high) / 2, _ROOM[0] * (high - low) / 2 + _ROOM[1]
    around = blocks.near(middle - half, middle + half)
    concerned = around[worth[around] != 0]
    fence = middle.astype(np.float32) + half.astype(np.float32) * fence
    out = np.concatenate([part.height(points[concerned]) > 0, part.height(fence) > 0])
    worth = np.concatenate([worth[concerned], np.full(len(fence), -1, dtype=np.float32)])
    number = out.sum(axis=1)
    alone = number == 1
    kept = np.ones(len(part), dtype=bool)
    costs = np.zeros(len(part)) - np.bincount(out[alone].argmax(axis=1), weights=worth[alone], minlength=len(part))
    while kept.sum() > 4:
        plane = int(np.where(kept, costs, np.inf).argmin())
        if costs[plane] > PLANE_TOLERANCE and kept.sum() <= most:
            break
        kept[plane] = False
        change = out[:, plane]
        number = number - change
        # What two planes kept out is now kept out by one.
        newly = change & (number == 1)
        owner = (out[newly] & kept).argmax(axis=1)
        costs -= np.bincount(owner, weights=worth[newly], minlength=len(part))
    fewer = Part.of_planes(part.normals[kept], part.offsets[kept], near=part.vertices)
    # The fence is a few points, and a corner may slip out between them.
    if fewer is None or (np.abs(fewer.vertices - middle) > half).any():
        return part.capped(most)
    return fewer


def _fence() -> np.ndarray:
    """Points on the cube [-1, 1]³."""
    rng = np.random.default_rng(0)
    drawn = rng.uniform(-1, 1, (_FENCE, 3))
    axis = rng.integers(0, 3, _FENCE)
    drawn[np.arange(_FENCE), axis] = np.sign(drawn[np.arange(_FENCE), axis])
    return drawn.astype(np.float32)
