"""Depth that a network reads from pictures, in the place of measured depth: what follows learns from its errors."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ..color import ColorViews
from ..data import DepthMaps


class EstimatedDepth:
    """A data set whose depth maps are those that a network makes of its pictures.

    Everything else of a record is as it was. The pictures of a record are looked at once, when its depth is first asked
    for, and the depth stays in memory (1.5 MB for 24 pictures of 128 × 128 pixels); so the network must not learn
    meanwhile.

    Args:
        dataset: records with pictures.
        network: color views → depth views, such as a `cvxgeom.models.MonocularDepth`.
    """

    def __init__(self, dataset: Sequence[Any], network: nn.Module) -> None:
        self.dataset, self.network = dataset, network
        self._known: dict[str, DepthMaps] = {}

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> "EstimatedRecord":
        return EstimatedRecord(self.dataset[index], self)

    def maps(self, record: Any) -> DepthMaps:
        """The depth of all pictures of a record.

        Raises:
            ValueError: it has none.
        """
        if record.id not in self._known:
            rgb, mask, _, *cameras = record.rgb()
            device = next(self.network.parameters()).device
            with torch.no_grad():
                found = self.network(ColorViews(rgb, mask, *cameras).to(device))
            self._known[record.id] = DepthMaps(found.depth.cpu(), *cameras)
        return self._known[record.id]


class EstimatedRecord:
    """A record of such a data set."""

    def __init__(self, record: Any, source: EstimatedDepth) -> None:
        self._record, self._source = record, source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)

    @property
    def n_depth_views(self) -> int:
        """How many depth maps there are: one a picture."""
        return self._record.n_rgb_views

    def depth(self, views: Sequence[int]) -> DepthMaps:
        """Depth maps with their cameras; which ones, in which order."""
        chosen = list(views)
        return DepthMaps(*(value[chosen] for value in self._source.maps(self._record)))


def estimated(model: nn.Module, datasets: tuple[Any, ...]) -> tuple[EstimatedDepth, ...]:
    """Data sets as a model sees their pictures; the part of it that estimates depth learns no more.

    Args:
        model: with a part called ``monocular``.
        datasets: with pictures.

    Raises:
        ValueError: the model has no such part.
    """
    network = getattr(model, "monocular", None)
    if not isinstance(network, nn.Module):
        raise ValueError('inputs can be "estimated" only for a model that estimates the depth of pictures')
    network.requires_grad_(False)
    return tuple(EstimatedDepth(dataset, network) for dataset in datasets)
