"""Whatever a mesh is like, its fit ends in a sound shape or in a clear refusal.

One of each kind; `benchmarks/bench_bad_inputs.py` fits 200.
"""

import numpy as np
import pytest
import trimesh

from cvxgeom.fit import FitConfig, fit

from .bad_meshes import KINDS, bad_meshes
from .outcome import outcome

QUICK = FitConfig.preset("fast", n_steps=2, n_samples=5000, max_parts=8)

# What has no volume, or none that numbers can hold, is refused; what is nearly so may be; everything else is fitted.
REFUSED = {
    "no face with an area",
    "NaN or infinite",
    "one triangle",
    "squares overflow or vanish",
    "empty",
    "point or line",
    "pressed flat",
}
EITHER = {"hardly a wall", "soup in a plane", "mixed scales"}


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asserted does not take good scores, nor scores that are known well."""
    monkeypatch.setattr("cvxgeom.fit.material._N_HELD_OUT", 3000)
    monkeypatch.setattr("cvxgeom.fit.material._N_VERIFY", 3000)


@pytest.mark.parametrize(("kind", "mesh"), list(bad_meshes(len(KINDS))), ids=KINDS)
def test_a_bad_mesh_is_fitted_or_refused(kind: str, mesh: trimesh.Trimesh) -> None:
    before = mesh.vertices.copy(), mesh.faces.copy()
    refused = outcome(mesh, QUICK).startswith("refused")
    assert kind in EITHER or refused == (kind in REFUSED)
    np.testing.assert_array_equal(mesh.vertices, before[0])
    np.testing.assert_array_equal(mesh.faces, before[1])


def test_bad_meshes_repeat_themselves() -> None:
    for (kind, one), (_, other) in zip(bad_meshes(40), bad_meshes(40)):
        np.testing.assert_array_equal(one.vertices, other.vertices, kind)
        np.testing.assert_array_equal(one.faces, other.faces, kind)


def test_shapes_scale_with_their_meshes() -> None:
    mesh = trimesh.creation.box((1, 2, 3))
    one, huge = (fit(trimesh.Trimesh(mesh.vertices * unit, mesh.faces), QUICK).shape for unit in (1.0, 1e9))
    for part, large in zip(one.polytopes(), huge.polytopes(), strict=True):
        np.testing.assert_allclose(large.bounds / 1e9, part.bounds, atol=1e-5)
