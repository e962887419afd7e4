"""The budget of a fit, and its named qualities."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from .._checks import check_choice, check_positive, is_whole, store_plain


@dataclass(frozen=True)
class FitConfig:
    """Budget of a fit; parts, half-spaces and vertices are caps, never quotas.

    Args:
        max_parts: most convexes in the result.
        max_halfspaces: most half-spaces of a convex, at least 6.
        max_vertices: most vertices of a convex, at least 8. Simulators have such caps (64 in most).
        part_worth: least share of the solid's volume by which a part must lower the error; what is worth less is merged
            with a neighbor or dropped, unless so much of the surface would be missed. Larger values give fewer parts.
        n_steps: gradient steps at most; 0 keeps the initialization.
        n_samples: labeled points that the fit works on; gradients see twice as many.
        target_iou: a shape that scores this much is good enough and is not refined further.
        max_error: the same as a length, in the source's unit: mean distance of the solid's surface from that of the
            shape. None: only ``target_iou`` counts.
        max_seconds: of wall-clock time; the best shape until then is returned. None: as long as it takes.
        bound: ``"inner"``: the shape stays within the solid; ``"outer"``: it covers all of the solid, for safe
            collision; both as far as samples tell.
        symmetry: ``"x"``, ``"y"`` or ``"z"``: the shape is its own mirror image across this axis, in the plane through
            the middle of the solid's bounding box.
        min_thickness: a ball of this diameter fits into every part; a length, in the source's unit.
        disjoint: the parts do not overlap. (Otherwise they may, as parts of a union.) Only one of ``bound``,
            ``symmetry``, ``min_thickness`` and ``disjoint`` can be guaranteed at once.
        seed: of all random numbers; equal seeds and thread counts give equal results, unless time runs out.

    Raises:
        ValueError: a value is out of range.

    Example:
        >>> cvxgeom.FitConfig(max_parts=8).max_halfspaces
        24
    """

    max_parts: int = 128
    max_halfspaces: int = 24
    max_vertices: int = 64
    part_worth: float = 0.0015
    n_steps: int = 350
    n_samples: int = 150_000
    target_iou: float = 0.995
    max_error: float | None = None
    max_seconds: float | None = None
    bound: Literal["inner", "outer"] | None = None
    symmetry: Literal["x", "y", "z"] | None = None
    min_thickness: float | None = None
    disjoint: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"max_parts": 1, "max_halfspaces": 6, "max_vertices": 8, "n_steps": 0, "n_samples": 1000, "seed": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if not is_whole(value) or value < low:
                raise ValueError(f"{name} must be a whole number of at least {low}, got {value!r}")
        store_plain(self)
        if not 0 < self.target_iou <= 1:
            raise ValueError(f"target_iou must be in (0, 1], got {self.target_iou!r}")
        if not 0 <= self.part_worth < 1:
            raise ValueError(f"part_worth must be in [0, 1), got {self.part_worth!r}")
        for name in ("max_error", "max_seconds", "min_thickness"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))
        if self.bound is not None:
            check_choice("bound", self.bound, ("inner", "outer"))
        if self.symmetry is not None:
            check_choice("symmetry", self.symmetry, ("x", "y", "z"))
        # Each is made sure of at the end, by moving planes; a second one would undo the first.
        named = {name: getattr(self, name) for name in ("bound", "symmetry", "min_thickness", "disjoint")}
        if len(wanted := [f"{name}={value!r}" for name, value in named.items() if value]) > 1:
            raise ValueError(f"only one of {', '.join(named)} can be guaranteed, got {' and '.join(wanted)}")

    @property
    def is_strict(self) -> bool:
        """Whether something must hold of the shape, whatever it costs."""
        return bool(self.bound or self.symmetry or self.min_thickness or self.disjoint)

    @property
    def most_planes(self) -> int:
        """The cap on half-spaces that keeps the cap on vertices, too: a convex of H planes has at most 2 H - 4."""
        return min(self.max_halfspaces, (self.max_vertices + 4) // 2)

    @classmethod
    def preset(cls, quality: str = "balanced", **changes: Any) -> "FitConfig":
        """A named trade of time for accuracy: ``"fast"``, ``"balanced"`` (the default) or ``"best"``.

        Args:
            quality: which one.
            changes: fields with other values.

        Raises:
            ValueError: there is no such quality, or a value is out of range.

        Example:
            >>> cvxgeom.FitConfig.preset("fast", max_parts=8).max_parts
            8
        """
        check_choice("quality", quality, tuple(_QUALITIES))
        return replace(cls(**_QUALITIES[quality]), **changes)


_QUALITIES: dict[str, dict[str, Any]] = {
    "fast": {"n_steps": 40, "n_samples": 24_000, "part_worth": 0.004},
    "balanced": {},
    "best": {"n_steps": 400, "n_samples": 200_000, "part_worth": 0.0005, "target_iou": 0.999},
}
