"""What must hold of whatever a fit makes of a mesh, however bad that is."""

import math
import tempfile
from pathlib import Path

import numpy as np
import trimesh

import cvxgeom
from cvxgeom._types import FitStatus
from cvxgeom.fit import FitConfig, fit


def outcome(mesh: trimesh.Trimesh, config: FitConfig) -> str:
    """The status of a fit of a bad mesh, or ``"refused: "`` and why; that it is sound is asserted."""
    try:
        result = fit(mesh, config)
    except ValueError as error:  # anything else is not a refusal but a defect
        assert len(str(error)) > 20, f"not a clear sentence: {error!r}"
        return f"refused: {error}"
    in_time = config.max_seconds is None or result.seconds <= 1.1 * config.max_seconds
    assert in_time or result.status is FitStatus.OUT_OF_TIME, f"took {result.seconds:.1f} s"
    shape = result.shape
    for name, score in result.scores.items():
        assert math.isfinite(score), f"{name} is {score}"
        assert not name.startswith("iou") or 0 <= score <= 1, f"{name} is {score}"
    assert 1 <= shape.n_convexes <= config.max_parts
    polytopes = shape.polytopes()
    assert all(part.is_bounded for part in polytopes), [part.status.value for part in polytopes]
    assert max(len(part.faces) for part in polytopes) <= config.max_halfspaces
    made = np.stack([part.bounds.detach().numpy() for part in polytopes])
    low, high = made[:, 0].min(axis=0), made[:, 1].max(axis=0)
    given = np.asarray(mesh.vertices)[np.unique(mesh.faces)]
    longest = float(np.ptp(given, axis=0).max())
    # in the mesh's own frame and unit: hardly any of it outside of the mesh's box, and not a speck of it
    assert (low > given.min(axis=0) - 0.2 * longest).all(), (low, given.min(axis=0))
    assert (high < given.max(axis=0) + 0.2 * longest).all(), (high, given.max(axis=0))
    assert float((high - low).max()) > 1e-7 * longest
    with tempfile.TemporaryDirectory() as folder:
        shape.save(Path(folder, "shape.npz"))
        again = cvxgeom.load(Path(folder, "shape.npz"))
        assert [part.status for part in again.polytopes()] == [part.status for part in polytopes]
    return result.status.value
