"""Compiled CPU kernels under threads, after fork, and as ops of torch.library."""

import multiprocessing
import threading

import pytest
import torch

from cvxgeom import ops
from cvxgeom.ops import _native

from .shapes import random_planes, random_points

pytestmark = pytest.mark.skipif(_native.LIBRARY is None, reason=_native.SENTENCE)


def everything(points, planes):
    """Values and derivatives of the ops, rays, and a grid."""
    out = []
    for name in ("convex_sdf", "convex_indicator", "union_sdf", "union_indicator"):
        inputs = (points, *planes) if "indicator" in name else (points, *planes[:4])
        inputs = [t.clone().requires_grad_() for t in inputs]
        value = getattr(ops, name)(*inputs)
        out += [value.detach(), *torch.autograd.grad(value.sin().sum(), inputs)]
    inputs = [t.clone().requires_grad_() for t in (points, *planes)]
    values = ops.training_indicators(*inputs, occupancy=occupancy_of(points), n_guides=8)
    out += [*(v.detach() for v in values), *torch.autograd.grad(sum(v.sin().sum() for v in values), inputs)]
    out.append(ops.union_contains(points, *planes[:3]))
    out += ops.raycast(points, points.flip(-2), *planes[:3])
    return [*out, ops.sample_grid((-0.6, -0.5, -0.4), 0.06, (21, 18, 15), *planes[:4], truncation=0.1)]


def occupancy_of(points):
    """Labels: 1 in a ball."""
    return (points.norm(dim=-1) < 0.5).to(points.dtype)


def assert_same(a, b):
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_number_of_threads_changes_no_bit(dtype):
    before = torch.get_num_threads()
    points, planes = random_points(n=9000, dtype=dtype), random_planes(k=12, h=20, dtype=dtype)
    batch = random_points(5, n=700, dtype=dtype), random_planes(5, k=3, h=20, dtype=dtype)
    results = []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(everything(points, planes) + everything(*batch))
    finally:
        torch.set_num_threads(before)
    assert_same(results[0], results[1])
    assert_same(results[0], results[2])


def test_several_python_threads_at_once(two_threads):
    points, planes = random_points(n=6000), random_planes(k=12, h=20)
    want, wrong = everything(points, planes), []

    def work():
        for _ in range(3):
            got = everything(points, planes)
            wrong.extend(i for i, (a, b) in enumerate(zip(got, want)) if not torch.equal(a, b))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def _child(queue, points, planes):
    torch.set_num_threads(2)
    with torch.no_grad():
        queue.put([float(ops.union_indicator(points, *planes).sum()) for _ in range(3)])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of fork in a process with threads: what is tested
def test_a_forked_child_starts_its_own_threads(two_threads):
    points, planes = random_points(n=6000), random_planes(k=12, h=20)
    want = float(ops.union_indicator(points, *planes).sum())  # threads exist from here on
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    # NumPy arrays pass by fork as they are; tensors would be put in shared memory by torch's pickling, but these do not
    # pass through a queue.
    child = context.Process(target=_child, args=(queue, points, planes))
    child.start()
    assert queue.get(timeout=60) == [want] * 3
    child.join(timeout=60)
    assert child.exitcode == 0
    assert float(ops.union_indicator(points, *planes).sum()) == want


# -- torch.library ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("union", [False, True])
@pytest.mark.parametrize("sharp", [False, True])
def test_opcheck_of_the_indicator(union, sharp):
    points, planes = random_points(n=70).requires_grad_(), [t.requires_grad_() for t in random_planes(k=3, h=5)]
    inputs = (points, *planes) if sharp else (points, *planes[:4], None)
    torch.library.opcheck(torch.ops.cvxgeom.indicator.default, (union, *inputs))
    detached = [t if t is None else t.detach() for t in inputs]
    value, part, order = torch.ops.cvxgeom.indicator(union, *detached)
    arguments = (union, 15 if sharp else 7, torch.ones_like(value), value, part, order, *detached)
    torch.library.opcheck(torch.ops.cvxgeom.indicator_backward.default, arguments)


