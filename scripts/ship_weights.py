"""Put the weights of a finished run into the package: half precision, training features for the likeness, model card.

    python scripts/ship_weights.py RUN NAME --dataset DATASET [--generated GENERATED] [--before RUN...] [--last]
        [--table FILE]

NAME is that of the weights, such as ``furniture-depth1``. FILE is a Markdown table of ``cvxgeom bench`` on the test
split, for the card.
"""

import argparse
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import torch

from cvxgeom.data import Dataset
from cvxgeom.models import CvxNet
from cvxgeom.models.cvxnet import WEIGHTS

# What a model sees, and how its training inputs are described.
_INPUTS = {
    "depth20": "several depth views with their cameras (1 to 20 in training)",
    "depth1": "one depth view with its camera",
    "rgb1": "one color view with its camera and a mask",
}
# What else a user must know.
_LIMITS = {
    "rgb1": """
  How far anything is, is guessed from one picture: the seat and back of a chair, a table top or the mass of a sofa come
  out where they are, in rough pieces; legs are dotted lines, and frames and hidden sides are left to chance. The
  camera's direction must be told. The pictures it knows are renderings of textured models; photos look different.""",
}
_REFERENCE = {
    "depth20": ["--views", "1", "2", "4", "8", "20"],
    "depth1": ["--furniture"],
    "rgb1": ["--furniture", "--color"],
}


def steps_of(run: Path) -> dict:
    """The last line of a run's journal, with the best score on the validation split and its step."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    scored = [(line["scores"]["iou"], line["step"]) for line in lines if "iou" in line.get("scores", {})]
    best, step = max(scored, default=(float("nan"), 0))  # a run for depth alone has none
    return {**lines[-1], "best": best, "best_step": step}


def card(
    name: str,
    model: CvxNet,
    run: Path,
    before: list[Path],
    dataset: Path,
    generated: Path | None,
    use_last: bool,
    table: str,
) -> str:
    """The model card."""
    told = _INPUTS[name.split("-")[1]]
    last, runs = steps_of(run), [steps_of(one) for one in [*before, run]]
    steps = " + ".join(str(one["step"]) for one in runs)
    seconds = timedelta(seconds=round(sum(one["seconds"] for one in runs)))
    config = json.loads((run / "config.json").read_text())
    n_drawn = 0 if generated is None else len(Dataset(generated, "train"))
    n_train = config["data"]["n_shapes"] - n_drawn
    which = ", of all classes of the split file" if n_train == len(Dataset(dataset, "train")) else ", furniture alone"
    drawn = f"\n  In its last turns {n_drawn} pieces of `cvxgeom prepare generated:1000` besides." if n_drawn else ""
    chosen = (
        f"the last step: IoU {last['scores']['iou']:.3f} on the validation split"
        if use_last
        else f"step {last['best_step']}, the best on the validation split: IoU {last['best']:.3f}"
    )
    begun = "" if name.endswith("20") else ", from the weights of a run before, see the script"
    weights = sum(parameter.numel() for parameter in model.parameters())
    return f"""# {name}

`CvxNet.from_pretrained("{name}")`: {told} -> a union of {model.config.n_convexes} convexes of
{model.config.n_halfspaces} half-spaces. {weights / 1e6:.2f} million weights, half precision on disk.

- **Data.** Furniture libraries of Sweet Home 3D (Debian `sweethome3d-furniture` 1.8-1), made by `cvxgeom prepare`:
  {n_train} shapes to learn from{which}; CREDITS.md says who made them.{drawn}
  Augmented by quarter turns, mirror images, stretches of each axis and noise.
- **Training.** `scripts/train_weights.sh DATASET GENERATED RUNS {name}`: {steps} steps of
  {config["config"]["batch_size"]} shapes, {seconds} on one core of a busy machine{begun}.
  Its weights are those of {chosen}.
- **Frame.** y up, z to the object's front. The network works in the frame of what is seen, so unit and place do not
  matter; it does not turn with the object.
- **Limits.** It has seen a few hundred objects, most of them furniture, alone, rendered without clutter. Thin
  parts are often lost, and what no view shows is a guess. `cvxgeom reconstruct` says how like the training data an
  input is.{_LIMITS.get(name.split("-")[1], "")}

## Test split

{table}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--generated", type=Path, help="dataset of furniture drawn at random, if the run had one")
    parser.add_argument(
        "--before", type=Path, nargs="*", default=[], help="runs that this one went on from, for the card"
    )
    parser.add_argument(
        "--last", action="store_true", help="the weights of the last step, not those that validated best"
    )
    parser.add_argument("--table", type=Path, help="Markdown table of the benchmark that goes into the card")
    args = parser.parse_args()
    model = CvxNet.load(args.run / ("model.safetensors" if args.last else "best.safetensors"))
    WEIGHTS.mkdir(exist_ok=True)
    path = WEIGHTS / f"{args.name}.safetensors"
    model.save(path, torch.float16)
    if path.stat().st_size > 10e6:
        sys.exit(f"{path} has {path.stat().st_size / 1e6:.1f} MB; 10 are allowed")
    seen = args.name.split("-")[1]
    reference = Path(__file__).with_name("make_reference.py")
    command = [sys.executable, reference, args.dataset, "-o", path.with_suffix(".reference.npz"), *_REFERENCE[seen]]
    subprocess.run(command, check=True)
    table = args.table.read_text() if args.table else "Not measured yet."
    path.with_suffix(".md").write_text(
        card(args.name, model, args.run, args.before, args.dataset, args.generated, args.last, table)
    )


if __name__ == "__main__":
    main()
