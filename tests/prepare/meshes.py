"""Small sources to prepare."""

import zipfile
from pathlib import Path

import trimesh

from cvxgeom.prepare import PrepareConfig

SMALL = PrepareConfig(n_views=3, depth_size=32, n_uniform=500, n_near=300, n_surface=200, grid=16)


def make_folder(root: Path, n: int = 5) -> Path:
    """Boxes in class folders, and a file that is no mesh."""
    for i in range(n):
        folder = root / ("table" if i % 2 else "chair")
        folder.mkdir(parents=True, exist_ok=True)
        trimesh.creation.box((1 + i, 2, 0.5 + i)).export(folder / f"box{i}.obj")
    (root / "chair" / "broken.ply").write_text("this is no mesh")
    return root


def make_library(path: Path, models: tuple[str, ...] = ("stool", "desk")) -> Path:
    """A furniture library of red boxes that lie on their side in the archive: 1 wide, 3 high, 2 deep."""
    catalog = ["license=Creative Commons Attribution 3.0 license"]
    with zipfile.ZipFile(path, "w") as archive:
        for number, model in enumerate(models, start=1):
            catalog += [
                f"name#{number}={model.title()}",
                f"model#{number}=/lib/{model}/{model}.obj",
                f"creator#{number}=Maker{number}",
                f"category#{number}=Office",
                f"modelRotation#{number}=1 0 0 0 0 1 0 -1 0",
            ]
            box = trimesh.creation.box((1, 2, 3))
            vertices = "".join(f"v {x} {y} {z}\n" for x, y, z in box.vertices)
            faces = "".join(f"f {a} {b} {c}\n" for a, b, c in box.faces + 1)
            archive.writestr(f"lib/{model}/{model}.obj", f"mtllib Paint.mtl\n{vertices}usemtl red\n{faces}")
            archive.writestr(f"lib/{model}/paint.mtl", "newmtl red\nKd 0.9 0.1 0.1\n")
        archive.writestr("PluginFurnitureCatalog.properties", "\n".join(catalog))
    return path
