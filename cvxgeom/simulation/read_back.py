"""Files of a body as other libraries read them."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float
from scipy.spatial.transform import Rotation


@dataclass(frozen=True, eq=False)
class ReadBack:
    """What another library finds in the files of a body.

    Args:
        reader: the library.
        parts: name → corners in the frame of the body, of each collider.
        mass: kg.
        center: center of mass, in the frame of the body.
        inertia: inertia tensor about it, in the axes of the body.
    """

    reader: str
    parts: Mapping[str, Float[np.ndarray, "V 3"]]
    mass: float
    center: Float[np.ndarray, "3"]
    inertia: Float[np.ndarray, "3 3"]


def read_back(path: Path, format: str) -> ReadBack:
    """Read the file of a body by MuJoCo (MJCF), yourdfpy (URDF) or usd-core (USD).

    Raises:
        ImportError: the library is not installed.
        ValueError: the library does not take the file.
    """
    return {"mjcf": _read_mjcf, "urdf": _read_urdf, "usd": _read_usd}[format](path)


def require(name: str) -> Any:
    """A module of a package that the extra ``simulation`` installs.

    Raises:
        ImportError: it is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"a check needs {name}; get it by: pip install cvxgeom[simulation]") from error


def _read_mjcf(path: Path) -> ReadBack:
    mujoco = require("mujoco")
    # It keeps the meshes it has read, and takes a file that was written again within the second for the old one.
    mujoco.mj_clearCache(mujoco.mj_getCache())
    model = mujoco.MjModel.from_xml_path(str(path))
    parts = {}
    for geom in range(model.ngeom):
        if model.geom_contype[geom]:
            # MuJoCo moves each mesh into its own frame of inertia, and the geometry back.
            rotation = _matrix(model.geom_quat[geom])
            corners = geom_vertices(model, geom)
            parts[model.geom(geom).name] = corners @ rotation.T + model.geom_pos[geom]
    axes = _matrix(model.body_iquat[1])
    inertia = axes @ np.diag(model.body_inertia[1]) @ axes.T
    return ReadBack("MuJoCo", parts, float(model.body_mass[1]), np.array(model.body_ipos[1]), inertia)


def geom_vertices(model: Any, geom: int) -> np.ndarray:
    """Corners of the mesh of a geometry, in the frame of the geometry."""
    mesh = model.geom_dataid[geom]
    start = model.mesh_vertadr[mesh]
    return model.mesh_vert[start : start + model.mesh_vertnum[mesh]].astype(np.float64)


def _read_urdf(path: Path) -> ReadBack:
    robot = require("yourdfpy").URDF.load(str(path), load_meshes=False, build_scene_graph=False)
    (link,) = robot.robot.links
    parts = {}
    for collision in link.collisions:
        mesh: Any = trimesh.load_mesh(path.parent / collision.geometry.mesh.filename, process=False)
        parts[collision.name] = np.asarray(mesh.vertices)
    inertial = link.inertial
    return ReadBack("yourdfpy", parts, float(inertial.mass), inertial.origin[:3, 3], np.asarray(inertial.inertia))


def _read_usd(path: Path) -> ReadBack:
    Usd, UsdGeom, UsdPhysics = (require(f"pxr.{name}") for name in ("Usd", "UsdGeom", "UsdPhysics"))
    stage = Usd.Stage.Open(str(path))
    unit = UsdGeom.GetStageMetersPerUnit(stage)
    if UsdGeom.GetStageUpAxis(stage) != UsdGeom.Tokens.z or unit != 1:
        raise ValueError(f"{path} must be in meters with z up, got {UsdGeom.GetStageUpAxis(stage)} and {unit} m")
    mass = UsdPhysics.MassAPI(stage.GetDefaultPrim())
    parts = {}
    for prim in stage.Traverse():
        if prim.HasAPI(UsdPhysics.CollisionAPI):
            if UsdPhysics.MeshCollisionAPI(prim).GetApproximationAttr().Get() != UsdPhysics.Tokens.convexHull:
                raise ValueError(f"{prim.GetPath()} must be collided with as a convex hull")
            parts[prim.GetName()] = np.array(UsdGeom.Mesh(prim).GetPointsAttr().Get(), dtype=np.float64)
    turn = mass.GetPrincipalAxesAttr().Get()
    axes = _matrix([turn.GetReal(), *turn.GetImaginary()])
    inertia = axes @ np.diag(np.array(mass.GetDiagonalInertiaAttr().Get(), dtype=np.float64)) @ axes.T
    center = np.array(mass.GetCenterOfMassAttr().Get(), dtype=np.float64)
    return ReadBack("usd-core", parts, float(mass.GetMassAttr().Get()), center, inertia)


def _matrix(quaternion: Any) -> np.ndarray:
    """Rotation matrix of a quaternion (w, x, y, z)."""
    return Rotation.from_quat(np.roll(np.asarray(quaternion, dtype=np.float64), -1)).as_matrix()
