"""A prepared dataset, read shape by shape: what ``cvxgeom prepare`` wrote."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .._checks import describe
from .manifest import read_manifest
from .records import require_h5py, unpack
from .sampling import LabeledPoints


class DepthMaps(NamedTuple):
    """Depth maps with their cameras, as `cvxgeom.DepthViews` takes them."""

    depth: Float[Tensor, "V h w"]
    """z-depth, a length of the object frame; +∞ in the background."""
    intrinsics: Float[Tensor, "V 3 3"]
    extrinsics: Float[Tensor, "V 4 4"]


class ColorMaps(NamedTuple):
    """Pictures with their silhouettes, depth maps and cameras."""

    rgb: Float[Tensor, "V 3 h w"]
    """sRGB, 0 to 1; black in the background."""
    alpha: Bool[Tensor, "V h w"]
    """Which pixels show the object, for at least half of their area."""
    depth: Float[Tensor, "V h w"]
    """z-depth at pixel centers, a length of the object frame; +∞ in the background."""
    intrinsics: Float[Tensor, "V 3 3"]
    extrinsics: Float[Tensor, "V 4 4"]


class Dataset:
    """One split of a prepared dataset: a sequence of records. Nothing but the list of shapes is read at first.

    It can be pickled and used after a fork: every process opens the files for itself.

    Args:
        path: the folder that ``cvxgeom prepare`` wrote.
        split: "train", "val", "test", or whatever splits it has.
        cache: keep in memory what was read once, decompressed (about 6 MB a shape with everything).

    Raises:
        ImportError: h5py is not installed.
        FileNotFoundError: the folder, its manifest or one of its files is missing.
        ValueError: the manifest is damaged, of another format or version, or has no such split.

    Example:
        >>> from cvxgeom.data import Arrays, Facts, write_dataset
        >>> shape = Arrays(uniform=np.zeros((5, 3)), uniform_occupancy=np.ones(5, dtype=bool))
        >>> write_dataset(getfixture("tmp_path"), {"train": {"dot": (Facts("box"), shape)}})
        >>> dataset = Dataset(getfixture("tmp_path"), "train")
        >>> len(dataset), dataset[0].id, dataset[0].label, len(dataset[0].uniform)
        (1, 'dot', 'box', 5)
    """

    def __init__(self, path: str | os.PathLike, split: str, cache: bool = False) -> None:
        require_h5py()
        self.path, self.split = Path(path), split
        self.manifest = read_manifest(self.path)
        splits = self.manifest["splits"]
        if split not in splits:
            raise ValueError(f"split must be one of {', '.join(map(repr, splits))}, got {split!r}")
        self._file_of: dict[str, str] = {}
        for entry in splits[split]["files"]:
            if not (self.path / entry["name"]).is_file():
                raise FileNotFoundError(f"the dataset {str(self.path)!r} lacks its file {entry['name']!r}")
            self._file_of.update(dict.fromkeys(entry["ids"], entry["name"]))
        self.ids: tuple[str, ...] = tuple(self._file_of)
        self.classes: tuple[str, ...] = tuple(self.manifest["classes"])
        self._cache: dict[tuple[str, str], Any] | None = {} if cache else None
        self._open: dict[str, Any] = {}
        self._process = os.getpid()

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> "Record":
        if not -len(self) <= index < len(self):
            raise IndexError(f"index must be below {len(self)}, got {index}")
        return self.record(self.ids[index])

    def __iter__(self) -> Iterator["Record"]:
        return map(self.record, self.ids)

    def record(self, identifier: str) -> "Record":
        """The shape of an id.

        Raises:
            KeyError: the split has no such shape.
            ValueError: the file is damaged there.
        """
        if identifier not in self._file_of:
            raise KeyError(f"the split {self.split!r} has no shape {identifier!r}")
        facts = self._get(identifier, "", lambda group: dict(group.attrs))
        bounds = self._get(identifier, "bounds", lambda group: group["bounds"][()] if "bounds" in group else None)
        return Record(
            id=identifier,
            label=str(facts["label"]),
            name=str(facts["name"]),
            creator=str(facts["creator"]),
            license=str(facts["license"]),
            source=str(facts["source"]),
            thin=facts["fill"] == "thin",
            furniture=bool(facts["furniture"]),
            exact=bool(facts["exact"]),
            cameras_known=bool(facts["cameras_known"]),
            center=tuple(float(x) for x in facts["center"]),
            scale=float(facts["scale"]),
            bounds=torch.tensor([[-0.5] * 3, [0.5] * 3]) if bounds is None else torch.from_numpy(bounds.copy()),
            dataset=self,
        )

    def close(self) -> None:
        """Close the files; they are opened again when needed."""
        if self._process == os.getpid():
            for file in self._open.values():
                file.close()
        self._open = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}

    def _get(self, identifier: str, key: str, read: Any) -> Any:
        """What ``read`` makes of the group of a shape, from the cache if it is there under ``key``."""
        if self._cache is not None and (identifier, key) in self._cache:
            return self._cache[identifier, key]
        name = self._file_of[identifier]
        try:
            value = read(self._file(name)[identifier])
        except (OSError, KeyError, RuntimeError) as error:
            place = f"shape {identifier!r} in {str(self.path / name)!r}"
            raise ValueError(
                f"{place} is damaged ({_first_line(error)}); `cvxgeom prepare {self.path} --check` lists all damage"
            ) from error
        if self._cache is not None:
            self._cache[identifier, key] = value
        return value

    def _file(self, name: str) -> Any:
        if self._process != os.getpid():  # a fork: the handles belong to the process that opened them
            self._open, self._process = {}, os.getpid()
        if name not in self._open:
            self._open[name] = require_h5py().File(self.path / name, "r")
        return self._open[name]


@dataclass(frozen=True, eq=False)
class Record:
    """A shape of a dataset, in its object frame: box centered at the origin, longest side 1, +y up, +z front.

    Attributes:
        id: its name in the dataset.
        label: its class.
        name: what people call it.
        creator: who made it.
        license: under which terms.
        source: where it was read from.
        thin: whether little is left of it without its outermost cells.
        furniture: whether it counts as furniture.
        exact: whether inside and outside are facts of a closed surface.
        cameras_known: whether the cameras of the depth maps are facts, not guesses.
        center: point of the source frame that became the origin.
        scale: length 1 / ``scale`` of the source became 1.
        bounds: lowest and highest corner of the solid.
    """

    id: str
    label: str
    name: str
    creator: str
    license: str
    source: str
    thin: bool
    furniture: bool
    exact: bool
    cameras_known: bool
    center: tuple[float, ...]
    scale: float
    bounds: Float[Tensor, "2 3"]
    dataset: Dataset = field(repr=False)

    @property
    def uniform(self) -> LabeledPoints:
        """Points drawn evenly from a box that holds the solid, with their labels."""
        return self._labeled("uniform")

    @property
    def near(self) -> LabeledPoints:
        """Points near the surface, with their labels: Gaussian noise of three widths, mixed."""
        return self._labeled("near")

    @property
    def surface(self) -> tuple[Float[Tensor, "N 3"], Float[Tensor, "N 3"]]:
        """Points drawn evenly from the surface, and unit normals there."""
        return self._tensor("surface"), self._tensor("surface_normals")

    @property
    def grid(self) -> Bool[Tensor, "n n n"]:
        """Occupancy at the cell centers of the cube [-1/2, 1/2]³; axes x, y, z."""
        return torch.from_numpy(self._read("grid", lambda group: unpack(group["grid"])).copy())

    def has(self, name: str) -> bool:
        """Whether there is an array of this name, such as "grid"; some sources lack some of them."""
        return self.dataset._get(self.id, f"has {name}", lambda group: name in group)

    @property
    def n_depth_views(self) -> int:
        """How many depth maps there are; 0 is none."""
        return self._count("depth")

    @property
    def n_rgb_views(self) -> int:
        """How many pictures there are; 0 is none."""
        return self._count("rgb")

    def depth(self, views: Sequence[int] | None = None) -> DepthMaps:
        """Depth maps with their cameras.

        Args:
            views: which ones, in which order; None is all. The first n are spread well over all sides, for any n.

        Raises:
            IndexError: there is no such view.
            ValueError: this shape has no depth maps.
        """
        chosen = self._chosen("depth", self.n_depth_views, views)
        return DepthMaps(self._depth("depth", chosen), *self._cameras("", chosen))

    def rgb(self, views: Sequence[int] | None = None) -> ColorMaps:
        """Pictures with their silhouettes, depth maps and cameras.

        Args:
            views: which ones, in which order; None is all.

        Raises:
            IndexError: there is no such view.
            ValueError: this shape has no pictures.
        """
        chosen = self._chosen("rgb", self.n_rgb_views, views)
        pixels = torch.from_numpy(self._views("rgb", chosen)).permute(0, 3, 1, 2)
        color, alpha = pixels[:, :3].float() / 255, pixels[:, 3] >= 128
        return ColorMaps(color, alpha, self._depth("rgb_depth", chosen), *self._cameras("rgb_", chosen))

    def _read(self, name: str, read: Any) -> Any:
        def checked(group: Any) -> Any:
            return read(group) if name in group else None

        value = self.dataset._get(self.id, name, checked)
        if value is None:
            raise ValueError(f"shape {self.id!r} of {str(self.dataset.path)!r} has no {name}; its source lacks it")
        return value

    def _tensor(self, name: str) -> Tensor:
        return torch.from_numpy(self._read(name, lambda group: group[name][()]).copy())

    def _labeled(self, name: str) -> LabeledPoints:
        packed = f"{name}_occupancy"
        labels = self._read(packed, lambda group: unpack(group[packed]))
        return LabeledPoints(self._tensor(name), torch.from_numpy(labels.copy()))

    def _count(self, name: str) -> int:
        key = f"number of {name}"
        return self.dataset._get(self.id, key, lambda group: len(group[name]) if name in group else 0)

    def _chosen(self, name: str, n: int, views: Sequence[int] | None) -> list[int]:
        if not n:
            self._read(name, None)
        chosen = list(range(n)) if views is None else [int(view) for view in views]
        if not all(0 <= view < n for view in chosen):
            raise IndexError(f"views must be from 0 to {n - 1} for shape {self.id!r}, got {describe(views)}")
        return chosen

    def _views(self, name: str, chosen: list[int]) -> np.ndarray:
        if self.dataset._cache is not None or len(chosen) == self._count(name):
            return self._read(name, lambda group: group[name][()])[chosen]
        # One read per view: a list of indices is far slower in h5py.
        views = self._read(name, lambda group: [group[name][view] for view in chosen])
        return np.stack(views)

    def _depth(self, name: str, chosen: list[int]) -> Tensor:
        unit = self.dataset._get(self.id, "depth_unit", lambda group: float(group.attrs["depth_unit"]))
        steps = self._views(name, chosen)
        depth = torch.from_numpy(steps.astype(np.float32)) * unit
        return depth.masked_fill_(torch.from_numpy(steps == 0), torch.inf)

    def _cameras(self, prefix: str, chosen: list[int]) -> tuple[Tensor, Tensor]:
        intrinsics, extrinsics = (self._tensor(f"{prefix}{kind}")[chosen] for kind in ("intrinsics", "extrinsics"))
        return intrinsics.float(), extrinsics.float()


def _first_line(error: BaseException) -> str:
    return (str(error).strip("'\"").splitlines() or [""])[0] or type(error).__name__
