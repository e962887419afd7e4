"""Fewer parts: some are joined on trial, gradients make up for it, and where they cannot the parts come back."""

from dataclasses import dataclass

import numpy as np

from ..shape import ConvexUnion
from .blocks import covering
from .parts import parts_of, union_of
from .samples import VolumeSamples


@dataclass(frozen=True)
class _Choice:
    """A part of the trial, or none, and the earlier ones that it stands for; by their numbers."""

    now: tuple[int, ...]
    then: tuple[int, ...]


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
    choices, back = _standing_for(earlier, held, len(samples)), list[_Choice]()

    def swap(choice: _Choice, sign: int) -> None:
        for k in choice.now:
            count[held[k]] -= sign
        for k in choice.then:
            count[earlier[k]] += sign

    def gain(choice: _Choice) -> float:
        """What coming back wins beyond what the parts must be worth."""
        index = np.unique(np.concatenate([*(held[k] for k in choice.now), *(earlier[k] for k in choice.then)]))
        here = worth[index]
        covered = here[count[index] > 0].sum()
        swap(choice, 1)
        won = float(here[count[index] > 0].sum() - covered)
        swap(choice, -1)
        return won - part_worth * (len(choice.then) - len(choice.now))

    while choices:
        gains = [gain(choice) for choice in choices]
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            break
        swap(choices[best], 1)
        back.append(choices.pop(best))
    gone = {k for choice in back for k in choice.now}
    kept = [part for k, part in enumerate(new) if k not in gone] + [old[k] for choice in back for k in choice.then]
    return union_of(kept) if kept else trial


def _standing_for(earlier: list[np.ndarray], held: list[np.ndarray], n_samples: int) -> list[_Choice]:
    """Which part holds most of which earlier ones, given the samples in each: where that is not just one for one."""
    inside = np.zeros((len(held), n_samples), dtype=bool)
    for k, index in enumerate(held):
        inside[k, index] = True
    heirs, alone = dict[int, list[int]](), list[_Choice]()
    for k, index in enumerate(earlier):
        shares = inside[:, index].mean(axis=1) if len(index) and len(held) else np.zeros(1)
        if shares.max() > 0.5:
            heirs.setdefault(int(shares.argmax()), []).append(k)
        else:
            alone.append(_Choice((), (k,)))
    return [_Choice((heir,), tuple(which)) for heir, which in heirs.items() if len(which) > 1] + alone
