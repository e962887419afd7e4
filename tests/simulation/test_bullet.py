"""The URDF in Bullet: its parts, mass, and a bowl that holds marbles."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cvxgeom.simulation import export
from tests.simulation.shapes import bowl

bullet: Any = pytest.importorskip("pybullet", reason="pybullet belongs to no extra")


def test_marbles_stay_in_a_bowl(tmp_path: Path) -> None:
    result = export(bowl(), tmp_path, "urdf", name="bowl", up="z", density=2000.0)
    client = bullet.connect(bullet.DIRECT)
    try:
        bullet.setGravity(0, 0, -9.81)
        bullet.createMultiBody(0, bullet.createCollisionShape(bullet.GEOM_PLANE))
        # Bullet derives the inertia from boxes unless told otherwise, and moves the body to its center of mass.
        vessel = bullet.loadURDF(str(result.path), flags=bullet.URDF_USE_INERTIA_FROM_FILE)
        assert len(bullet.getCollisionShapeData(vessel, -1)) == len(result.body.collision)
        found = bullet.getDynamicsInfo(vessel, -1)
        assert found[0] == pytest.approx(result.body.mass)
        np.testing.assert_allclose(sorted(found[2]), np.linalg.eigvalsh(result.body.inertia), rtol=1e-4)
        np.testing.assert_allclose(bullet.getBasePositionAndOrientation(vessel)[0], result.body.center, atol=1e-6)
        ball = bullet.createCollisionShape(bullet.GEOM_SPHERE, radius=0.01)
        marbles = [
            bullet.createMultiBody(0.01, ball, basePosition=(0.004 * (i % 2), 0.004 * (i % 3), 0.12 + 0.03 * i))
            for i in range(5)
        ]
        for _ in range(480):
            bullet.stepSimulation()
        places = np.array([bullet.getBasePositionAndOrientation(marble)[0] for marble in marbles])
        assert (np.linalg.norm(places[:, :2], axis=1) < 0.09).all()
        assert ((places[:, 2] > 0) & (places[:, 2] < 0.1)).all()
        assert bullet.getBasePositionAndOrientation(vessel)[0][2] == pytest.approx(result.body.center[2], abs=2e-3)
    finally:
        bullet.disconnect(client)
