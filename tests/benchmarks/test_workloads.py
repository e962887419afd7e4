"""Every workload of the benchmarks, at small sizes: what the library chooses against its reference."""

import pytest
import torch

from benchmarks.contenders import (
    indicator_values,
    sample_grid,
    training_and_gradients,
    union_and_gradients,
    union_values,
)
from benchmarks.workloads import WORKLOADS
from cvxgeom import ops

POINTS = [name for name, workload in WORKLOADS.items() if workload.query in ("uniform", "near")]
TRAINING = [name for name, workload in WORKLOADS.items() if workload.query == "training"]
GRIDS = [name for name, workload in WORKLOADS.items() if workload.query == "grid"]
RAYS = [name for name, workload in WORKLOADS.items() if workload.query == "rays"]


def both(values, name):
    """What the library gives by itself and with the reference."""
    inputs = WORKLOADS[name].small().make()
    with ops.backend("reference"):
        want = values(inputs)
    return values(inputs), want


def assert_same(got, want):
    for g, w in zip(got, want, strict=True):
        torch.testing.assert_close(g, w, rtol=1e-4, atol=2e-5 * max(1.0, float(w.abs().max())))


def test_every_workload_is_tested():
    assert sorted(POINTS + TRAINING + GRIDS + RAYS) == sorted(WORKLOADS)


@pytest.mark.parametrize("name", POINTS)
def test_points(name):
    for values in (indicator_values, union_values, union_and_gradients):
        assert_same(*both(values, name))


@pytest.mark.parametrize("name", TRAINING)
def test_training(name):
    assert_same(*both(training_and_gradients, name))


@pytest.mark.parametrize("name", GRIDS)
def test_grids(name):
    for surface_only in (False, True):
        assert_same(*both(lambda inputs, only=surface_only: (sample_grid(inputs, only),), name))
    inputs = WORKLOADS[name].small().make()
    (at_points,) = union_values(inputs)
    torch.testing.assert_close(sample_grid(inputs).flatten()[inputs.nodes], at_points, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", RAYS)
def test_rays(name):
    got, want = both(lambda inputs: ops.raycast(inputs.points, inputs.directions, *inputs.planes[:3]), name)
    assert 0 < want.hit.sum() < want.hit.numel()
    assert_same([got.distance], [want.distance])


@pytest.mark.parametrize("name", list(WORKLOADS))
def test_a_workload_is_its_sizes_and_its_seed(name):
    workload = WORKLOADS[name].small()
    first, again, other = workload.make(), workload.make(), workload.make(seed=1)
    assert torch.equal(first.points, again.points) and torch.equal(first.normals, again.normals)
    assert not torch.equal(first.normals, other.normals)
    assert first.normals.shape == (*([workload.batch] if workload.batch else []), workload.k, workload.h, 3)


def test_near_points_are_near():
    inputs = WORKLOADS["near-surface"].small().make()
    assert ops.union_sdf(inputs.points, *inputs.planes).abs().median() < 0.02


def test_labels_are_of_both_kinds():
    occupancy = WORKLOADS["training"].small().make().occupancy
    assert 0.05 < occupancy.mean() < 0.95
