"""Furniture libraries: the catalog, the turn of the models, models in archives."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh

from cvxgeom.data import FurnitureEntry, FurnitureLibrary

CATALOG = "PluginFurnitureCatalog.properties"
TEXT = r"""# comment
id=Test#Library
name=A library

id#1=Test#sofa
name#1=Canap\u00e9 20\u20ac
category#1 = Salon d'\u00e9t\u00e9
creator#1=Ren\u00e9
model#1=/models/sofa/sofa.obj
width#1=200
depth#1=90.5
height#1=80

name#2=Tower
model#2=/tower.zip
modelRotation#2=1 0 0 0 0 1 0 -1 0

name#3=no model here
category#3=Kitchen

model#12=mirror.ply
modelRotation#12=-1 0 0 0 1 0 0 0 1
"""


def obj_of(mesh: trimesh.Trimesh) -> str:
    lines = [f"v {x} {y} {z}" for x, y, z in mesh.vertices]
    return "\n".join(lines + [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in mesh.faces])


def zipped(**members: str | bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return buffer.getvalue()


@pytest.fixture
def library(tmp_path: Path) -> FurnitureLibrary:
    box = trimesh.creation.box((2.0, 3.0, 5.0))
    with zipfile.ZipFile(tmp_path / "test.sh3f", "w") as archive:
        archive.writestr(CATALOG, TEXT.encode("latin-1"))
        archive.writestr("models/sofa/sofa.obj", obj_of(box))
        archive.writestr("tower.zip", zipped(readme_txt="hello", deep__tower_obj=obj_of(box)))
        archive.writestr("mirror.ply", bytes(box.export(file_type="ply")))
    return FurnitureLibrary(tmp_path / "test.sh3f")


def test_the_catalog(library: FurnitureLibrary) -> None:
    assert len(library) == 3
    assert [entry.model for entry in library] == ["sofa", "tower", "mirror"]
    sofa = library["sofa"]
    assert sofa == FurnitureEntry(
        "sofa", "Canapé 20€", "Salon d'été", "René", "models/sofa/sofa.obj", size=(200.0, 80.0, 90.5)
    )
    assert library["mirror"].name == "mirror"  # a model without a name goes by its file


def test_models_are_turned_upright(library: FurnitureLibrary) -> None:
    np.testing.assert_allclose(library.mesh("sofa").extents, [2, 3, 5])
    tower = library.mesh("tower")  # z-up in the file
    np.testing.assert_allclose(tower.extents, [2, 5, 3])
    assert tower.volume == pytest.approx(30.0)


def test_a_mirrored_model_stays_outward_oriented(library: FurnitureLibrary) -> None:
    assert library.mesh("mirror").volume == pytest.approx(30.0)


def test_the_rotation_is_applied_to_column_vectors(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.sh3f", "w") as archive:
        archive.writestr(CATALOG, "model#1=a.obj\nmodelRotation#1=0 0 1 0 1 0 -1 0 0")
        archive.writestr("a.obj", "v 1 0 0\nv 0 2 0\nv 0 0 3\nf 1 2 3")
    np.testing.assert_allclose(
        FurnitureLibrary(tmp_path / "a.sh3f").mesh("a").vertices, [[0, 0, -1], [0, 2, 0], [3, 0, 0]]
    )


def test_unknown_models_are_named(library: FurnitureLibrary) -> None:
    with pytest.raises(KeyError, match="no model 'bed'"):
        library["bed"]
    with pytest.raises(KeyError, match="no model 'bed'"):
        library.mesh("bed")


def test_what_is_no_library_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file"):
        FurnitureLibrary(tmp_path / "none.sh3f")
    (tmp_path / "text.sh3f").write_text("text")
    with pytest.raises(ValueError, match="not a furniture library"):
        FurnitureLibrary(tmp_path / "text.sh3f")
    (tmp_path / "empty.sh3f").write_bytes(zipped(other_txt="x"))
    with pytest.raises(ValueError, match="not a furniture library"):
        FurnitureLibrary(tmp_path / "empty.sh3f")


@pytest.mark.parametrize("line", ["modelRotation#1=1 0 0", "modelRotation#1=a b c", "width#1=wide"])
def test_a_damaged_catalog_is_refused(tmp_path: Path, line: str) -> None:
    with zipfile.ZipFile(tmp_path / "bad.sh3f", "w") as archive:
        archive.writestr(CATALOG, f"model#1=a.obj\n{line}")
    with pytest.raises(ValueError, match="entry 1 of the catalog"):
        FurnitureLibrary(tmp_path / "bad.sh3f")


@pytest.mark.parametrize(
    ("model", "content", "message"),
    [
        ("gone.obj", None, "missing or damaged"),
        ("bad.zip", b"no zip", "missing or damaged"),
        # With a name, since the bytes hold the time: processes that share the tests must see the same ones.
        pytest.param("none.zip", zipped(readme_txt="x"), "holds no mesh file", id="none.zip"),
        ("empty.obj", b"", "has no faces"),
        ("what.xyzw", b"", "cannot be read"),
    ],
)
def test_a_damaged_model_is_named(tmp_path: Path, model: str, content: bytes | None, message: str) -> None:
    with zipfile.ZipFile(tmp_path / "lib.sh3f", "w") as archive:
        archive.writestr(CATALOG, f"model#1=/{model}")
        if content is not None:
            archive.writestr(model, content)
    with pytest.raises(ValueError, match=message) as caught:
        FurnitureLibrary(tmp_path / "lib.sh3f").mesh(Path(model).stem)
    assert f"lib.sh3f/{model}" in str(caught.value)


def test_real_libraries() -> None:
    folder = os.environ.get("CVXGEOM_FURNITURE")
    if not folder:
        pytest.skip("CVXGEOM_FURNITURE is not set to a folder with the .sh3f files of sweethome3d-furniture")
    library = FurnitureLibrary(Path(folder) / "BlendSwap-CC-0.sh3f")
    assert len(library) == 175
    assert library["deckChair"].creator
    # the catalog's own sizes tell whether the model was turned the right way
    size = np.array(library["deckChair"].size)
    extents = library.mesh("deckChair").extents
    np.testing.assert_allclose(extents / extents.max(), size / size.max(), atol=0.01)
