"""Where the Triton kernels run in the tests: on a GPU if one is visible, else in Triton's interpreter on CPU tensors.

Tests make their tensors on the CPU; the functions here bring them to the kernels and the results back, so that every
test says the same of both. Importing this skips the module that does where neither is possible.
"""

import importlib
import importlib.util
import os
import sys

import pytest
import torch
from torch.utils._pytree import tree_map_only

from cvxgeom import ops

from . import test_cpu

ON_GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if ON_GPU else "cpu")

if importlib.util.find_spec("triton") is None:
    pytest.skip('triton is not installed: pip install "cvxgeom[gpu]"', allow_module_level=True)
if not ON_GPU:
    if "triton" not in sys.modules:
        os.environ["TRITON_INTERPRET"] = "1"  # read when triton is imported
    if os.environ.get("TRITON_INTERPRET") != "1":
        pytest.skip("triton was imported before without TRITON_INTERPRET=1", allow_module_level=True)

_triton = importlib.import_module("cvxgeom.ops._triton")  # which imports triton


def on_device(function, *inputs, **options):
    """What a function makes of tensors brought to the kernels' device, on the CPU."""
    there = tree_map_only(torch.Tensor, lambda t: t.to(DEVICE), (inputs, options))
    return tree_map_only(torch.Tensor, lambda t: t.cpu(), function(*there[0], **there[1]))


def on_cuda(name, *inputs, **options):
    """An op on the Triton kernels."""
    with ops.backend("cuda"):
        return on_device(getattr(ops, name), *inputs, **options)


def reference(name, *inputs, **options):
    """The same op in plain PyTorch, on the CPU."""
    with ops.backend("reference"):
        return getattr(ops, name)(*inputs, **options)


def evaluate(name, backend, points, planes):
    """`test_cpu.evaluate` of these tensors, the Triton kernels on their device."""
    if backend != "cuda":
        return test_cpu.evaluate(name, backend, points, planes)
    return on_device(test_cpu.evaluate, name, backend, points, planes)
