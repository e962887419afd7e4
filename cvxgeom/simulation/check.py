"""Whether what was written is right: read by another library, compared, and dropped on a floor."""

from dataclasses import dataclass

import numpy as np

from .drop import Drop, drop
from .export import ExportResult
from .read_back import ReadBack, read_back

# Numbers in files of single precision (USD) and the float32 of MuJoCo's meshes.
_ROUNDING = 1e-5
_SINKING = 1e-3  # of the size: what soft contacts let a body sink in
_ENERGY = 0.01  # of the energy of the fall
_UPRIGHT = 5.0  # degrees; to tip over more is no failure, but is told


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Args:
        name: in a word or two.
        passed: whether it is right.
        sentence: what was found.
    """

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True)
class CheckReport:
    """All things looked at, in order; those after a failure that they depend on are missing.

    Args:
        checks: one for each.
        drop: how the body fell; None if it could not be read.
    """

    checks: tuple[Check, ...]
    drop: Drop | None

    @property
    def passed(self) -> bool:
        """Whether everything is right."""
        return all(check.passed for check in self.checks)


def check(result: ExportResult) -> CheckReport:
    """Read the files of an export by another library, compare, and drop the body on a floor in MuJoCo.

    Needs the extra ``simulation``. The body falls from a tenth of its size. It should come to rest, neither float nor
    sink into the floor by more than a thousandth of its size (beyond the margin), and never have more energy than at
    the start.

    Args:
        result: what `export` returned.

    Raises:
        ImportError: the simulator or the reader is not installed; the message names the extra.

    Example:
        >>> report = check(cvxgeom.simulation.export(cvxgeom.box(), "crate", name="crate"))
        >>> report.passed, [check.name for check in report.checks]
        (True, ['load', 'parts', 'mass', 'center', 'inertia', 'rest', 'floor', 'energy'])
    """
    try:
        found = read_back(result.path, result.format)
    except ValueError as error:
        return CheckReport((Check("load", False, f"The file is refused: {' '.join(str(error).split())}"),), None)
    checks = [Check("load", True, f"{result.path.name} is read by {found.reader}."), *_compared(found, result)]
    try:
        fall = drop(found, result.body.margin)
    except ValueError as error:
        checks.append(Check("drop", False, f"MuJoCo refuses the body: {' '.join(str(error).split())}"))
        return CheckReport(tuple(checks), None)
    return CheckReport((*checks, *_fallen(fall, result.body.margin)), fall)


def _compared(found: ReadBack, result: ExportResult) -> list[Check]:
    body = result.body
    size = float(np.linalg.norm(body.extents))
    wanted = {part.name: part.vertices for part in body.collision}
    # MuJoCo's names are unique in a scene, and so begin with that of the body.
    named = {name.removeprefix(f"{body.name}_"): corners for name, corners in found.parts.items()}
    off = np.inf
    if named.keys() == wanted.keys():
        off = max(_farthest(named[name], wanted[name]) for name in wanted) / size
    mass = abs(found.mass / body.mass - 1)
    center = float(np.linalg.norm(found.center - body.center)) / size
    inertia = float(np.abs(found.inertia - body.inertia).max() / np.abs(body.inertia).max())
    return [
        Check(
            "parts",
            off < _ROUNDING,
            f"{len(named)} of {len(wanted)} convex geometries, corners within {off:.1g} of the size of the body.",
        ),
        Check("mass", mass < _ROUNDING, f"{found.mass:.6g} kg; exact, of the union: {body.mass:.6g} kg."),
        Check("center", center < _ROUNDING, f"Center of mass within {center:.1g} of the size of the exact one."),
        Check("inertia", inertia < _ROUNDING, f"Inertia tensor within {inertia:.1g} of the exact one."),
    ]


def _farthest(found: np.ndarray, wanted: np.ndarray) -> float:
    """How far the farthest corner of either set is from the nearest of the other."""
    distances = np.linalg.norm(found[:, None] - wanted[None], axis=2)
    return float(max(distances.min(axis=0).max(), distances.min(axis=1).max()))


def _fallen(fall: Drop, margin: float) -> list[Check]:
    if fall.speed == np.inf:
        return [Check("rest", False, "Dropped on a floor it makes MuJoCo unstable: numbers become infinite.")]
    moves = "is at rest" if fall.at_rest else f"still moves at {fall.speed:.2g} m/s"
    tilt = np.degrees(np.arccos(np.clip(fall.rotation[2, 2], -1, 1)))
    tipped = f", tipped over by {tilt:.0f} degrees" if tilt > _UPRIGHT else ""
    side = "below" if fall.sunk > 0 else "above"
    allowed = _SINKING * fall.size
    return [
        Check("rest", fall.at_rest, f"Dropped on a floor it {moves} after {fall.seconds:.2g} s{tipped}."),
        Check(
            "floor",
            abs(fall.sunk + margin) < allowed,
            f"Its lowest corner ends {_mm(abs(fall.sunk))} {side} the floor; meant is {_mm(margin)} above, "
            f"allowed is {_mm(allowed)} more or less.",
        ),
        Check(
            "energy", fall.energy_gain < _ENERGY, f"Energy grows by at most {fall.energy_gain:.2%} of that of the fall."
        ),
    ]


def _mm(length: float) -> str:
    return f"{length * 1000:.2g} mm"
