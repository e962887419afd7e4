"""A picture of many shapes of a dataset, to see at a glance whether they are what they should be."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .._files import atomic_path
from ..data import Dataset, Record
from ..data.manifest import read_manifest

_TILE, _CAPTION, _COLUMNS, _MOST = 128, 14, 12, 96


def contact_sheet(dataset: Path, target: Path) -> Path:
    """Draw up to 96 shapes, evenly spread over all splits: their first picture if they have one, else their first
    depth map, the nearer the brighter.

    Args:
        dataset: its folder.
        target: the picture to write.

    Returns:
        ``target``.
    """
    manifest = read_manifest(dataset)
    used = manifest["used"]
    chosen = [used[i * len(used) // min(len(used), _MOST)] for i in range(min(len(used), _MOST))]
    splits = {split: Dataset(dataset, split) for split in manifest["splits"]}
    rows = max(1, -(-len(chosen) // _COLUMNS))
    sheet = Image.new("RGB", (_COLUMNS * _TILE, rows * (_TILE + _CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=10)
    for i, entry in enumerate(chosen):
        x, y = i % _COLUMNS * _TILE, i // _COLUMNS * (_TILE + _CAPTION)
        tile = _tile(splits[entry["split"]].record(entry["id"]))
        if tile is not None:
            sheet.paste(tile.resize((_TILE, _TILE)), (x, y))
        draw.text((x + 2, y + _TILE), f"{entry['class']}: {entry['name']}"[:24], fill=(60, 60, 60), font=font)
    for split in splits.values():
        split.close()
    with atomic_path(target) as temporary:
        sheet.save(temporary)
    return target


def _tile(record: Record) -> Image.Image | None:
    if record.n_rgb_views:
        view = record.rgb([0])
        rgb = view.rgb[0].permute(1, 2, 0).numpy()
        shown = np.where(view.alpha[0, :, :, None], rgb, 1.0)
        return Image.fromarray((shown * 255).astype(np.uint8))
    if record.n_depth_views:
        depth = record.depth([0]).depth[0].numpy()
        seen = np.isfinite(depth)
        if not seen.any():
            return None
        near, far = depth[seen].min(), depth[seen].max()
        shade = np.where(seen, 220 - 180 * (np.where(seen, depth, near) - near) / max(far - near, 1e-6), 255)
        return Image.fromarray(shade.astype(np.uint8)).convert("RGB")
    return None
