"""What a dataset holds, in numbers."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.records import unpack


def described_shape(group: Any) -> dict[str, Any]:
    """What the manifest says about a shape, from its group in an HDF5 file."""
    facts = {
        name: value.item() if hasattr(value, "item") else value
        for name, value in group.attrs.items()
        if name != "center"
    }
    described: dict[str, Any] = {"class": str(facts.pop("label"))}
    for name in ("name", "creator", "license", "source", "fill"):
        described[name] = str(facts[name])
    for name in ("furniture", "exact"):
        described[name] = bool(facts[name])
    if "uniform" in group:
        points = group["uniform"][()]
        box = float(np.prod(points.max(axis=0).astype(np.float64) - points.min(axis=0)))
        described["volume"] = round(box * float(unpack(group["uniform_occupancy"]).mean()), 6)
    return described


def statistics(used: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts and deciles over the shapes of a dataset.

    Args:
        used: what the manifest says about each.

    Returns:
        "shapes"; "splits" and "licenses" with the shapes of each; "classes" with those of each split; how many are
        "exact" and "thin"; the number of "creators"; deciles of the "volume" in cubes of the longest side.

    Example:
        >>> box = {"split": "train", "class": "box", "license": "", "creator": "", "exact": True, "fill": ""}
        >>> statistics([box, box])["classes"]
        {'box': {'train': 2}}
    """
    classes: dict[str, Counter] = {}
    for entry in used:
        classes.setdefault(entry["class"], Counter())[entry["split"]] += 1
    volumes = [entry["volume"] for entry in used if "volume" in entry]
    deciles = np.quantile(volumes, (0.1, 0.5, 0.9)).round(6).tolist() if volumes else None
    return {
        "shapes": len(used),
        "splits": dict(Counter(entry["split"] for entry in used)),
        "classes": {name: dict(classes[name]) for name in sorted(classes)},
        "exact": sum(entry["exact"] for entry in used),
        "thin": sum(entry["fill"] == "thin" for entry in used),
        "licenses": dict(sorted(Counter(entry["license"] for entry in used).items())),
        "creators": len({entry["creator"] for entry in used} - {""}),
        "volume": deciles and dict(zip(("p10", "p50", "p90"), deciles)),
    }
