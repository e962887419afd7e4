"""URDF, the format of ROS; Bullet, Drake, Gazebo, Isaac Sim and MuJoCo read it too."""

from xml.sax.saxutils import quoteattr

import numpy as np

from ..shape.palette import part_color
from .body import RigidBody
from .meshes import mesh_files, numbers, visual_file


def urdf_files(body: RigidBody) -> dict[str, str]:
    """Path → text of the files of a body: its meshes, and last the ``.urdf`` that names them. One link without joints.

    Example:
        >>> from cvxgeom.simulation import rigid_body
        >>> list(urdf_files(rigid_body(cvxgeom.box(), "crate", visual=None)))
        ['meshes/crate_part_00.obj', 'crate.urdf']
    """
    (ixx, ixy, ixz), (_, iyy, iyz), (_, _, izz) = (numbers(row).split() for row in body.inertia)
    lines = [
        '<?xml version="1.0"?>',
        "<!-- meters, kilograms, z up -->",
        f"<robot name={quoteattr(body.name)}>",
        f"  <link name={quoteattr(body.name)}>",
        "    <inertial>",
        f'      <origin xyz="{numbers(body.center)}" rpy="0 0 0"/>',
        f'      <mass value="{numbers([body.mass])}"/>',
        f'      <inertia ixx="{ixx}" ixy="{ixy}" ixz="{ixz}" iyy="{iyy}" iyz="{iyz}" izz="{izz}"/>',
        "    </inertial>",
    ]
    if body.visual is not None:
        lines += _element("visual", "visual", f"meshes/{visual_file(body)}", "0.7 0.7 0.7 1")
    for number, part in enumerate(body.parts):
        if not part.status.is_exported:
            continue
        file = f"meshes/{body.name}_{part.name}.obj"
        if body.visual is None:
            lines += _element("visual", part.name, file, numbers([*(np.array(part_color(number)) / 255).round(4), 1.0]))
        lines += _element("collision", part.name, file)
    lines += ["  </link>", "</robot>", ""]
    return {**mesh_files(body), f"{body.name}.urdf": "\n".join(lines)}


def _element(kind: str, name: str, file: str, rgba: str | None = None) -> list[str]:
    return [
        f"    <{kind} name={quoteattr(name)}>",
        f"      <geometry><mesh filename={quoteattr(file)}/></geometry>",
        *([f'      <material name={quoteattr(name)}><color rgba="{rgba}"/></material>'] if rgba else []),
        f"    </{kind}>",
    ]
