"""Which shape belongs to which split."""

import csv
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from ..item import SPLITS

SHARES = (0.8, 0.1, 0.1)


def drawn_split(identifier: str, seed: int) -> str:
    """The split of a shape by lot: 80 % train, 10 % val, 10 % test. It depends on the seed and the id alone, so that
    shapes which come later change nothing.

    Example:
        >>> drawn_split("chair.1", seed=0) in SPLITS
        True
    """
    digest = hashlib.sha256(f"{seed}\n{identifier}".encode()).digest()
    lot = int.from_bytes(digest[:8], "big") / 2**64
    return SPLITS[0] if lot < SHARES[0] else SPLITS[1] if lot < SHARES[0] + SHARES[1] else SPLITS[2]


def read_split_file(path: str | os.PathLike, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a split file, a CSV with a header.

    Args:
        path: the file.
        columns: what it must have; "split" is one of train, val and test.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, a split is unknown, or there are no rows.

    Example:
        >>> path = getfixture("tmp_path") / "split.csv"
        >>> _ = path.write_text("model,split\\nchair,train\\n")
        >>> read_split_file(path, ["model", "split"])
        [{'model': 'chair', 'split': 'train'}]
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no split file {str(path)!r}")
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"{str(path)!r} must have the columns {', '.join(columns)}, got none called {missing[0]!r}")
    if not rows:
        raise ValueError(f"{str(path)!r} must list at least one shape, got none")
    for number, row in enumerate(rows, start=2):
        if row["split"] not in SPLITS:
            raise ValueError(f"line {number} of {str(path)!r}: split must be one of {SPLITS}, got {row['split']!r}")
    return rows
