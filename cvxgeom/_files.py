"""Files that are complete or not there."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXPORT_ENDINGS = (".glb", ".obj", ".ply", ".stl", ".3mf")  # of mesh files that are written


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; renamed to ``path`` when the block ends well, else removed.

    The temporary name keeps the suffix, because writers choose their format by it. Whatever goes wrong, Ctrl-C
    included, an existing file at ``path`` stays as it was.

    Args:
        path: the file to create or replace.

    Raises:
        FileNotFoundError: the folder of ``path`` does not exist.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"no such folder: {target.parent}")
    temporary = target.with_name(f".{target.stem}-{secrets.token_hex(4)}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
