"""Fit a mesh of two million triangles: peak memory and seconds of the whole command.

    python -m benchmarks.bench_large_mesh [--faces 2000000] [--quality fast]

The example chair is subdivided until it has so many faces and its vertices are moved by a 10 000th of its size, so that
no plane of it stays flat; then `cvxgeom fit` reads the file in a process of its own. Prints what the command says, the
seconds by the clock, and the peak of its resident memory.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import trimesh

import cvxgeom

_JITTER = 1e-4


def main() -> None:
    """Make the mesh, fit it, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=2_000_000)
    parser.add_argument("--quality", default="fast")
    args = parser.parse_args()
    mesh = cvxgeom.data.read_mesh(Path(cvxgeom.__file__).parent / "assets" / "chair.obj")
    mesh = trimesh.Trimesh(mesh.vertices, mesh.faces)
    while len(mesh.faces) < args.faces:
        mesh = mesh.subdivide()
    rng = np.random.default_rng(0)
    mesh.vertices += _JITTER * mesh.scale * rng.standard_normal(mesh.vertices.shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.ply"
        mesh.export(path)
        command = [sys.executable, "-m", "cvxgeom", "fit", str(path), "-o", str(path.with_suffix(".npz"))]
        began = time.perf_counter()
        subprocess.run([*command, "--quality", args.quality], check=True)
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"\n{len(mesh.faces)} faces, {seconds:.0f} s, {peak:.2f} GB at most")


if __name__ == "__main__":
    main()
