"""The ops inside torch.compile, on a CPU and on a GPU where there is one."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cvxgeom.ops import _native

ROOT = Path(__file__).parents[2]
DEVICES = [
    pytest.param("cpu", marks=pytest.mark.skipif(_native.LIBRARY is None, reason=_native.SENTENCE)),
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")),
]

COMPILED = """
import sys
import torch
from cvxgeom import ops
from tests.ops.shapes import random_planes, random_points

def loss(x, *planes):
    value = ops.union_indicator(2 * x, *planes).square().sum() + ops.convex_sdf(x, *planes[:4]).sin().sum()
    occupancy = (x.detach().norm(dim=-1) < 0.5).double()
    value += sum(v.sin().sum() for v in ops.training_indicators(x, *planes, occupancy=occupancy, n_guides=5))
    value += ops.sample_grid((-0.6, -0.5, -0.4), 0.1, (11, 9, 8), *planes[:4], truncation=0.2).square().sum()
    return value + ops.union_contains(x, *planes[:3]).sum() + ops.raycast(x, x.flip(-2), *planes[:3]).distance[:0].sum()

points, planes = random_points(n=300), random_planes(k=4, h=9)
inputs = [t.to(sys.argv[1]).requires_grad_() for t in (points, *planes)]
results = []
for function in (loss, torch.compile(loss, fullgraph=True)):
    value = function(*inputs)
    results.append((value, *torch.autograd.grad(value, inputs)))
for got, want in zip(*results, strict=True):
    torch.testing.assert_close(got, want)
"""


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_values_and_derivatives_without_graph_breaks(device):
    """In a process of its own: the annotation checks of the tests cannot be traced."""
    command = [sys.executable, "-c", COMPILED, device]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
