"""How much an input looks like what a model was trained on, as a p-value."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .._checks import check_finite, check_tensor, describe
from .._files import atomic_path
from .files import existing_file, load_arrays

_UNLIKE, _UNCERTAIN = 0.05, 0.2
# Principal axes that are kept at most, and the share of the largest variance below which an axis is noise.
_AXES, _NOISE = 32, 1e-5
_CHUNK = 4096


@dataclass(frozen=True)
class Likeness:
    """How an input compares with the training data."""

    percentile: float
    """Share, in [0, 1], of known inputs that lie at least as far from the training data as this one: small is unlike.
    An input that comes from where the training data came from has any value equally often."""
    distance: float  #: to the nearest training input, in units of the known inputs' median
    nearest: str = ""  #: what that one is called, where the reference has names

    @property
    def is_like(self) -> bool:
        """Whether the model was made for such an input, as far as this tells."""
        return self.percentile >= _UNLIKE

    @property
    def sentence(self) -> str:
        """One sentence for a person."""
        if self.percentile < _UNLIKE:
            text = "looks unlike the training data, do not rely on the shape"
        elif self.percentile < _UNCERTAIN:
            text = "looks somewhat unlike the training data"
        else:
            text = "looks like the training data"
        share = "less than 1%" if self.percentile < 0.01 else f"{self.percentile:.0%}"
        return f"{text}: {share} of known inputs are as far from it or farther"


@dataclass(frozen=True, eq=False)
class Reference:
    """What training inputs look like, and how far from them inputs of the same kind lie. Made by `Reference.of`.

    Args:
        mean: of the training features.
        axes: principal axes of the training features, each divided by the standard deviation along it.
        rest: standard deviation of what lies off these axes.
        coordinates: of training inputs, one a row: along the axes, and off them.
        distances: from known inputs to the nearest training input of another object.
        names: what each row is called, such as its class; or none.

    Raises:
        TypeError: a tensor is of another type.
        ValueError: sizes do not fit, a number is not finite, or there is no feature or distance.

    Example:
        >>> reference = Reference.of(torch.randn(200, 8))
        >>> likeness(torch.randn(8), reference).is_like, likeness(torch.full((8,), 9.0), reference).is_like
        (True, False)
    """

    mean: Float[Tensor, " L"]
    axes: Float[Tensor, "d L"]
    rest: float
    coordinates: Float[Tensor, "n d+1"]
    distances: Float[Tensor, " m"]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_tensor("mean", self.mean, (None,))
        check_tensor("axes", self.axes, (None, self.mean.shape[0]))
        check_tensor("coordinates", self.coordinates, (None, self.axes.shape[0] + 1))
        check_tensor("distances", self.distances, (None,))
        for name in ("mean", "axes", "coordinates", "distances"):
            check_finite(name, getattr(self, name))
        if 0 in self.coordinates.shape or self.distances.numel() == 0:
            raise ValueError(f"coordinates and distances must not be empty, got {describe(self.coordinates)}")
        if self.names and len(self.names) != len(self.coordinates):
            raise ValueError(f"names must be one for each of {len(self.coordinates)} inputs, got {len(self.names)}")

    @classmethod
    def of(
        cls,
        features: Float[Tensor, "n L"],
        objects: Int[Tensor, " n"] | Sequence[int] | None = None,
        *,
        held_out: Float[Tensor, "m L"] | None = None,
        names: Sequence[str] = (),
    ) -> "Reference":
        """Measure the distances of known inputs.

        Args:
            features: of training inputs, such as their `appearance`.
            objects: which object each feature is of, so that two views of one object are not neighbors; by default each
                is another one.
            held_out: features of inputs that were not trained on, such as those of the validation split, whose
                distances set the standard. By default the training inputs do, each among the other objects.
            names: what each training input is called.

        Raises:
            ValueError: there are fewer than two objects, or sizes do not fit.
        """
        check_tensor("features", features, (None, None))
        wide = features.detach().double()
        check_finite("features", wide)
        owner = torch.arange(len(wide)) if objects is None else torch.as_tensor(objects)
        if owner.shape != (len(wide),):
            raise ValueError(f"objects must be one number for each of {len(wide)} features, got {describe(owner)}")
        if len(owner.unique()) < 2:
            raise ValueError("features must be of at least two objects, got one")
        mean = wide.mean(dim=0)
        _, scales, directions = torch.linalg.svd(wide - mean, full_matrices=False)
        deviation = scales / math.sqrt(len(wide))
        # Few inputs have axes that go through all of them, which a new one does not lie on.
        most = min(_AXES, max(1, len(wide) // 4))
        kept = (deviation > math.sqrt(_NOISE) * deviation[0]).nonzero().squeeze(-1)[:most]
        rest = float(deviation[len(kept) :].square().sum().sqrt())
        rest = max(rest, math.sqrt(_NOISE) * float(deviation[0]), torch.finfo(torch.float32).tiny)
        frame = mean.float(), (directions[kept] / deviation[kept, None]).float(), rest
        coordinates = _coordinates(wide.float(), *frame)
        if held_out is not None:
            distances = distances_to(coordinates, _coordinates(held_out.detach().float(), *frame))[0]
        else:
            distances = distances_to(coordinates, coordinates, owner)[0]
        return cls(*frame, coordinates, distances, tuple(names))

    def save(self, path: str | os.PathLike) -> None:
        """Write an ``.npz`` file, in half precision what does not suffer from it; an existing file is replaced.

        Raises:
            FileNotFoundError: the folder does not exist.
            ValueError: the name does not end in ``.npz``.
        """
        if Path(path).suffix != ".npz":  # NumPy would append it
            raise ValueError(f"path must end in .npz, got {str(path)!r}")
        with atomic_path(path) as temporary:
            np.savez_compressed(
                temporary,
                mean=self.mean.numpy(),
                axes=self.axes.numpy(),
                rest=np.float64(self.rest),
                coordinates=self.coordinates.half().numpy(),
                distances=self.distances.half().numpy(),
                names=np.array(self.names, dtype=str),
            )

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Reference":
        """The reference that `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is damaged or something else.
        """
        held = load_arrays(existing_file(path))
        needed = {"mean", "axes", "rest", "coordinates", "distances", "names"}
        if not isinstance(held, dict) or not needed <= set(held):
            raise ValueError(f"{str(path)!r} must hold the training inputs of a model ({', '.join(sorted(needed))})")
        try:
            mean, axes, coordinates, distances = (
                torch.from_numpy(held[name]).float() for name in ("mean", "axes", "coordinates", "distances")
            )
            return cls(mean, axes, float(held["rest"]), coordinates, distances, tuple(held["names"].tolist()))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{str(path)!r} does not hold the training inputs of a model: {error}") from error


def likeness(feature: Float[Tensor, "*one L"], reference: Reference) -> Likeness:
    """Compare one input with the training data of a model.

    The distance to the nearest training input is ranked among those of known inputs, which makes the percentile a
    p-value whatever the features are like (conformal prediction): among inputs of the same kind, 5 % fall below 0.05.

    Args:
        feature: of the input, as those of the reference were made.
        reference: of the model.

    Raises:
        ValueError: the feature has another size, is more than one, or is not finite.
    """
    if feature.numel() != len(reference.mean):
        raise ValueError(f"feature must have {len(reference.mean)} numbers, got {describe(feature)}")
    query = feature.detach().reshape(1, -1).to(reference.mean)
    check_finite("feature", query)
    found = _coordinates(query, reference.mean, reference.axes, reference.rest)
    distance, nearest = distances_to(reference.coordinates, found)
    at_least = int((reference.distances >= distance).sum())
    percentile = (at_least + 1) / (reference.distances.numel() + 1)
    typical = float(reference.distances.median())
    relative = float(distance) / typical if typical > 0 else math.inf * float(distance > 0)
    return Likeness(percentile, relative, reference.names[int(nearest)] if reference.names else "")


def distances_to(
    coordinates: Float[Tensor, "n d"], queries: Float[Tensor, "m d"], objects: Int[Tensor, " n"] | None = None
) -> tuple[Float[Tensor, " m"], Int[Tensor, " m"]]:
    """Root mean square distance of each query to the nearest row, and which one that is.

    Args:
        coordinates: rows that may be nearest.
        queries: those that look for one.
        objects: where the queries are the rows themselves: which object each is of; neighbors are of another.

    Example:
        >>> distances_to(torch.tensor([[0.0], [3.0]]), torch.tensor([[1.0]]))
        (tensor([1.]), tensor([0]))
    """
    found = []
    for start in range(0, len(queries), _CHUNK):
        # Differences, not products: in float32 the square of a distance is lost beside that of two large norms.
        gap = torch.cdist(queries[start : start + _CHUNK], coordinates, compute_mode="donot_use_mm_for_euclid_dist")
        if objects is not None:
            own = objects[start : start + _CHUNK, None] == objects[None]
            gap = gap.masked_fill(own, math.inf)
        found.append(gap.min(dim=-1))
    if not found:
        return queries.new_empty(0), torch.empty(0, dtype=torch.long)
    nearest = torch.cat([one.indices for one in found])
    return torch.cat([one.values for one in found]) / math.sqrt(coordinates.shape[1]), nearest


def _coordinates(
    features: Float[Tensor, "m L"], mean: Float[Tensor, " L"], axes: Float[Tensor, "d L"], rest: float
) -> Float[Tensor, "m d+1"]:
    """Along the axes in standard deviations, and last how far off all of them."""
    centered = features - mean
    along = centered @ axes.T
    off = centered - along @ (axes / axes.square().sum(dim=1, keepdim=True))
    return torch.cat([along, off.norm(dim=1, keepdim=True) / rest], dim=1)
