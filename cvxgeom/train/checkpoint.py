"""Checkpoints: all that a run needs to go on as if nothing had happened, in one file that is complete or not there."""

import json
import logging
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .._checks import describe
from .._files import atomic_path

FORMAT, VERSION = "cvxgeom-checkpoint", 1
_NAME = re.compile(r"step-(\d+)\.safetensors")
log = logging.getLogger("cvxgeom")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run between two steps. Random numbers need none: they follow from the seed and the step.

    Args:
        step: steps done.
        tensors: weights (``model.``), their average (``average.``) and the optimizer's state (``optimizer.``).
        about: plain values: config, what model and data are, seconds spent, best validation score.
    """

    step: int
    tensors: dict[str, Tensor]
    about: dict[str, Any]

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors of one part, by their own names."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): value for key, value in self.tensors.items() if key.startswith(prefix)}


def state_of(model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Everything of a run that is a tensor."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for index, entry in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in entry.items()}
    return tensors


def restore(checkpoint: Checkpoint, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put the state of a checkpoint back.

    Raises:
        ValueError: the weights are those of another model.
    """
    for part, module in (("model", model), ("average", average)):
        held, wanted = checkpoint.part(part), module.state_dict()
        odd = sorted(held.keys() ^ wanted.keys()) or [n for n in held if held[n].shape != wanted[n].shape]
        if odd:
            raise ValueError(f"the checkpoint holds the weights of another model: {_some(odd)} differ")
        module.load_state_dict(held)
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in checkpoint.part("optimizer").items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def save(checkpoint: Checkpoint, folder: Path, keep: int) -> Path:
    """Write a checkpoint and remove all but the newest.

    Args:
        checkpoint: to write.
        folder: of the checkpoints.
        keep: how many stay.

    Returns:
        Its path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{checkpoint.step:08d}.safetensors"
    write_tensors(path, checkpoint.tensors, {"step": checkpoint.step, **checkpoint.about})
    for old in paths(folder)[keep:]:
        old.unlink(missing_ok=True)
    return path


def newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole; None if there is none. One that is damaged is passed over with a warning.

    Raises:
        ValueError: there are checkpoints, and all of them are damaged.
    """
    found = paths(folder)
    for path in found:
        try:
            tensors, about = read_tensors(path)
            return Checkpoint(int(about.pop("step")), tensors, about)
        except (ValueError, OSError, KeyError) as error:
            log.warning("%s is damaged and passed over: %s", path, error)
    if found:
        raise ValueError(f"all {len(found)} checkpoints in {folder} are damaged; remove them to start afresh")
    return None


def paths(folder: Path) -> list[Path]:
    """Files of checkpoints, newest first."""
    steps = {int(match[1]): path for path in folder.glob("step-*") if (match := _NAME.fullmatch(path.name))}
    return [steps[step] for step in sorted(steps, reverse=True)]


def write_tensors(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Write tensors and plain values with a checksum; the file is complete or as it was.

    Raises:
        ImportError: safetensors is not installed.
    """
    from safetensors.torch import save_file

    # Copies: safetensors refuses tensors that share memory, such as tied weights.
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    text = json.dumps({"format": FORMAT, "version": VERSION, "checksum": _checksum(plain), **about})
    with atomic_path(path) as temporary:
        save_file(plain, temporary, metadata={"cvxgeom": text})


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote.

    Raises:
        ValueError: the file is not one of these, or is damaged.
        ImportError: safetensors is not installed.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("cvxgeom", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(about, dict) or about.pop("format", None) != FORMAT:
        raise ValueError(f"{path.name} is not a checkpoint of cvxgeom")
    if (version := about.pop("version", None)) != VERSION:
        raise ValueError(f"{path.name} has version {describe(version)}; this cvxgeom reads version {VERSION}")
    if about.pop("checksum", None) != _checksum(tensors):
        raise ValueError(f"the numbers in {path.name} are not those that were written")
    return tensors, about


def save_model(model: nn.Module, path: Path, about: dict[str, Any]) -> None:
    """Write weights: in the model's own format if it has one, else as plain safetensors."""
    own = getattr(model, "save", None)
    if callable(own):
        own(path)
    else:
        write_tensors(path, model.state_dict(), about)


def _checksum(tensors: dict[str, Tensor]) -> int:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(name.encode(), total)
        total = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, total)
    return total


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
