"""Configs: schedules in closed form, and every wrong value named."""

import math
from typing import Any

import pytest

from cvxgeom.train import PRESETS, TrainConfig


def test_learning_rate_rises_linearly_and_falls_like_a_cosine() -> None:
    config = TrainConfig(steps=1000, learning_rate=1.0, warmup=10, final_fraction=0.1)
    assert config.learning_rate_at(0) == pytest.approx(0.1)
    assert config.learning_rate_at(4) == pytest.approx(0.5, rel=1e-3)
    assert config.learning_rate_at(500) == pytest.approx(0.55)
    assert config.learning_rate_at(999) == pytest.approx(0.1, rel=1e-3)
    constant = TrainConfig(steps=10, learning_rate=0.5, warmup=0, final_fraction=1.0)
    assert {constant.learning_rate_at(step) for step in range(10)} == {0.5}


def test_the_average_forgets_the_first_weights() -> None:
    config = TrainConfig(ema_decay=0.99)
    assert config.ema_decay_at(0) == 0.1 and config.ema_decay_at(100_000) == 0.99
    assert math.prod(config.ema_decay_at(step) for step in range(100)) < 1e-6


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("steps", 0, "steps must be a whole number of at least 1, got 0"),
        ("batch_size", 1.5, "batch_size must be a whole number"),
        ("seed", -1, "seed must be a whole number of at least 0"),
        ("learning_rate", 0.0, "learning_rate must be a finite number greater than 0"),
        ("clip_norm", math.nan, "clip_norm must be a finite number"),
        ("final_fraction", 2.0, "final_fraction must be a number from 0 to 1"),
        ("ema_decay", -0.1, "ema_decay must be a number from 0 to 1"),
        ("weight_decay", True, "weight_decay must be a number"),
        ("depth_noise", math.nan, "depth_noise must be a number"),
        ("precision", "float16", "precision must be one of 'float32', 'bfloat16'"),
        ("inputs", "x", "inputs must be one of"),
        ("view_choice", "x", "view_choice must be one of"),
        ("yaw", "x", "yaw must be one of"),
        ("device", "tpu", "device must be one of"),
        ("betas", (0.9, 1.0), "betas must be at least 0 and less than 1"),
        ("views", (3, 2), "views must be two whole numbers, at least 1 and not falling"),
        ("views", (0, 2), "views must be two whole numbers"),
        ("scale", (0.0, 2.0), "scale must be two finite numbers greater than 0"),
        ("n_inside", 2000, "n_inside must be at most n_uniform, 1024, got 2000"),
    ],
)
def test_a_wrong_value_is_named(field: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainConfig(**{field: value})


def test_pairs_are_pairs() -> None:
    with pytest.raises(TypeError, match="views must be a pair of numbers"):
        TrainConfig(views=[1, 2])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"n_uniform \+ n_near must be at least 1"):
        TrainConfig(n_uniform=0, n_near=0)


def test_presets_are_complete() -> None:
    assert {"paper-depth", "paper-rgb"} <= PRESETS.keys()
    assert PRESETS["paper-depth"].views == (20, 20) and PRESETS["paper-rgb"].inputs == "color"
