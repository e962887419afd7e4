"""MJCF, the format of MuJoCo: one body that is free to move, to be loaded alone or attached to a scene."""

from xml.sax.saxutils import quoteattr

import numpy as np

from ..shape.palette import part_color
from .body import RigidBody, principal
from .meshes import mesh_files, numbers, visual_file

_GRAY = "0.7 0.7 0.7 1"


def mjcf_files(body: RigidBody) -> dict[str, str]:
    """Path → text of the files of a body: its meshes, and last the ``.xml`` that names them.

    Example:
        >>> from cvxgeom.simulation import rigid_body
        >>> list(mjcf_files(rigid_body(cvxgeom.box(), "crate", visual=None)))
        ['meshes/crate_part_00.obj', 'crate.xml']
    """
    files = mesh_files(body)
    moments, axes = principal(body.inertia)  # MuJoCo's own way from a tensor to these refuses small ones
    name = quoteattr(body.name)
    margin = f' margin="{numbers([body.margin])}"' if body.margin else ""
    lines = [
        f"<mujoco model={name}>",
        "  <!-- meters, kilograms, z up -->",
        '  <compiler meshdir="meshes"/>',
        "  <default>",
        f'    <default class="{body.name}_visual">',
        f'      <geom type="mesh" contype="0" conaffinity="0" group="2" rgba="{_GRAY}"/>',
        "    </default>",
        # MuJoCo draws groups 0 to 2 unless told otherwise.
        f'    <default class="{body.name}_collision">',
        f'      <geom type="mesh" group="{2 if body.visual is None else 3}"{margin}/>',
        "    </default>",
        "  </default>",
        "  <asset>",
        *(f'    <mesh name="{body.name}_{part.name}" file="{body.name}_{part.name}.obj"/>' for part in body.collision),
    ]
    if body.visual is not None:
        # As a shell: it need not be closed, and its mass does not count.
        lines.append(f'    <mesh name="{body.name}_visual" file="{visual_file(body)}" inertia="shell"/>')
    lines += [
        "  </asset>",
        "  <worldbody>",
        f"    <body name={name}>",
        f'      <freejoint name="{body.name}_free"/>',
        f'      <inertial pos="{numbers(body.center)}" mass="{numbers([body.mass])}"'
        f' diaginertia="{numbers(moments)}" quat="{numbers(axes)}"/>',
    ]
    if body.visual is not None:
        lines.append(f'      <geom class="{body.name}_visual" mesh="{body.name}_visual"/>')
    for number, part in enumerate(body.parts):
        if part.status.is_exported:
            rgba = numbers([*(np.array(part_color(number)) / 255).round(4), 1.0])
            named = f'name="{body.name}_{part.name}" mesh="{body.name}_{part.name}"'
            lines.append(f'      <geom class="{body.name}_collision" {named} rgba="{rgba}"/>')
    lines += ["    </body>", "  </worldbody>", "</mujoco>", ""]
    return {**files, f"{body.name}.xml": "\n".join(lines)}
