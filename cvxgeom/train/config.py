"""How a model is trained: everything that a run depends on, apart from model, data and objective."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from .._checks import check_choice, check_positive, describe, is_real, is_whole, store_plain

# These change how a run is watched or where it happens, never what comes out of it.
_NOT_PART_OF_THE_RESULT = frozenset(
    {"checkpoint_every", "keep", "validate_every", "preview_every", "log_every", "workers", "device"}
)


@dataclass(frozen=True)
class TrainConfig:
    """One training run. Lengths are in the data set's unit, the longest side of an object.

    Args:
        steps: gradient steps.
        batch_size: shapes in a step, over all processes together.
        learning_rate: highest value, reached after the warm-up.
        warmup: steps over which the learning rate rises from 0.
        final_fraction: of the learning rate, where its cosine decay ends.
        weight_decay: of AdamW; 0 makes it Adam.
        betas: of Adam.
        clip_norm: the gradient's norm is cut to this.
        ema_decay: of the moving average of the weights, which is what is validated and kept in the end.
        precision: ``"float32"``, or ``"bfloat16"`` for mixed precision where the device has it.
        seed: of everything that is drawn. Equal seeds give equal runs, on any number of processes up to rounding.
        n_uniform: points a shape drawn from those that are uniform in its box.
        n_inside: so many of them from the inside and the others from the outside, with weights that make up for it;
            0 takes them as they come.
        n_outside: so many more a shape from outside of its box, in the cube of ±0.65 in which predictions are scored.
            Without them a model need not mind what it puts there, and where it has to guess, it does.
        n_near: points a shape drawn from those near its surface.
        inputs: ``"depth"``; ``"color"``: pictures with their cameras; or ``"estimated"``: the depth that the model
            reads from pictures, where the part of it that does so learns no more. That depth is kept in the memory of
            the process, so ``workers`` must be 0.
        views: fewest and most views of a shape. A step draws one number for all of its shapes, evenly in the
            logarithm, so that few views are as frequent as many.
        view_choice: ``"random"`` views, or always the ``"first"`` ones in their order.
        depth_stride: of so many rows and columns of a depth map, only one is used; pictures stay whole.
        depth_noise: largest standard deviation of a normal error on every measured depth; each sample draws its own.
        yaw: turns of a sample about the vertical: ``"quarter"`` turns, ``"any"``, or ``"none"``.
        mirror: whether half of the samples are mirrored in x.
        scale: range of a random stretch of each axis, evenly in the logarithm; (1, 1) is none.
        checkpoint_every: steps.
        keep: newest checkpoints that stay on disk.
        validate_every: steps; 0 is never.
        preview_every: steps between pictures of validation shapes; 0 is never.
        log_every: steps between lines of ``metrics.jsonl``.
        workers: processes that prepare batches; 0 does it in a thread of the training process.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        TypeError: a value has the wrong type.
        ValueError: a value is out of range.

    Turns, mirroring and stretches move points and cameras together, exactly. A model that does not look at the cameras
    cannot know of them: train it with ``yaw="none"`` and ``scale=(1, 1)``. Mirrored views are flipped, too, so that
    they are what a real camera would see.

    Example:
        >>> TrainConfig(steps=100, batch_size=8).learning_rate_at(0)
        2e-05
    """

    steps: int = 10_000
    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup: int = 50
    final_fraction: float = 0.02
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float = 5.0
    ema_decay: float = 0.998
    precision: str = "float32"
    seed: int = 0
    n_uniform: int = 1024
    n_inside: int = 0
    n_outside: int = 0
    n_near: int = 1024
    inputs: str = "depth"
    views: tuple[int, int] = (1, 20)
    view_choice: str = "random"
    depth_stride: int = 1
    depth_noise: float = 0.0
    yaw: str = "quarter"
    mirror: bool = True
    scale: tuple[float, float] = (0.8, 1.25)
    checkpoint_every: int = 500
    keep: int = 2
    validate_every: int = 500
    preview_every: int = 0
    log_every: int = 1
    workers: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        least = {"steps": 1, "batch_size": 1, "depth_stride": 1, "checkpoint_every": 1, "keep": 1, "log_every": 1}
        for name in (f.name for f in fields(self) if f.type is int):
            value = getattr(self, name)
            if not is_whole(value) or value < least.get(name, 0):
                raise ValueError(f"{name} must be a whole number of at least {least.get(name, 0)}, got {value!r}")
        check_positive("learning_rate", self.learning_rate)
        check_positive("clip_norm", self.clip_norm)
        for name, most in (
            ("final_fraction", 1.0),
            ("ema_decay", 1.0),
            ("weight_decay", math.inf),
            ("depth_noise", 1.0),
        ):
            value = getattr(self, name)
            if not is_real(value) or not 0 <= value <= most:
                raise ValueError(f"{name} must be a number from 0 to {most:g}, got {describe(value)}")
        for name, choices in _CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        for name in ("betas", "views", "scale"):
            pair = getattr(self, name)
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise TypeError(f"{name} must be a pair of numbers, got {describe(pair)}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be at least 0 and less than 1, got {self.betas}")
        if not all(map(is_whole, self.views)) or not 1 <= self.views[0] <= self.views[1]:
            raise ValueError(f"views must be two whole numbers, at least 1 and not falling, got {self.views}")
        if not 0 < self.scale[0] <= self.scale[1] < math.inf:
            raise ValueError(f"scale must be two finite numbers greater than 0, not falling, got {self.scale}")
        if self.n_uniform + self.n_near < 1:
            raise ValueError("n_uniform + n_near must be at least 1, got 0")
        if self.inputs == "estimated" and self.workers:
            raise ValueError(f'workers must be 0 where inputs are "estimated", got {self.workers}')
        if self.n_inside > self.n_uniform:
            raise ValueError(f"n_inside must be at most n_uniform, {self.n_uniform}, got {self.n_inside}")

        store_plain(self)

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of a step: linear warm-up, then half a cosine down to the final fraction.

        Args:
            step: from 0 to ``steps`` - 1.
        """
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        fall = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.learning_rate * rise * (self.final_fraction + (1 - self.final_fraction) * fall)

    def ema_decay_at(self, step: int) -> float:
        """Decay of the average of the weights: small at first, so that it forgets the initial weights."""
        return min(self.ema_decay, (step + 1) / (step + 10))

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values, as they are written to files."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def differences(self, other: dict[str, Any]) -> list[str]:
        """Fields whose values would make this run another one than that of ``other``, each with both values.

        Args:
            other: what `to_dict` gave.

        Example:
            >>> TrainConfig(seed=1, workers=2).differences(TrainConfig().to_dict())
            ['seed (0 there, 1 here)']
        """
        mine = self.to_dict()
        return [
            f"{name} ({other.get(name)!r} there, {mine.get(name)!r} here)"
            for name in sorted({*mine, *other} - _NOT_PART_OF_THE_RESULT)
            if mine.get(name) != other.get(name)
        ]


_CHOICES = {
    "precision": ("float32", "bfloat16"),
    "inputs": ("depth", "color", "estimated"),
    "view_choice": ("random", "first"),
    "yaw": ("quarter", "any", "none"),
    "device": ("auto", "cpu", "cuda"),
}
