"""Which implementation runs, and what is said about it."""

import logging

import pytest
import torch

from cvxgeom import ops
from cvxgeom.ops import _build, _dispatch, _native

from .shapes import random_planes, random_points


@pytest.fixture
def no_library(monkeypatch, tmp_path):
    library, sentence = _native.load(tmp_path / "absent.so")
    monkeypatch.setattr(_native, "LIBRARY", library)
    monkeypatch.setattr(_native, "SENTENCE", sentence)
    monkeypatch.setattr(_dispatch, "_logged", set())


def call():
    planes = random_planes()
    return ops.union_sdf(random_points(), *planes[:4])


def test_without_the_library_the_reference_runs_and_says_so_once(no_library, caplog):
    with caplog.at_level(logging.INFO, logger="cvxgeom"):
        first, second = call(), call()
    assert torch.equal(first, second)
    assert [record.message for record in caplog.records] == [
        "ops run on plain PyTorch: there is no compiled CPU library: cvxgeom was installed without a C++ compiler (g++)"
    ]
    assert "does not run: there is no compiled CPU library" in ops.available_backends()["cpu"]


def test_without_the_library_every_op_runs(no_library):
    planes, points = random_planes(), random_points()
    assert ops.union_contains(points, *planes[:3]).shape == (7,)
    assert ops.raycast(points, points, *planes[:3]).part.shape == (7,)
    assert ops.convex_indicator(points, *planes).shape == (3, 7)


def test_a_request_that_cannot_be_served_is_refused_with_the_reason(no_library):
    with ops.backend("cpu"), pytest.raises(RuntimeError, match=r'backend\("cpu"\) cannot serve .* no compiled'):
        call()


def test_tensors_elsewhere_are_not_for_the_cpu():
    planes, points = [t.to("meta") for t in random_planes()], random_points().to("meta")
    with ops.backend("cpu"), pytest.raises(RuntimeError, match=r'backend\("cpu"\) cannot serve .* on meta'):
        ops.union_sdf(points, *planes[:4])
    assert ops.convex_sdf(points, *planes[:4]).device.type == "meta"


@pytest.mark.skipif(_native.LIBRARY is None, reason=_native.SENTENCE)
def test_auto_takes_the_kernels_and_reference_does_not():
    with _native.count_work() as work:
        call()
    assert work.pairs > 0
    with _native.count_work() as work, ops.backend("reference"):
        call()
    assert work.pairs == 0
    assert "compiled kernels" in ops.available_backends()["cpu"]


def test_a_library_of_other_sources_is_refused(monkeypatch):
    if _native.LIBRARY is None:
        pytest.skip(_native.SENTENCE)
    monkeypatch.setattr(_build, "sources_digest", lambda: "another")
    assert _native.load() == (None, "the compiled CPU library was built from other sources: install cvxgeom again")


def test_a_broken_library_is_refused(tmp_path):
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"not a library")
    library, sentence = _native.load(broken)
    assert library is None and sentence.startswith("the compiled CPU library does not load")


def test_kernels_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("CVXGEOM_NATIVE", "0")
    assert _native.load()[0] is None


def test_a_failed_build_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(_build.BuildError, match=r"^no C\+\+ compiler was found \(g\+\+\)$"):
        _build.build(tmp_path / "library.so")
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\necho 'x.cpp:1: error: no' >&2\nexit 1\n")
    compiler.chmod(0o755)
    with pytest.raises(_build.BuildError, match=r"g\+\+ failed: x.cpp:1: error: no$"):
        _build.build(tmp_path / "library.so")
    assert not (tmp_path / "library.so").exists()
