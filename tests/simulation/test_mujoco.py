"""Exported bodies in MuJoCo: hollows hold what is poured in, holes let things through, masses pull as they should."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cvxgeom
from cvxgeom.simulation import export
from tests.mesh.shapes import two_boxes
from tests.simulation.shapes import bowl, mug, torus

mujoco: Any = pytest.importorskip("mujoco", reason="MuJoCo comes with the extra simulation")


def scene(path: Path, fixed: bool = False) -> Any:
    """A floor at z = 0 and the body of an exported file."""
    spec = mujoco.MjSpec.from_file(str(path))
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1])
    if fixed:
        for joint in spec.joints:
            spec.delete(joint)
    return spec


def add_ball(spec: Any, place: tuple[float, float, float], radius: float) -> None:
    ball = spec.worldbody.add_body(pos=place)
    ball.add_freejoint()
    ball.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[radius, 0, 0], density=2500)


def run(spec: Any, seconds: float) -> tuple[Any, Any]:
    model = spec.compile()
    data = mujoco.MjData(model)
    while data.time < seconds:
        mujoco.mj_step(model, data)
    assert not data.warning.number.any()
    return model, data


@pytest.mark.parametrize(("vessel", "radius", "depth"), [(bowl(), 0.09, 0.1), (mug(), 0.035, 0.1)], ids=["bowl", "mug"])
def test_marbles_stay_in_a_vessel(vessel: cvxgeom.ConvexUnion, radius: float, depth: float, tmp_path: Path) -> None:
    spec = scene(export(vessel, tmp_path, up="z", density=2000.0).path)
    for i in range(5):
        add_ball(spec, (0.004 * (i % 2), 0.004 * (i % 3), 0.12 + 0.03 * i), radius=0.01)
    _, data = run(spec, 2.0)
    marbles = (data.xpos[2:] - data.xpos[1]) @ data.xmat[1].reshape(3, 3)
    assert len(marbles) == 5
    assert (np.linalg.norm(marbles[:, :2], axis=1) < radius).all()
    assert ((0 < marbles[:, 2]) & (marbles[:, 2] < depth)).all()
    assert abs(data.xpos[1, 2]) < 0.001  # the vessel stands where it stood


def test_the_hull_of_a_vessel_would_hold_nothing(tmp_path: Path) -> None:
    # What happens where all parts are in one file: the test above is one that can fail.
    corners = np.concatenate([polytope.vertices.numpy() for polytope in mug().polytopes()])
    spec = scene(export(cvxgeom.hull(corners), tmp_path, up="z").path)
    add_ball(spec, (0, 0, 0.12), radius=0.01)
    _, data = run(spec, 0.5)
    assert data.xpos[2, 2] > 0.1


@pytest.mark.parametrize(("peg", "passes"), [(0.07, True), (0.085, False)])
def test_a_peg_passes_through_a_ring(peg: float, passes: bool, tmp_path: Path) -> None:
    spec = scene(export(torus().translate((0, 0, 0.5)), tmp_path, up="z").path, fixed=True)
    body = spec.worldbody.add_body(pos=[0, 0, 0.7])
    body.add_freejoint()
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=[peg, 0.1, 0])
    _, data = run(spec, 0.5)
    assert (data.xpos[2, 2] < 0.3) == passes


def test_a_body_turns_as_its_inertia_says(tmp_path: Path) -> None:
    result = export(two_boxes(), tmp_path, density=1.0)
    spec = mujoco.MjSpec.from_file(str(result.path))
    spec.option.gravity = [0, 0, 0]
    model = spec.compile()
    data = mujoco.MjData(model)
    torque = np.array([0.3, -0.2, 0.5])
    data.xfrc_applied[1, 3:] = torque
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(data.qacc[3:], np.linalg.solve(result.body.inertia, torque), rtol=1e-6)


def test_what_is_drawn_does_not_collide_and_weighs_nothing(tmp_path: Path) -> None:
    result = export(bowl(), tmp_path, up="z", name="bowl")
    model = mujoco.MjModel.from_xml_path(str(result.path))
    drawn = [i for i in range(model.ngeom) if not model.geom_contype[i]]
    assert len(drawn) == 1 and model.ngeom == 1 + len(result.body.collision)
    assert model.body_mass.sum() == pytest.approx(result.body.mass)
    assert model.geom(1).name == "bowl_part_00"


def test_a_body_is_attached_to_a_scene_twice(tmp_path: Path) -> None:
    path = str(export(mug(), tmp_path, up="z", name="mug").path)
    spec = mujoco.MjSpec()
    for i in range(2):
        spec.worldbody.add_frame(pos=[0.2 * i, 0, 0]).attach_body(
            mujoco.MjSpec.from_file(path).body("mug"), f"{i}_", ""
        )
    assert spec.compile().nbody == 3


def test_the_margin_keeps_bodies_apart(tmp_path: Path) -> None:
    spec = scene(export(cvxgeom.box(size=0.1, center=(0, 0, 0.06)), tmp_path, up="z", margin=0.003).path)
    _, data = run(spec, 1.0)
    assert data.xpos[1, 2] + 0.01 == pytest.approx(0.003, abs=3e-4)
