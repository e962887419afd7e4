"""What each of our improvements on the paper's loss is worth: the same short training without it, on validation shapes.

    python -m benchmarks.bench_ablation DATASET -o RUNS [--steps 300] [--only "without cross-entropy" ...]

Every variant trains the network of ``furniture-depth20`` from the same weights on the same batches, and is then scored
as `cvxgeom bench` does, on the furniture of the validation split. One row trains as the first does, from another seed:
what it differs by is chance. Run again, it goes on where it was stopped; the table is printed after each variant.
"""

import argparse
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from cvxgeom import ConvexUnion
from cvxgeom.data import Dataset
from cvxgeom.evaluate import Condition, ConvexPredictor, Journal, Row, depth_views, differences, evaluate
from cvxgeom.models import CvxNet, preset
from cvxgeom.train import PRESETS, train
from cvxgeom.train.objectives import StagedObjective
from cvxgeom.train.presets import MODEL_OF

PRESET = "furniture-depth20-first"
VIEWS = (4, 20)
ours = StagedObjective()


@dataclass(frozen=True)
class Variant:
    """One row: what is done otherwise, and how."""

    name: str
    objective: StagedObjective = ours
    seed: int = 0


VARIANTS = (
    Variant("ours"),
    Variant("another seed", seed=1),
    Variant("without cross-entropy", replace(ours, cross_entropy=0.0)),
    Variant("squared error instead of soft IoU", replace(ours, soft_iou=0.0, approximation=1.0)),
    Variant("squared error alone", replace(ours, soft_iou=0.0, cross_entropy=0.0, approximation=1.0)),
    Variant("hard from the start", replace(ours, hardness=(12.0, 12.0))),
    Variant("no loss of early stages", replace(ours, early=0.0)),
    Variant("without decomposition", replace(ours, decomposition=0.0)),
    Variant("without guidance", replace(ours, guidance=0.0)),
    Variant("without localization", replace(ours, localization=0.0)),
)
UNBOUNDED = "not bounded when predicted"  # a row of its own, from the weights of the first


def trained(variant: Variant, dataset: Dataset, runs: Path, steps: int) -> Path:
    """Weights of a variant; a run that is finished is not made again."""
    config = PRESETS[PRESET]
    torch.manual_seed(variant.seed)
    model = preset(MODEL_OF[PRESET])
    config = replace(config, steps=steps, seed=variant.seed, checkpoint_every=50, validate_every=0)
    folder = runs / variant.name.replace(" ", "-")
    result = train(model, dataset, variant.objective, config, folder)
    assert result.model is not None
    return result.model


def unbounded(model: CvxNet) -> Callable[[Any], ConvexUnion]:
    """The same prediction without the planes that bound it."""
    return lambda views: model.stages(views)[-1]


def table(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Markdown: IoU of each variant at each number of views, and what it lacks to the first."""

    def cell(values: Sequence[float], digits: int = 3) -> str:
        return f"{sum(values) / len(values):.{digits}f}"

    heads = [f"IoU, {n} views | ours is better by (95 %)" for n in VIEWS]
    lines = [f"| | {' | '.join(heads)} | exact | parts |", "|" + " --- |" * (3 + 2 * len(VIEWS))]
    gaps = {(d.other, d.n_views): d.iou for d in differences(rows)}
    for name in names:
        cells = [name]
        for n in VIEWS:
            gap = gaps.get((name, n))
            cells.append(cell([row.iou for row in rows if row.predictor == name and row.n_views == n]))
            cells.append(f"{gap.value:+.3f} ({gap.low:+.3f} … {gap.high:+.3f})" if gap else "")
        own = [row for row in rows if row.predictor == name and row.n_views == VIEWS[-1]]
        cells += [cell([row.iou_exact or 0.0 for row in own]), cell([row.n_parts or 0 for row in own], 1)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--steps", type=int, default=300)
    names = [variant.name for variant in VARIANTS[1:]]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="variants beside ours")
    args = parser.parse_args()
    logging.basicConfig(format="%(message)s")
    args.output.mkdir(exist_ok=True)
    records = [record for record in Dataset(args.dataset, "val") if record.furniture]
    dataset = Dataset(args.dataset, "train", cache=True)
    predictors: list[ConvexPredictor] = []
    for variant in (one for one in VARIANTS if one == VARIANTS[0] or one.name in args.only):
        path = trained(variant, dataset, args.output, args.steps)
        model = CvxNet.load(path)
        predictors.append(ConvexPredictor(model, variant.name))
        if len(predictors) == 1:
            predictors.append(ConvexPredictor(unbounded(model), UNBOUNDED))
        names = [predictor.name for predictor in predictors]
        journal = Journal(args.output / "scores", {"steps": args.steps}, dict.fromkeys(names, "trained here"))
        conditions = [Condition(n, surface=False) for n in VIEWS]
        rows = evaluate(records, predictors, conditions, lambda r, c: depth_views(r, c.n_views), journal=journal)
        print(f"\n{table(rows, names)}", flush=True)


if __name__ == "__main__":
    main()
