"""Furniture drawn at random, in place of files: ``generated:800``."""

import re
from functools import partial

import numpy as np

from ...data import Facts
from ..generated import furniture, furniture_class, furniture_color
from ..item import Item, Loaded, Patch, identifier
from .splits import drawn_split

_PATTERN = re.compile(r"generated:(\d+)")


def n_generated(source: str) -> int | None:
    """How many pieces of furniture a source asks for; None if it is of another kind.

    Example:
        >>> n_generated("generated:800"), n_generated("meshes/")
        (800, None)
    """
    found = _PATTERN.fullmatch(source)
    return None if found is None else int(found[1])


def generated_items(n: int, seed: int) -> list[Item]:
    """The first so many pieces of furniture of a seed; splits are drawn by lot, so that more pieces change nothing.

    Args:
        n: how many.
        seed: of the pieces and of the lot.
    """
    items = []
    for index in range(n):
        name = f"{seed}-{index:05d}"
        facts = Facts(
            furniture_class(index, seed), f"piece {index}", "cvxgeom", "CC0", f"generated, seed {seed}", furniture=True
        )
        key = identifier("generated", name)
        items.append(Item(key, drawn_split(key, seed), partial(_load, index, seed), facts))
    return items


def _load(index: int, seed: int) -> Loaded:
    mesh = furniture(index, seed)[1]
    return Loaded(mesh, patches=lambda: [Patch(mesh.triangles.view(np.ndarray), (*furniture_color(index, seed), 1.0))])
