"""A model whose parts were trained in several runs, as one file of weights.

    python scripts/join_weights.py PRESET -o MODEL.safetensors FILE...

PRESET names the model, such as ``furniture-rgb1``; each FILE gives the parts that the files before it lack.
"""

import argparse
from pathlib import Path

from cvxgeom.models import preset
from cvxgeom.train.named import initialize


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    model = preset(args.preset)
    initialize(model, args.files)
    model.save(args.output)


if __name__ == "__main__":
    main()
