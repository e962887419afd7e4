"""Fewer parts: some are joined on trial, gradients make up for it, and where they cannot the parts come back."""

import numpy as np

from ..shape import ConvexUnion
from .blocks import covering
from .parts import parts_of, union_of
from .samples import VolumeSamples


def reconsidered(before: ConvexUnion, trial: ConvexUnion, samples: VolumeSamples, part_worth: float) -> ConvexUnion:
    """A trial of fewer parts, but for those that are worth their number.

    A part of the trial stands for the earlier ones of which it holds most; it gives way to them where what that wins is
    more than so many parts must be worth, what wins most first. The same for earlier ones that no part stands for.

    Args:
        before: a single union.
        trial: the same shape with some parts joined or dropped, refined since.
        samples: of the solid.
        part_worth: share of the solid's volume that a part must be worth.
    """
    old, new, worth = parts_of(before), parts_of(trial), samples.worth
    held, count = covering(new, samples.blocks)
    earlier, _ = covering(old, samples.blocks)
    choices = _standing_for(earlier, held, len(samples))
    parts = dict[int, list[int]]()  # numbers of the earlier parts that came back, by the choice

    def change(choice: tuple[int | None, list[int]]) -> tuple[float, np.ndarray]:
        """What coming back wins beyond what the parts must be worth, and how many parts hold each sample then."""
        now, then = choice
        after = count.copy()
        if now is not None:
            after[held[now]] -= 1
        for k in then:
            after[earlier[k]] += 1
        more = len(then) - (now is not None)
        return float(worth[after > 0].sum() - worth[count > 0].sum()) - part_worth * more, after

    while len(parts) < len(choices):
        found = {i: change(choice) for i, choice in enumerate(choices) if i not in parts}
        best = max(found, key=lambda i: found[i][0])
        if found[best][0] <= 0:
            break
        parts[best], count = choices[best][1], found[best][1]
    gone = {choices[i][0] for i in parts}
    kept = [part for k, part in enumerate(new) if k not in gone] + [old[k] for which in parts.values() for k in which]
    return union_of(kept) if kept else trial


def _standing_for(
    earlier: list[np.ndarray], held: list[np.ndarray], n_samples: int
) -> list[tuple[int | None, list[int]]]:
    """Which part holds most of which earlier ones, given the samples in each: where that is not just one for one."""
    heirs: dict[int | None, list[int]] = {}
    inside = np.zeros((len(held), n_samples), dtype=bool)
    for k, index in enumerate(held):
        inside[k, index] = True
    for k, index in enumerate(earlier):
        shares = inside[:, index].mean(axis=1) if len(index) else np.zeros(len(held))
        most = int(shares.argmax())
        heirs.setdefault(most if shares[most] > 0.5 else None, []).append(k)
    alone: list[tuple[int | None, list[int]]] = [(None, [k]) for k in heirs.pop(None, [])]
    return [(heir, which) for heir, which in heirs.items() if len(which) > 1] + alone
