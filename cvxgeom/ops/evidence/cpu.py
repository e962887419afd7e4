"""Depth evidence on kernels, as PyTorch sees it: not differentiable."""

import importlib

import torch
from torch import Tensor

from .. import _native
from ..indicator.fused import is_plain
from . import reference

_library = torch.library.Library("cvxgeom", "FRAGMENT")
_library.define("depth_evidence(Tensor points, Tensor depth, Tensor cameras) -> (Tensor, Tensor)")


def depth_evidence(launcher: str, points: Tensor, depth: Tensor, cameras: Tensor) -> tuple[Tensor, Tensor]:
    """Both lengths, for detached tensors of one type and batch shape, none empty. Launcher: "cpu" or "cuda"."""
    if not is_plain(points, depth, cameras):
        return torch.ops.cvxgeom.depth_evidence.default(points, depth, cameras)
    return (_on_cpu if launcher == "cpu" else _on_cuda)(points, depth, cameras)


def _on_cuda(points: Tensor, depth: Tensor, cameras: Tensor) -> tuple[Tensor, Tensor]:
    hidden, surface = _fake_depth_evidence(points, depth, cameras)
    importlib.import_module(f"{__package__}.cuda").depth_evidence(hidden, surface, points, depth, cameras)
    return hidden, surface


def _on_cpu(points: Tensor, depth: Tensor, cameras: Tensor) -> tuple[Tensor, Tensor]:
    points, depth, cameras = points.contiguous(), depth.contiguous(), cameras.contiguous()
    hidden, surface = _fake_depth_evidence(points, depth, cameras)
    call = _native.EvidenceCall(*(t.data_ptr() for t in (points, depth, cameras, hidden, surface)))
    call.batch, call.n = points.shape[:-2].numel(), points.shape[-2]  # type: ignore[attr-defined]
    call.views, call.height, call.width = depth.shape[-3:]  # type: ignore[attr-defined]
    call.is_double = points.dtype == torch.float64  # type: ignore[attr-defined]
    if _native.run("evidence", call):
        return hidden, surface
    return reference.depth_evidence(points, depth, cameras)  # images beyond the kernel's integers


def _fake_depth_evidence(points: Tensor, depth: Tensor, cameras: Tensor) -> tuple[Tensor, Tensor]:
    return points.new_empty(points.shape[:-1]), points.new_empty(points.shape[:-1])


_library.impl("depth_evidence", _on_cpu, "CPU")
_library.impl("depth_evidence", _on_cuda, "CUDA")
torch.library.register_fake("cvxgeom::depth_evidence", _fake_depth_evidence)
