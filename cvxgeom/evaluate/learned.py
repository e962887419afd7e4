"""Networks as predictors: whatever makes a union of convexes, or a field, from views; and those of files."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from ..shape import ConvexUnion
from .inputs import frame_of
from .prediction import Prediction, Predictor, from_field, from_smooth

# Half the side of the cube about what is seen in which the surface of a field is looked for, of its longest side, as in
# CvxNet's code.
_REACH = 0.65
_VOXELS = 64**3  # of FieldNet's voxel decoder


@runtime_checkable
class Field(Protocol):
    """A solid that can be asked at points."""

    def logits(self, points: Tensor) -> Tensor:
        """Of points (N, 3), greater than 0 inside."""
        ...


@dataclass(frozen=True)
class ConvexPredictor:
    """A network that predicts a union of smooth convexes.

    Args:
        model: views of one object → a single shape, in the object frame.
        name: how the tables call it.
        only_views: the only number of views that it takes; None for any.
    """

    model: Callable[[Any], ConvexUnion]
    name: str = "convexes"
    only_views: int | None = None

    def predict(self, views: Any) -> Prediction:
        """The union: its exact polytopes are scored beside it."""
        with torch.no_grad():
            return from_smooth(self.model(views))


@dataclass(frozen=True)
class FieldPredictor:
    """A network that predicts a field, such as an occupancy decoder.

    Args:
        model: views of one object → a field, in the object frame.
        name: how the tables call it.
        frame: views → middle (3,) and longest side of what is seen, about which the surface is looked for.
        resolution: of the grid for its surface.
        only_views: the only number of views that it takes; None for any.
        n_numbers: that state the result; None for the nodes of the grid for its surface.
    """

    model: Callable[[Any], Field]
    name: str = "field"
    frame: Callable[[Any], tuple[Tensor, Tensor]] = frame_of
    resolution: int = 64  # a network is asked at every node; 128 would take ten seconds a shape
    only_views: int | None = None
    n_numbers: int | None = None

    def predict(self, views: Any) -> Prediction:
        """The field; its surface is found by marching cubes on demand."""
        with torch.no_grad():
            solid = self.model(views)
        center, longest = (value.detach().float().cpu() for value in self.frame(views))
        low, high = center - _REACH * longest, center + _REACH * longest
        made = from_field(solid.logits, low, high, self.resolution)
        return made if self.n_numbers is None else replace(made, counts=lambda: (self.n_numbers, None))


@dataclass(frozen=True)
class Learned:
    """A predictor from outside of the benchmark.

    Args:
        predictor: with a name of its own.
        identity: what tells it from another one of the same name, such as the hash of its weights.
        encode: views of one object → a latent vector, by which the nearest training shape is looked for as well; None
            for no such predictor.
    """

    predictor: Predictor
    identity: str = ""
    encode: Callable[[Any], Any] | None = field(default=None, repr=False)


def load_learned(name: str, place: str, retrieve: bool = False) -> Learned:
    """A network as a predictor.

    Args:
        name: how the tables shall call it.
        place: a ``.safetensors`` file of a `CvxNet` or a `FieldNet`, or the name of weights that ship. Two of them,
            with a comma between, are asked for one view and for several.
        retrieve: whether the nearest training shape is looked for by its encoder as well.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds no such network, no weights of that name ship, or two are of different kinds.
    """
    from ..models import FieldNet

    loaded = [_load(one) for one in place.split(",")]
    models = [model for model, _ in loaded]
    model, identity = models[0], ",".join(identity for _, identity in loaded)
    only = None
    if len(models) == 2:
        kinds = [type(one).__name__ for one in models]
        if kinds[0] != kinds[1]:
            raise ValueError(f"networks for one view and for several must be of one kind, got {' and '.join(kinds)}")
        model = _ByViews(*models)
    elif len(models) > 2:
        raise ValueError(f"{name} must be one network, or one for one view and one for several, got {len(models)}")
    elif not isinstance(model, FieldNet) and model.config.encoder in ("resnet18", "resnet-light"):
        only = model.config.n_views
    if isinstance(models[0], FieldNet):
        voxels = _VOXELS if models[0].config["decoder"] == "voxel" else None
        predictor: Predictor = FieldPredictor(model, name, n_numbers=voxels)
    else:
        predictor = ConvexPredictor(model, name, only)
    return Learned(predictor, identity, model.encode if retrieve else None)


@dataclass(frozen=True)
class _ByViews:
    """Two networks as one."""

    one_view: Any
    several: Any

    def __call__(self, views: Any) -> Any:
        return self._of(views)(views)

    def encode(self, views: Any) -> Any:
        return self._of(views).encode(views)

    def _of(self, views: Any) -> Any:
        return self.one_view if views.n_views == 1 else self.several


def _load(place: str) -> tuple[Any, str]:
    """A network, and what tells it from others."""
    from ..models import CvxNet, FieldNet
    from ..models.cvxnet import WEIGHTS

    if not place.endswith(".safetensors"):
        # By content as well: another version of the package has other weights by this name.
        return CvxNet.from_pretrained(place), _hash(WEIGHTS / f"{place}.safetensors")
    if not Path(place).is_file():
        raise FileNotFoundError(f"there is no file {place!r}")
    identity = _hash(Path(place))
    try:
        return CvxNet.load(place), identity
    except ValueError:
        return FieldNet.load(place), identity


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
