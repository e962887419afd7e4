"""Store the training features of a model beside its weights, for the likeness of `cvxgeom reconstruct`.

    python scripts/make_reference.py WEIGHTS.safetensors --dataset DATASET [--views 1] [--per-shape 2]

Writes ``WEIGHTS.reference.npz``: features of the training split, of a few random inputs of each shape; and the
distances of inputs of the validation split to them, which set the standard. An input is as many views of a shape as
``--views`` says.
"""

import argparse
import sys
from pathlib import Path

import torch

from cvxgeom import DepthViews
from cvxgeom.data import Dataset
from cvxgeom.models import CvxNet
from cvxgeom.reconstruct import Reference


def inputs(record, color: bool, n_views: int, n_inputs: int, generator: torch.Generator):
    """Random inputs made of different views of one shape each."""
    held = record.n_rgb_views if color else record.n_depth_views
    for _ in range(n_inputs):
        views = torch.randperm(held, generator=generator)[:n_views].tolist()
        if color:
            from cvxgeom.color import ColorViews

            pixels, alpha, _, intrinsics, extrinsics = record.rgb(views)
            yield ColorViews(pixels, alpha, intrinsics, extrinsics)
        else:
            yield DepthViews(*record.depth(views))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--views", type=int, default=1, help="in one input")
    parser.add_argument("--per-shape", type=int, default=2, help="inputs of each training shape that are kept")
    parser.add_argument("--held-out", type=int, default=8, help="inputs of each validation shape that are measured")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    model = CvxNet.load(args.weights)
    color = model.config.input == "color"
    generator = torch.Generator().manual_seed(args.seed)
    features, objects, names, held_out = [], [], [], []
    with torch.no_grad():
        for split, per_shape in (("train", args.per_shape), ("val", args.held_out)):
            records = Dataset(args.dataset, split)
            for i in range(len(records)):
                record = records[i]
                for views in inputs(record, color, args.views, per_shape, generator):
                    feature = model.encode(views.unsqueeze())[0]
                    if split == "val":
                        held_out.append(feature)
                        continue
                    features.append(feature)
                    objects.append(i)
                    names.append(record.label)
            sys.stderr.write(f"{split}: {len(records)} shapes\n")
    reference = Reference.of(torch.stack(features), objects, held_out=torch.stack(held_out), names=names)
    path = args.weights.with_suffix(".reference.npz")
    reference.save(path)
    print(f"{path}: {len(features)} features, {len(held_out)} distances, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
