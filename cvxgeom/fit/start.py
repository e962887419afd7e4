"""Where a fit may start instead of taking the solid apart: a saved shape, or CoACD's parts."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from torch import Tensor

from .._checks import describe
from ..data import Normalization, Solid
from ..shape import ConvexUnion, concatenate, hull, load
from .config import FitConfig

COACD = "coacd"

# In a process of its own: it can crash, cannot be interrupted, and writes to the output stream.
_RUN_COACD = """
import sys, coacd, numpy
coacd.set_log_level("error")
given = numpy.load(sys.argv[1])
mesh = coacd.Mesh(given["vertices"], given["faces"])
parts = coacd.run_coacd(mesh, max_convex_hull=int(sys.argv[3]), seed=int(sys.argv[4]))
numpy.savez(sys.argv[2], *[vertices for vertices, _ in parts])
"""


def starting_union(start: str | os.PathLike | None, solid: Solid | None, config: FitConfig) -> ConvexUnion | None:
    """The union that a fit starts from.

    Args:
        start: an ``.npz`` file of one shape, in the frame of the solid; or ``"coacd"``; None leaves it to the fit.
        solid: what is to be fitted; None: something else than a mesh, which CoACD cannot decompose.
        config: its caps, its seed, and its time limit, which CoACD must keep, too.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: CoACD is not installed.
        ValueError: the file does not hold one shape with a solid part, or CoACD fails.
    """
    if start is None:
        return None
    if start == COACD:
        if solid is None:
            raise ValueError("a start from CoACD is for meshes, got points or a grid")
        return coacd_union(solid, config)
    shape = load(start)
    if shape.batch_size:
        raise ValueError(f"{start} holds {shape.batch_size.numel()} shapes, and a fit starts from one")
    solid_parts = solid_parts_of(shape)
    if not solid_parts.n_convexes:
        raise ValueError(f"{start} has no solid part to start from")
    return solid_parts


def checked_init(init: ConvexUnion) -> ConvexUnion:
    """The solid parts of a union that a caller of a fit gives to start from.

    Raises:
        TypeError: it is no union.
        ValueError: it has batch axes, or no solid part.
    """
    if not isinstance(init, ConvexUnion):
        raise TypeError(f"init must be a ConvexUnion, got {describe(init)}")
    if init.batch_size:
        raise ValueError(f"init must be a single shape, got batch axes {tuple(init.batch_size)}")
    init = solid_parts_of(init.detach().to("cpu"))
    if not init.n_convexes:
        raise ValueError("init must have a solid part, got none among its convexes")
    return init


def solid_parts_of(shape: ConvexUnion) -> ConvexUnion:
    """The convexes of a single shape that are bounded; none may be left."""
    return shape.select([index for index, part in enumerate(shape.polytopes()) if part.is_bounded])


def coacd_union(solid: Solid, config: FitConfig) -> ConvexUnion:
    """The hulls of the parts that CoACD finds (at its own settings), with few planes each.

    Args:
        solid: what to decompose.
        config: its caps, its seed and its time limit.

    Raises:
        ImportError: the package coacd is not installed.
        ValueError: CoACD crashes, takes too long, or finds no part with a volume.
    """
    if importlib.util.find_spec("coacd") is None:
        raise ImportError('a start from CoACD needs the package coacd: pip install "cvxgeom[bench]"')
    frame = Normalization.of_box(solid.bounds)
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "given.npz"), Path(folder, "found.npz")
        np.savez(given, vertices=frame.apply(np.asarray(solid.mesh.vertices)), faces=solid.mesh.faces)
        words = [str(given), str(found), str(config.max_parts), str(config.seed)]
        try:
            done = subprocess.run(
                [sys.executable, "-c", _RUN_COACD, *words], capture_output=True, check=False, timeout=config.max_seconds
            )
        except subprocess.TimeoutExpired:
            raise ValueError("CoACD took all of the time of the fit; start without it, or give more time") from None
        if done.returncode or not found.exists():
            said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise ValueError(f"CoACD ended with code {done.returncode}: {' '.join(said) or 'it said nothing'}")
        with np.load(found) as parts:
            clouds = [frame.invert(parts[name]) for name in parts.files]
    union = union_of_hulls(clouds, config.max_halfspaces)
    if union is None:
        raise ValueError("CoACD found no part with a volume")
    return union


def union_of_hulls(clouds: Iterable[np.ndarray | Tensor], max_planes: int | None = None) -> ConvexUnion | None:
    """The hulls of sets of points, but for those without a volume; None if all are.

    Args:
        clouds: (V, 3) each, in the number type that the union is to have; float32 of an array.
        max_planes: cap on the half-spaces of each.
    """
    hulls = []
    for cloud in clouds:
        try:
            hulls.append(hull(cloud, max_planes=max_planes))
        except ValueError:
            continue
    return concatenate(hulls) if hulls else None
