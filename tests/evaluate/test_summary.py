"""Means, intervals and differences of rows."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvxgeom.evaluate import Row, differences, summarize
from cvxgeom.evaluate.cases import pick_cases
from cvxgeom.evaluate.summary import bootstrap, in_group


def row(iou: float, shape: str = "a", predictor: str = "ours", label: str = "chair", **more: Any) -> Row:
    values = {"n_views": 1, "noise": 0.0, "thin": False, "furniture": True, **more}
    return Row(predictor=predictor, shape=shape, label=label, iou=iou, **values)


@given(st.floats(0, 1), st.integers(1, 50))
def test_constant_values_leave_no_interval(value: float, n: int) -> None:
    mean = bootstrap(np.full(n, value), None)
    assert mean.value == pytest.approx(value)
    assert mean.high - mean.low == pytest.approx(0, abs=1e-12)
    assert mean.low <= mean.value <= mean.high and mean.n == n


def test_the_interval_is_that_of_the_central_limit() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.2, 400)
    mean = bootstrap(values, None)
    half = 1.96 * values.std() / 20
    assert mean.high - mean.low == pytest.approx(2 * half, rel=0.1)


def test_the_mean_of_classes_weighs_classes() -> None:
    values = np.array([1.0, 1.0, 1.0, 0.0])
    assert bootstrap(values, ["chair"] * 3 + ["lamp"]).value == 0.5
    assert bootstrap(values, None).value == 0.75


def test_groups_are_told_apart() -> None:
    rows = [
        row(1.0, "a"),
        row(0.5, "b", thin=True, label="lamp"),
        row(0.0, "c", furniture=False, label="plant"),
    ]
    means = {s.group: s.means["iou"].value for s in summarize(rows)}
    assert means == {
        "furniture": 0.75,
        "furniture, solid": 1.0,
        "furniture, thin": 0.5,
        "other": 0.0,
        "all": 0.5,
        "all, solid": 0.5,
        "all, thin": 0.5,
    }
    assert in_group(rows[2], "other") and not in_group(rows[2], "furniture")
    furniture = summarize(rows)[0]
    assert {label: means["iou"].value for label, means in furniture.per_class.items()} == {"chair": 1.0, "lamp": 0.5}


def test_failures_count_as_zero_and_are_counted() -> None:
    rows = [row(1.0, "a", chamfer_l1_mean=0.1), row(0.0, "b", status="failed", message="no")]
    whole = summarize(rows)[0]
    assert (whole.n_shapes, whole.n_failed, whole.means["iou"].value) == (2, 1, 0.5)
    assert (whole.means["chamfer_l1_mean"].value, whole.means["chamfer_l1_mean"].n) == (0.1, 1)


def test_differences_are_those_of_the_same_shapes() -> None:
    shapes = "abcdefgh"
    hard = np.linspace(0.1, 0.9, len(shapes))
    rows = [row(value, shape) for value, shape in zip(hard, shapes)]
    rows += [row(value - 0.05, shape, "other") for value, shape in zip(hard, shapes)]
    (gap,) = differences(rows)
    assert (gap.predictor, gap.other, gap.group) == ("ours", "other", "furniture")
    assert gap.iou.value == pytest.approx(0.05)
    # All shapes differ by the same, however unlike they are.
    assert gap.iou.high - gap.iou.low == pytest.approx(0, abs=1e-9)


def test_cases_are_the_best_the_median_and_the_worst() -> None:
    rows = [row(value, f"shape {value}") for value in (0.3, 0.9, 0.1, 0.5, 0.7)]
    rows.append(row(1.0, "a plant", furniture=False))
    assert [case.iou for case in pick_cases(rows)] == [0.9, 0.5, 0.1]
    assert pick_cases([]) == []
