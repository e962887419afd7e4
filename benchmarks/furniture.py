"""The furniture that benchmarks fit: which shapes, and their meshes."""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import trimesh

from cvxgeom.data import FurnitureLibrary, Normalization

SPLIT_FILE = Path(__file__).with_name("furniture_split.csv")


def add_arguments(parser: argparse.ArgumentParser, split: str, n: int) -> None:
    """The options that say which shapes.

    Args:
        parser: of the benchmark.
        split: by default.
        n: shapes by default.
    """
    parser.add_argument("--furniture", type=Path, required=True, help="folder with the .sh3f libraries")
    parser.add_argument("--split-file", type=Path, default=SPLIT_FILE, help="another one than ours")
    parser.add_argument("--split", default=split)
    parser.add_argument("--n", type=int, default=n)


def furniture(args: argparse.Namespace) -> Iterator[tuple[dict[str, str], trimesh.Trimesh]]:
    """Rows of the split file and their meshes, longest side 1; evenly spaced in the order of the file."""
    with open(args.split_file, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == args.split and row["furniture"] == "1"]
    for i in np.linspace(0, len(rows) - 1, min(args.n, len(rows))).round().astype(int):
        mesh = FurnitureLibrary(args.furniture / f"{rows[i]['library']}.sh3f").mesh(rows[i]["model"])
        mesh.vertices = Normalization.of_box(mesh.bounds).apply(mesh.vertices)
        yield rows[i], mesh
