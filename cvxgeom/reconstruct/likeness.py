"""How much an input looks like what a model was trained on, by the features that the model itself computes."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .._checks import check_finite, check_tensor, describe
from .._files import atomic_path
from .files import existing_file, load_arrays

_UNLIKE, _UNCERTAIN = 0.05, 0.2
_CHUNK = 4096


@dataclass(frozen=True)
class Likeness:
    """How an input compares with the training data."""

    percentile: float
    """Share, in [0, 1], of known inputs that lie at least as far from the training data as this one: small is unlike.
    An input that comes from where the training data came from has any value equally often."""
    distance: float  #: to the nearest training feature, in units of the known inputs' median
    nearest: str = ""  #: what that one is called, where the reference has names

    @property
    def is_like(self) -> bool:
        """Whether the model was made for such an input, as far as its features tell."""
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
        share = f"{self.percentile:.0%} of known inputs are as far from it or farther"
        return f"{text}: {share}{f', nearest is {self.nearest}' if self.nearest else ''}"


@dataclass(frozen=True, eq=False)
class Reference:
    """Training features of a model, and how far from them inputs of the same kind lie.

    Args:
        features: of training inputs, one a row.
        distances: from known inputs to the nearest training feature of another object, as `distances_to` measures them.
        scale: what each number of a feature is divided by before distances are taken.
        names: what each row is called, such as its class; or none.

    Raises:
        TypeError: a tensor is of another type.
        ValueError: sizes do not fit, a number is not finite, or there is no feature or distance.

    Example:
        >>> reference = Reference.of(torch.randn(200, 8))
        >>> likeness(torch.randn(8), reference).is_like, likeness(torch.full((8,), 9.0), reference).is_like
        (True, False)
    """

    features: Float[Tensor, "n L"]
    distances: Float[Tensor, " m"]
    scale: Float[Tensor, " L"]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_tensor("features", self.features, (None, None))
        check_tensor("distances", self.distances, (None,))
        check_tensor("scale", self.scale, (self.features.shape[-1],))
        for name in ("features", "distances", "scale"):
            check_finite(name, getattr(self, name))
        if self.features.ndim != 2 or 0 in self.features.shape or self.distances.numel() == 0:
            raise ValueError(f"features and distances must not be empty, got {describe(self.features)}")
        if self.names and len(self.names) != len(self.features):
            raise ValueError(f"names must be one for each of {len(self.features)} features, got {len(self.names)}")

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
            features: of training inputs.
            objects: which object each feature is of, so that two views of one object are not neighbors; by default each
                is another one.
            held_out: features of inputs that were not trained on, such as those of the validation split, whose
                distances set the standard: an encoder spreads what it has learned by heart. By default the training
                inputs do, each among the other objects.
            names: what each training feature is called.

        Raises:
            ValueError: there are fewer than two objects, or sizes do not fit.
        """
        check_tensor("features", features, (None, None))
        wide = features.detach().float()
        # A number that hardly varies tells nothing, and must not be blown up.
        spread = wide.std(dim=0, correction=0)
        scale = spread.clamp(min=max(1e-3 * float(spread.max()), torch.finfo(torch.float32).tiny))
        owner = torch.arange(len(wide)) if objects is None else torch.as_tensor(objects)
        if owner.shape != (len(wide),):
            raise ValueError(f"objects must be one number for each of {len(wide)} features, got {describe(owner)}")
        if held_out is not None:
            distances = distances_to(wide, held_out.detach().float(), scale)[0]
        elif len(owner.unique()) < 2:
            raise ValueError("features must be of at least two objects, got one")
        else:
            distances = distances_to(wide, wide, scale, owner)[0]
        return cls(wide, distances, scale, tuple(names))

    def save(self, path: str | os.PathLike) -> None:
        """Write an ``.npz`` file, features in half precision; an existing one is replaced.

        Raises:
            FileNotFoundError: the folder does not exist.
        """
        with atomic_path(path) as temporary:
            np.savez_compressed(
                temporary,
                features=self.features.half().numpy(),
                distances=self.distances.numpy(),
                scale=self.scale.numpy(),
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
        if not isinstance(held, dict) or not {"features", "distances", "scale"} <= set(held):
            raise ValueError(f"{str(path)!r} must hold features, distances and scale of a reference, and does not")
        features, distances, scale = (
            torch.from_numpy(held[name]).float() for name in ("features", "distances", "scale")
        )
        return cls(features, distances, scale, tuple(held["names"].tolist()) if "names" in held else ())


def likeness(feature: Float[Tensor, "*one L"], reference: Reference) -> Likeness:
    """Compare one input with the training data of a model.

    The distance to the nearest training feature is ranked among those of known inputs, which makes the percentile a
    p-value whatever the features are like (conformal prediction): among inputs of the same kind, 5 % fall below 0.05.

    Args:
        feature: what the model's encoder makes of the input.
        reference: the model's training features.

    Raises:
        ValueError: the feature has another size, is more than one, or is not finite.
    """
    if feature.numel() != reference.features.shape[1]:
        raise ValueError(f"feature must have {reference.features.shape[1]} numbers, got {describe(feature)}")
    query = feature.detach().reshape(1, -1).to(reference.features)
    check_finite("feature", query)
    distance, nearest = distances_to(reference.features, query, reference.scale)
    at_least = int((reference.distances >= distance).sum())
    percentile = (at_least + 1) / (reference.distances.numel() + 1)
    typical = float(reference.distances.median())
    relative = float(distance) / typical if typical > 0 else math.inf * float(distance > 0)
    return Likeness(percentile, relative, reference.names[int(nearest)] if reference.names else "")


def distances_to(
    features: Float[Tensor, "n L"],
    queries: Float[Tensor, "m L"],
    scale: Float[Tensor, " L"],
    objects: Int[Tensor, " n"] | None = None,
) -> tuple[Float[Tensor, " m"], Int[Tensor, " m"]]:
    """Root mean square distance of each query to its nearest feature, and which one that is.

    Args:
        features: those that may be nearest.
        queries: those that look for one.
        scale: divides each number first.
        objects: where the queries are the features themselves: which object each is of; neighbors are of another.

    Example:
        >>> distances_to(torch.tensor([[0.0], [3.0]]), torch.tensor([[1.0]]), torch.ones(1))
        (tensor([1.]), tensor([0]))
    """
    known = features / scale
    found = []
    for start in range(0, len(queries), _CHUNK):
        # Differences, not products: in float32 the square of a distance is lost beside that of two large norms.
        gap = torch.cdist(queries[start : start + _CHUNK] / scale, known, compute_mode="donot_use_mm_for_euclid_dist")
        if objects is not None:
            own = objects[start : start + _CHUNK, None] == objects[None]
            gap = gap.masked_fill(own, math.inf)
        found.append(gap.min(dim=-1))
    if not found:
        return queries.new_empty(0), torch.empty(0, dtype=torch.long)
    nearest = torch.cat([one.indices for one in found])
    return torch.cat([one.values for one in found]) / math.sqrt(features.shape[1]), nearest
