"""The TFRecord files of the official CvxNet implementation, read without TensorFlow."""

import re
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ...data import Arrays, Facts, Normalization
from ...data.records import DEPTH_UNIT
from ..compute import camera_arrays
from ..item import SPLITS, Item, Loaded, identifier
from ..views import depth_cameras, rgb_cameras

# What stored depth is divided by.
_DEPTH_SCALE = 1000.0
_HEADER, _FOOTER = 12, 4
_NAME = re.compile(r"(?P<label>[^.]+?)-(?P<split>train|val|test)(?:[-.].*)?")


def find_tfrecords(root: Path) -> list[Path]:
    """The files of a folder that are named as CvxNet's are: ``class-split-...``, without a mesh's or table's ending."""
    files = [path for path in root.iterdir() if path.is_file()] if root.is_dir() else []
    return sorted(path for path in files if _NAME.fullmatch(path.name) and _is_tfrecord(path))


def tfrecord_items(files: list[Path]) -> list[Item]:
    """The shapes of TFRecord files, one for each record.

    Their poses were never published: depth maps get the cameras that this package would use, and ``cameras_known`` is
    False. The frame is that of the points which are inside.

    Raises:
        ValueError: a file ends within a record.
    """
    items = []
    for path in files:
        match = _NAME.fullmatch(path.name)
        label, split = (match["label"], match["split"]) if match else ("", SPLITS[0])
        for number, (start, length) in enumerate(records(path)):
            facts = Facts(label, f"{path.name} {number}", license="", source=f"{path.name}#{number}")
            items.append(
                Item(identifier(path.name, f"{number:05d}"), split, partial(_load, path, start, length), facts)
            )
    return items


def records(path: Path) -> Iterator[tuple[int, int]]:
    """Where the records of a file start, and how long they are, in bytes.

    Raises:
        ValueError: the file ends within a record.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        place = 0
        while place < size:
            header = file.read(_HEADER)
            length = struct.unpack("<Q", header[:8])[0] if len(header) == _HEADER else size
            end = place + _HEADER + length + _FOOTER
            if end > size:
                raise ValueError(f"{str(path)!r} ends within a record; it is damaged or no TFRecord file")
            yield place + _HEADER, length
            place = end
            file.seek(place)


def example_features(data: bytes) -> dict[str, np.ndarray | bytes]:
    """The features of a ``tf.train.Example``: float and integer lists as arrays, a single byte string as it is.

    Raises:
        ValueError: the message is damaged.

    Example:
        >>> example_features(bytes([10, 14, 10, 12, 10, 1, 97, 18, 7, 18, 5, 10, 3]) + b"xyz")
        Traceback (most recent call last):
        ValueError: the record is not a tf.train.Example
    """
    try:
        features: dict[str, np.ndarray | bytes] = {}
        for _, message in _fields(data, {1}):
            for _, entry in _fields(message, {1}):
                parts = dict(_fields(entry, {1, 2}))
                features[parts[1].decode()] = _feature(parts[2])
        return features
    except (IndexError, KeyError, struct.error, UnicodeDecodeError, ValueError) as error:
        raise ValueError("the record is not a tf.train.Example") from error


def _feature(data: bytes) -> np.ndarray | bytes:
    kind, content = next(iter(_fields(data, {1, 2, 3})))
    values = list(_fields(content, {1}))
    if kind == 1:
        return values[0][1]
    if kind == 2:
        return np.concatenate([np.frombuffer(value, dtype="<f4") for _, value in values])
    numbers = []
    for _, value in values:
        place = 0
        while place < len(value):
            number, place = _varint(value, place)
            numbers.append(number)
    return np.array(numbers, dtype=np.uint64).astype(np.int64)


def _fields(data: bytes, wanted: set[int]) -> Iterator[tuple[int, bytes]]:
    """Number and content of those fields of a protobuf message that have a length, packed or not."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == 2:
            length, place = _varint(data, place)
            end = place + length
        elif wire == 0:
            _, end = _varint(data, place)
        elif wire in (1, 5):
            end = place + (8 if wire == 1 else 4)
        else:
            raise ValueError(f"wire type {wire}")
        if end > len(data):
            raise ValueError("the message ends within a field")
        if number in wanted:
            yield number, data[place:end]
        place = end


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place


def _load(path: Path, start: int, length: int) -> Loaded:
    with open(path, "rb") as file:
        file.seek(start)
        features = example_features(file.read(length))
    missing = [key for key in ("bbox_samples", "surf_samples", "depth") if key not in features]
    if missing:
        raise ValueError(f"the record has no {missing[0]}; it has {', '.join(sorted(features)) or 'nothing'}")
    uniform, near = (_floats(features[key]).reshape(-1, 4) for key in ("bbox_samples", "surf_samples"))
    inside = [samples[samples[:, 3] <= 0, :3] for samples in (uniform, near)]
    held = np.concatenate(inside).astype(np.float64)
    if len(held) < 2:
        raise ValueError("the record has no points inside")
    frame = Normalization.of_box(np.stack([held.min(axis=0), held.max(axis=0)]))
    made = {
        "bounds": frame.apply(np.stack([held.min(axis=0), held.max(axis=0)])),
        "uniform": frame.apply(uniform[:, :3].astype(np.float64)),
        "uniform_occupancy": uniform[:, 3] <= 0,
        "near": frame.apply(near[:, :3].astype(np.float64)),
        "near_occupancy": near[:, 3] <= 0,
    }
    reach = float(np.linalg.norm(made["bounds"], axis=1).max())
    depth = _square(_floats(features["depth"]), 20, 1)[..., 0] / _DEPTH_SCALE * frame.scale
    steps = np.where(np.isfinite(depth) & (depth > 0), depth / DEPTH_UNIT, 0)
    made["depth"] = np.round(steps).clip(0, 65_535).astype(np.uint16)
    made.update(camera_arrays(depth_cameras(reach, len(depth), depth.shape[1])))
    if "rgb" in features:
        made.update(_pictures(_square(_floats(features["rgb"]), 24, 3), reach))
    return Loaded(None, Arrays(**made), frame, cameras_known=False)


def _pictures(rgb: np.ndarray, reach: float) -> dict[str, np.ndarray]:
    """Pictures as they are stored here: without depth, and what has the color of a corner counts as background."""
    values = (rgb * (255 if rgb.max() <= 1 else 1)).clip(0, 255).round().astype(np.uint8)
    alpha = np.where((values != values[:, :1, :1]).any(axis=-1), 255, 0).astype(np.uint8)
    values = np.where(alpha[..., None] > 0, values, 0).astype(np.uint8)
    cameras = rgb_cameras(reach, len(rgb), rgb.shape[1], np.random.default_rng(0))
    return {
        "rgb": np.concatenate([values, alpha[..., None]], axis=-1),
        "rgb_depth": np.zeros(rgb.shape[:3], dtype=np.uint16),
        **camera_arrays(cameras, "rgb_"),
    }


def _floats(value: np.ndarray | bytes) -> np.ndarray:
    return np.frombuffer(value, dtype="<f4") if isinstance(value, bytes) else value.astype(np.float32)


def _square(values: np.ndarray, n: int, channels: int) -> np.ndarray:
    side = round((len(values) / n / channels) ** 0.5)
    return values.reshape(n, side, side, channels)


def _is_tfrecord(path: Path) -> bool:
    try:
        next(records(path))
    except (ValueError, StopIteration):
        return False
    return True