def test_opcheck_of_the_others():
    points, planes = random_points(n=70), random_planes(k=3, h=5)
    torch.library.opcheck(torch.ops.cvxgeom.contains.default, (points, *planes[:3]))
    unit = torch.nn.functional.normalize(points.flip(0), dim=-1)
    torch.library.opcheck(torch.ops.cvxgeom.raycast.default, (points, unit, *planes[:3]))


@pytest.mark.parametrize("n_guides", [0, 5])
def test_opcheck_of_training(n_guides):
    points, planes = random_points(n=70).requires_grad_(), [t.requires_grad_() for t in random_planes(k=3, h=5)]
    inputs = (points, *planes, occupancy_of(points.detach()))
    torch.library.opcheck(torch.ops.cvxgeom.training.default, (n_guides, *inputs))
    detached = [t.detach() for t in inputs]
    found = torch.ops.cvxgeom.training(n_guides, *detached)
    grads = [torch.ones_like(value) for value in found[:3]]
    torch.library.opcheck(torch.ops.cvxgeom.training_backward.default, (15, *grads, *found, *detached))


def test_opcheck_of_grids():
    planes = random_planes(2, k=3, h=5)[:4]
    for size in ((5, 1, 12), (9, 8, 7)):
        arguments = ([-0.6, -0.5, -0.4], [0.1, 0.2, 0.1], size, 0.2, *planes)
        torch.library.opcheck(torch.ops.cvxgeom.sample_grid.default, arguments)


def test_ops_fall_back_inside_the_dispatcher():
    """NaN planes go to the reference, where autograd is off: derivatives are written out there."""
    points, planes = random_points(n=20), random_planes(k=3, h=5)
    for union in (False, True):
        for inputs in ((points, *planes), (points, *planes[:4], None)):
            leaves = [t if t is None else t.clone().requires_grad_() for t in inputs]
            wanted = [t for t in leaves if t is not None]
            name = ("union" if union else "convex") + ("_sdf" if inputs[-1] is None else "_indicator")
            with ops.backend("reference"):
                value = getattr(ops, name)(*wanted)
                want = torch.autograd.grad(value.sin().sum(), wanted)
            grad = value.detach().cos()
            found = ops.indicator.pieces.gradients(union, grad, *inputs)
            for a, b in zip(found, want):
                torch.testing.assert_close(a, b)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # raised inside torch.func
def test_transforms_and_forward_mode_go_through_the_reference():
    points, planes = random_points(4, n=6), random_planes(k=3, h=5)
    want = ops.union_sdf(points, *planes[:4])
    got = torch.func.vmap(lambda x: ops.union_sdf(x, *planes[:4]))(points)
    torch.testing.assert_close(got, want)
    _, slope = torch.func.jvp(lambda x: ops.union_sdf(x, *planes[:4]), (points,), (torch.ones_like(points),))
    assert slope.shape == want.shape


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # raised inside torch.func
def test_transforms_of_training_and_grids_go_through_the_reference():
    points, planes = random_points(4, n=30), random_planes(k=3, h=5)
    labels = occupancy_of(points)

    def train(x, label):
        return tuple(ops.training_indicators(x, *planes, occupancy=label, n_guides=4))

    for got, want in zip(torch.func.vmap(train)(points, labels), train(points, labels), strict=True):
        torch.testing.assert_close(got, want)
    many = random_planes(4, k=3, h=5)[:4]

    def grid(*some):
        return ops.sample_grid((-0.6, -0.5, -0.4), 0.1, (5, 6, 7), *some, truncation=0.2)

    torch.testing.assert_close(torch.func.vmap(grid)(*many), grid(*many))


def test_autocast_changes_nothing():
    points, planes = random_points(n=50, dtype=torch.float32), random_planes(dtype=torch.float32)
    want = everything(points, planes)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_same(everything(points, planes), want)
