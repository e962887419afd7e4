"""A body dropped on a floor, in MuJoCo."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from .body import principal
from .read_back import ReadBack, require

# Times are for an object one meter in size. For others time goes with the square root of the size, so that a
# thimble behaves as a barrel does.
_STEP = 0.002
_STIFFNESS = 0.02  # time constant of MuJoCo's contacts; this is its default
_LONGEST = 12.0
_QUIET = 0.25  # at rest is what was slow for so long
_SLOW = 0.005  # m/s
_STEPS_PER_LOOK = 10
_HEIGHT = 0.1  # of the fall, in sizes of the object
_GRAVITY = 9.81


@dataclass(frozen=True)
class Drop:
    """How a body fell and came to rest.

    Args:
        size: diagonal of the box around it (m).
        seconds: simulated until it was at rest, or until that was given up.
        at_rest: whether it came to rest.
        speed: of its fastest corner in the end (m/s); infinite if numbers of the simulation became so.
        sunk: how far its lowest corner is below the floor in the end (m); negative above.
        energy_gain: most that energy exceeded that of the start, as a fraction of the energy of the fall.
        time_step: of the simulation (s).
        position: of the body in the end (m).
        rotation: of the body in the end.
    """

    size: float
    seconds: float
    at_rest: bool
    speed: float
    sunk: float
    energy_gain: float
    time_step: float
    position: np.ndarray
    rotation: np.ndarray


def drop(body: ReadBack, margin: float = 0.0) -> Drop:
    """Let a body fall on a floor from a tenth of its size, as it stands.

    Raises:
        ImportError: MuJoCo is not installed.
        ValueError: MuJoCo does not take the body.
    """
    mujoco = require("mujoco")
    corners = np.concatenate(list(body.parts.values()))
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = float(np.linalg.norm(high - low))
    slowness = np.sqrt(size)
    model = _scene(body, margin, slowness).compile()
    data = mujoco.MjData(model)
    data.qpos[:3] = -(low + high) / 2
    data.qpos[2] = margin + _HEIGHT * size - low[2]

    def moved() -> np.ndarray:
        return corners @ data.xmat[1].reshape(3, 3).T + data.xpos[1]

    mujoco.mj_forward(model, data)
    start, most = float(data.energy.sum()), 0.0
    quiet, speed, before = 0.0, np.inf, moved()
    pause = _STEPS_PER_LOOK * model.opt.timestep
    for _ in range(round(_LONGEST / _STEP / _STEPS_PER_LOOK)):
        with _warnings_logged(mujoco):
            for _ in range(_STEPS_PER_LOOK):
                mujoco.mj_step(model, data)
                most = max(most, float(data.energy.sum()) - start)
        if any(data.warning[kind].number for kind in _broken(mujoco)):  # MuJoCo starts again from where it began
            speed, quiet = np.inf, 0.0
            break
        now = moved()
        speed = float(np.linalg.norm(now - before, axis=1).max()) / pause
        quiet = quiet + pause if speed < _SLOW * slowness else 0.0
        before = now
        if quiet >= _QUIET * slowness:
            break
    return Drop(
        size,
        float(data.time),
        bool(quiet >= _QUIET * slowness),
        speed,
        -float(before[:, 2].min()),
        most / (body.mass * _GRAVITY * _HEIGHT * size),
        float(model.opt.timestep),
        data.xpos[1].copy(),
        data.xmat[1].reshape(3, 3).copy(),
    )


def _broken(mujoco: Any) -> tuple[Any, ...]:
    """The warnings that say that positions, velocities or accelerations are huge or not finite."""
    kinds = mujoco.mjtWarning
    return kinds.mjWARN_BADQPOS, kinds.mjWARN_BADQVEL, kinds.mjWARN_BADQACC


@contextmanager
def _warnings_logged(mujoco: Any) -> Iterator[None]:
    """Warnings of MuJoCo go to our log; by default it writes them to a file in the working directory."""
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda message: logging.getLogger("cvxgeom").info("MuJoCo: %s", message))
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)


def _scene(body: ReadBack, margin: float, slowness: float) -> Any:
    """A floor, and the body above it with one geometry per part."""
    mujoco = require("mujoco")
    spec = mujoco.MjSpec()
    spec.option.timestep = _STEP * slowness
    spec.option.gravity = [0, 0, -_GRAVITY]
    spec.option.enableflags |= mujoco.mjtEnableBit.mjENBL_ENERGY
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC  # with the pyramid some bodies creep for ever
    stiffness = [_STIFFNESS * slowness, 1]
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1], solref=stiffness, priority=1)
    moments, axes = principal(body.inertia)
    found = spec.worldbody.add_body(
        mass=body.mass, ipos=body.center, inertia=moments, iquat=axes, explicitinertial=True
    )
    found.add_freejoint()
    for name, corners in body.parts.items():
        spec.add_mesh(name=name, uservert=corners.ravel())
        found.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, margin=margin)
    return spec
