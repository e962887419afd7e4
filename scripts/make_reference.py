"""Store what training inputs look like beside the weights of a model, for the likeness of `cvxgeom reconstruct`.

    python scripts/make_reference.py DATASET -o WEIGHTS.reference.npz [--views 1 2 4 8 20] [--color] [--per-shape 3]

Describes a few random inputs of each shape of the training split, and measures how far inputs of the validation split
lie from them, which sets the standard. An input is as many views of a shape as ``--views`` says, one of the numbers.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch

from cvxgeom import DepthViews
from cvxgeom.color import ColorViews
from cvxgeom.data import Dataset, Record
from cvxgeom.reconstruct import Reference, appearance


def inputs(
    record: Record, color: bool, sizes: list[int], n_inputs: int, generator: torch.Generator
) -> Iterator[DepthViews | ColorViews]:
    """Random inputs, each of some views of a shape."""
    held = record.n_rgb_views if color else record.n_depth_views
    for _ in range(n_inputs):
        n = sizes[int(torch.randint(len(sizes), (), generator=generator))]
        views = torch.randperm(held, generator=generator)[:n].tolist()
        if color:
            found = record.rgb(views)
            yield ColorViews(found.rgb, found.alpha, found.intrinsics, found.extrinsics)
        else:
            yield DepthViews(*record.depth(views))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--views", type=int, nargs="+", default=[1], help="in one input")
    parser.add_argument("--color", action="store_true", help="describe pictures, not depth maps")
    parser.add_argument("--per-shape", type=int, default=3, help="inputs of each training shape that are kept")
    parser.add_argument("--held-out", type=int, default=10, help="inputs of each validation shape that are measured")
    parser.add_argument("--furniture", action="store_true", help="shapes that count as furniture alone")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    generator = torch.Generator().manual_seed(args.seed)
    features, objects, names, held_out = [], [], [], []
    for split, per_shape in (("train", args.per_shape), ("val", args.held_out)):
        for i, record in enumerate(Dataset(args.dataset, split)):
            if args.furniture and not record.furniture:
                continue
            for views in inputs(record, args.color, args.views, per_shape, generator):
                if split == "val":
                    held_out.append(appearance(views))
                    continue
                features.append(appearance(views))
                objects.append(i)
                names.append(record.label)
    reference = Reference.of(torch.stack(features), objects, held_out=torch.stack(held_out), names=names)
    reference.save(args.output)
    size = args.output.stat().st_size / 1000
    print(f"{args.output}: {len(features)} inputs, {len(held_out)} distances, {size:.0f} kB")


if __name__ == "__main__":
    main()
