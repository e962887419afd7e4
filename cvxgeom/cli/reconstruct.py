"""``cvxgeom reconstruct``: from a depth map or a photo to a shape."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._files import EXPORT_ENDINGS
from .arguments import check_outputs, number, path_ending, positive

if TYPE_CHECKING:
    from ..color import ColorViews
    from ..depth import DepthViews
    from ..reconstruct import Reconstruction, Reference

Report = dict[str, Any]

ONE_VIEW, SEVERAL_VIEWS, PHOTO = "furniture-depth1", "furniture-depth20", "furniture-rgb1"
SHIPPED = {ONE_VIEW: "depth", SEVERAL_VIEWS: "depth", PHOTO: "color"}
# An object that fills more of a side of the picture than this is cut off there.
_CUT_OFF = 0.02


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command = commands.add_parser(
        "reconstruct",
        parents=[common],
        help="make a shape of a depth map or a photo",
        description="Make a shape of a depth map or a photo of one object. The result is in meters (that of a photo is "
        "about 1 long), y up, about the middle of what is seen.",
    )
    command.add_argument(
        "input", metavar="INPUT", type=Path, help="depth map (.png of 16 bits, .npy, .npz, .exr) or photo (.png, .jpg)"
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        required=True,
        type=path_ending(*EXPORT_ENDINGS),
        help=f"mesh to write ({', '.join(EXPORT_ENDINGS)})",
    )
    command.add_argument("--shape", type=path_ending(".npz"), metavar="OUT.npz", help="also write the shape")
    command.add_argument("--picture", type=path_ending(".png"), metavar="OUT.png", help="also draw input and parts")
    command.add_argument(
        "--surface",
        choices=("parts", "union", "smooth"),
        default="parts",
        help="of the mesh: exact convex parts (default), their watertight union, or the smooth surface",
    )
    command.add_argument(
        "--refine",
        action="store_true",
        help="fit what the model predicts to the depth map: more exact where it was seen; takes some seconds more",
    )
    command.add_argument("--model", metavar="NAME|FILE", help="weights that ship, or a file of others (.safetensors)")
    lens = command.add_mutually_exclusive_group()
    lens.add_argument(
        "--intrinsics", metavar="FILE|fx,fy,cx,cy", help="of the camera, in pixels: numbers, or .json, .txt, .npy"
    )
    lens.add_argument("--fov", type=positive, metavar="F", help="vertical field of view in degrees instead (40)")
    command.add_argument(
        "--view",
        type=number,
        nargs=2,
        metavar=("AZIMUTH", "ELEVATION"),
        help="where the camera stands, seen from the object, in degrees (35 20); azimuth 0 sees the front",
    )
    command.add_argument("--mask", type=Path, metavar="FILE", help="which pixels show the object: bright ones")
    command.add_argument(
        "--depth-scale", type=positive, metavar="N", help="numbers to a meter (1000 for whole numbers, else 1)"
    )


def run(options: argparse.Namespace) -> Report:
    """Read the input, run the model, look at the result, and write what was asked for when all of it is there."""
    lens_file = Path(options.intrinsics) if options.intrinsics else None
    weights = Path(options.model) if options.model else None
    outputs = {"mesh": options.output, "shape": options.shape, "picture": options.picture}
    check_outputs(list(outputs.values()), options.input, options.mask, lens_file, weights)

    from ..color import ColorViews
    from ..mesh import export_mesh, to_trimesh
    from ..reconstruct import is_photo, portrait, read_depth, read_photo, reconstruct
    from ..render import save_picture
    from .progress import progress

    with progress() as show:
        show("reading")
        photo = is_photo(options.input)
        if photo and options.refine:
            raise ValueError(f"--refine fits to what a depth map says, and {str(options.input)!r} is a color picture")
        if options.model in SHIPPED:  # at once; what a file of others reads is known when it is loaded
            _check_kind(SHIPPED[options.model], options.model, photo, options.input)
        known = {
            "view": options.view and tuple(options.view),
            "intrinsics": options.intrinsics,
            "field_of_view": options.fov,
            "mask": options.mask,
        }
        if photo:
            views = read_photo(options.input, **known)
        else:
            views = read_depth(options.input, **known, depth_scale=options.depth_scale)
        name = options.model or (PHOTO if photo else ONE_VIEW if views.n_views == 1 else SEVERAL_VIEWS)
        show("loading the model")
        model, reference = load_model(name)
        if config := getattr(model, "config", None):
            _check_kind(config.input, name, photo, options.input)
        if options.refine:
            from ..fit import Refined

            model = Refined(model)
        show("refining" if options.refine else "reconstructing")
        result = reconstruct(model, views, reference)
        union = to_trimesh(result.shape, "union")
        image = None
        if options.picture:
            show("drawing")
            image = portrait(result.shape, views)
        show("writing")
        export_mesh(result.shape, options.output, options.surface)
        if options.shape:
            result.shape.save(options.shape)
        if image is not None:
            save_picture(image, options.picture)
    return {
        "input": options.input,
        "model": name,
        "refined": options.refine,
        "views": views.n_views,
        "kind": "photo" if photo else "depth",
        "pixels": list((views.mask if isinstance(views, ColorViews) else views.depth).shape[:0:-1]),
        "notes": _notes(views, options),
        "volume": union.volume,
        "size": union.extents,
        "extrinsics": views.extrinsics,
        **_told(result),
        "outputs": {kind: path for kind, path in outputs.items() if path},
    }


def show(report: Report) -> None:
    """What came in, what came out, and how far to trust it."""
    from rich.markup import escape

    from .show import console, print_outputs

    out = console()
    width, height = report["pixels"]
    photo = report["kind"] == "photo"
    views = "a depth map" if report["views"] == 1 else f"{report['views']} depth maps"
    told = f"a photo, looked at in {width} x {height} pixels" if photo else f"{views} of {width} x {height} pixels"
    out.print(f"[bold]{escape(str(report['input']))}[/]: {told}")
    for note in report["notes"]:
        out.print(f"  note: {escape(note)}")
    extents = " x ".join(f"{float(side):.3g}" for side in report["size"])
    parts = "convex part" if report["parts"] == 1 else "convex parts"
    size = f"{extents}, of no known unit" if photo else f"volume {report['volume']:.3g} m³, {extents} m"
    refined = ", fitted to the input" if report["refined"] else ""
    seconds = f"{report['seconds']:.2f} s with {escape(report['model'])}{refined}"
    out.print(f"[bold]{report['parts']}[/] {parts}, {size}, {seconds}")
    if n := report["refuted"]:
        out.print(f"  {n} more {'part was' if n == 1 else 'parts were'} left out: the camera saw that nothing is there")
    for judgment in filter(None, (report["likeness"], report["agreement"])):
        out.print(f"  {judgment['sentence']}")
    print_outputs(out, report["outputs"])


def load_model(name: str) -> "tuple[Any, Reference | None]":
    """Weights that ship with the package, by name, or those of a file; and what their training inputs look like.

    For ``x.safetensors`` that stands beside it in ``x.reference.npz``; None if it does not.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: there are no such weights, or the file does not hold any.
    """
    from ..models.cvxnet import WEIGHTS, CvxNet
    from ..reconstruct import Reference

    if name.endswith(".safetensors"):
        path, model = Path(name), CvxNet.load(name)
    else:
        path, model = WEIGHTS / f"{name}.safetensors", CvxNet.from_pretrained(name)
    known = path.with_suffix(".reference.npz")
    return model, Reference.load(known) if known.is_file() else None


def _check_kind(reads: str, model: str, photo: bool, path: Path) -> None:
    if photo and reads == "depth":
        raise ValueError(
            f"{str(path)!r} is a color picture, and the model {model} reads depth maps; try --model {PHOTO}"
        )
    if not photo and reads == "color":
        raise ValueError(f"{str(path)!r} is a depth map, and the model {model} reads photos; try --model {ONE_VIEW}")


def _told(result: "Reconstruction") -> Report:
    found, agreed = result.likeness, result.agreement
    return {
        "parts": result.n_parts,
        "refuted": result.n_refuted,
        "seconds": result.seconds,
        "likeness": found and {**asdict(found), "sentence": f"The input {found.sentence}."},
        "agreement": {**asdict(agreed), "sentence": f"Seen from the camera, {agreed.sentence}."},
    }


def _notes(views: "DepthViews | ColorViews", options: argparse.Namespace) -> list[str]:
    """What the user should know about how the input was understood."""
    from ..color import ColorViews

    notes = []
    if options.fov is None and options.intrinsics is None and options.input.suffix.lower() != ".npz":
        what = "the object" if isinstance(views, ColorViews) else "the picture"
        notes.append(f"no intrinsics given, so {what} is assumed to span 40 degrees from top to bottom")
    if isinstance(views, ColorViews):
        return notes
    seen = views.seen
    if bool(seen.flatten(1).all(dim=1).any()):
        notes.append("no pixel is background; if there is more than the object in the picture, give its --mask")
    else:
        edges = (seen[:, 0], seen[:, -1], seen[:, :, 0], seen[:, :, -1])
        if any(float(edge.float().mean(dim=-1).max()) > _CUT_OFF for edge in edges):
            notes.append("the object reaches the border of the picture, where it may be cut off")
    return notes
