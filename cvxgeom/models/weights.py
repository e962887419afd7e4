"""Weights and configuration of a network in one safetensors file."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from .._files import atomic_path

Model = TypeVar("Model", bound=nn.Module)


def write_weights(path: str | os.PathLike, model: nn.Module, metadata: dict[str, str], dtype: torch.dtype) -> None:
    """Write the state of a model, in the given number type.

    Args:
        path: the file to create or replace.
        model: whose weights.
        metadata: what kind of model it is.
        dtype: number type of the weights in the file.
    """
    from safetensors.torch import save_file

    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    state = {name: value.to(dtype) if value.is_floating_point() else value for name, value in state.items()}
    with atomic_path(path) as temporary:
        save_file(state, temporary, metadata)
        temporary.chmod(0o644)  # safetensors lets the owner alone read its files


def read_weights(path: str | os.PathLike, format: str, build: Callable[[dict[str, Any]], Model]) -> Model:
    """A model in float32 from a file of `write_weights`.

    Args:
        path: the file.
        format: that its metadata must state.
        build: configuration (its metadata, as JSON) → a model with fresh weights.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not such a file, or its weights are of another configuration.
    """
    state, metadata = read_state(path)
    if metadata.get("format") != format:
        raise ValueError(f"{str(path)!r} does not hold a {format} model, its format is {metadata.get('format')!r}")
    try:
        model = build(json.loads(metadata["config"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{str(path)!r} has no configuration that this version knows ({error})") from error
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{str(path)!r} holds weights that do not fit its configuration") from error
    return model


def read_state(path: str | os.PathLike) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Weights in float32 by name, and metadata, of any safetensors file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged or of another kind.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name).float() for name in file.keys()}, file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{str(path)!r} is damaged or not a safetensors file") from error
