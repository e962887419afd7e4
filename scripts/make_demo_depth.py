"""Make the depth map that comes with the package, and its camera file.

    python scripts/make_demo_depth.py --furniture DIR --split-file CSV [--model chairWithCushion] [-o cvxgeom/assets]

DIR holds the ``.sh3f`` libraries of the Debian package sweethome3d-furniture 1.8-1; the split file, such as
`benchmarks/furniture_split.csv`, has the columns library, model, split, creator. The model must be of the CC0 library
and of the test split: no shipped weights were trained on it. Its size is that of the catalog, in meters; the camera
stands at azimuth 35, elevation 20, where the sphere around the object fills a field of view of 40 degrees, as the
cameras of a prepared dataset do.
"""

import argparse
import csv
import json
import math
from pathlib import Path

import numpy as np
from PIL import Image

from cvxgeom._files import atomic_path
from cvxgeom.data import FurnitureLibrary, normalize
from cvxgeom.render import Camera, mesh_maps

LIBRARY = "BlendSwap-CC-0"
VIEW, FIELD_OF_VIEW, SIZE = (35.0, 20.0), 40.0, (224, 224)
MARGIN = 1.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--furniture", type=Path, required=True, help="folder with the .sh3f libraries")
    parser.add_argument("--split-file", type=Path, required=True)
    parser.add_argument("--model", default="chairWithCushion")
    parser.add_argument("--name", default="chair_depth", help="of the files to write")
    parser.add_argument("-o", "--output", type=Path, default=Path("cvxgeom/assets"), help="folder to write to")
    args = parser.parse_args()

    with open(args.split_file, newline="", encoding="utf-8") as file:
        rows = {row["model"]: row for row in csv.DictReader(file) if row["library"] == LIBRARY}
    if rows.get(args.model, {}).get("split") != "test":
        parser.error(f"{args.model!r} is not in the test split of {LIBRARY}")
    library = FurnitureLibrary(args.furniture / f"{LIBRARY}.sh3f")
    mesh, _ = normalize(library.mesh(args.model))
    width, height, depth = library[args.model].size
    meters = max(width, height, depth) / 100
    mesh.apply_scale(meters)

    radius = float(np.linalg.norm(mesh.vertices, axis=1).max())
    distance = radius / math.sin(math.radians(FIELD_OF_VIEW / 2)) * MARGIN
    azimuth, elevation = map(math.radians, VIEW)
    toward = (math.sin(azimuth) * math.cos(elevation), math.sin(elevation), math.cos(azimuth) * math.cos(elevation))
    x, y, z = (distance * part for part in toward)
    camera = Camera((x, y, z), field_of_view=FIELD_OF_VIEW, size=SIZE)
    seen = mesh_maps(mesh, camera).depth.numpy()
    millimeters = np.where(np.isfinite(seen), np.nan_to_num(seen, posinf=0) * 1000, 0).round().astype(np.uint16)

    with atomic_path(args.output / f"{args.name}.png") as path:
        Image.fromarray(millimeters).save(path, optimize=True)
    (fx, _, cx), (_, fy, cy), _ = camera.intrinsics.tolist()
    told = {"width": SIZE[0], "height": SIZE[1], "fx": fx, "fy": fy, "cx": cx, "cy": cy, "view": VIEW}
    with atomic_path(args.output / f"{args.name}.json") as path:
        path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(f"{args.model} by {rows[args.model]['creator']}: {mesh.extents.round(3)} m, {distance:.3f} m away")


if __name__ == "__main__":
    main()
