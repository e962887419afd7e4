"""A run: model, average, optimizer and files, and the step that moves them on."""

import copy
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .._files import atomic_path
from . import checkpoint as checkpoints
from .batches import Batch, Batches
from .checkpoint import Checkpoint
from .distributed import Team
from .identity import about_data, about_model
from .interrupts import undivided
from .journal import Journal
from .loading import loaded
from .steps import Clock, TrainStep

CHECKPOINTS, PREVIEWS, FAILURES = "checkpoints", "previews", "failures"
MODEL, BEST, CONFIG = "model.safetensors", "best.safetensors", "config.json"
log = logging.getLogger("cvxgeom")

Objective = Callable[[nn.Module, Batch, float], tuple[Tensor, dict[str, Tensor]]]
"""Of a model, a batch and the progress of the run from 0 to 1: the loss, a scalar, and its terms, for the records."""
Validate = Callable[[nn.Module, float], dict[str, float]]
"""Scores of a model (the first decides which one is best, more is better) at a progress from 0 to 1."""
Preview = Callable[[nn.Module, float], Any]
"""A picture (`PIL.Image.Image`) of what a model makes of validation shapes."""


class NotFiniteError(ValueError):
    """Loss or gradient became NaN or infinite; the batch is saved."""


class Run:
    """A run in this process, between two steps or in the middle of one.

    Args:
        model: to train.
        batches: of the run.
        objective: what to make small.
        folder: of the run.
        mates: the processes that share it.

    Raises:
        ValueError: the folder holds a run of another config, model or data, or only damaged checkpoints.
    """

    def __init__(self, model: nn.Module, batches: Batches, objective: Objective, folder: Path, mates: Team) -> None:
        self.config, self.batches, self.folder, self.team = batches.config, batches, folder, mates
        self.model = model.to(mates.device)
        self.average = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(
            [p for p in self.model.parameters() if p.requires_grad],
            lr=self.config.learning_rate,
            betas=self.config.betas,
            weight_decay=self.config.weight_decay,
        )
        self.done, self.saved, self.best = 0, 0, -float("inf")
        self.buffers: dict[str, Tensor] = {}
        self.objective = objective
        self.about = {
            "config": self.config.to_dict(),
            "model": about_model(model),
            "data": about_data(batches.datasets),
        }
        if mates.rank == 0:
            folder.mkdir(parents=True, exist_ok=True)
        self.clock = Clock(self._resume())

    def steps(self, validate: Validate | None, preview: Preview | None) -> Iterator[TrainStep]:
        leads = self.team.rank == 0
        journal = Journal(self.folder, self.done) if leads else None
        stepping = self.team.wrapped(_Stepping(self.model, self.objective, self.config.precision))
        source = loaded(self.batches, self.done, self.config.workers, pin=self.team.device.type == "cuda")
        whole = True  # whether model, average and optimizer belong to the same step
        try:
            for batch, waited in source:
                start = time.perf_counter()
                loss, terms, norm = self._gradient(stepping, batch.to(self.team.device))
                with undivided():
                    whole = False
                    self._update()
                    whole = True
                self.clock.add(waited + time.perf_counter() - start, waited)
                step = self._told(loss, terms, norm)
                if leads:
                    assert journal is not None
                    step = self._looked_at(step, validate, preview)
                    if step.step % self.config.log_every == 0 or step.scores or step.step == self.config.steps:
                        journal.add(step)
                    if self.done % self.config.checkpoint_every == 0 or self.done == self.config.steps:
                        self._save()
                yield step
            if leads:
                self._finish()
            self.model.load_state_dict(self.average.state_dict())
        finally:
            source.close()
            if journal is not None:
                journal.close()
            if leads and whole and self.done > self.saved:
                self._save()

    def _gradient(self, stepping: nn.Module, batch: Batch) -> tuple[float, dict[str, float], float]:
        """Loss, terms and norm of the clipped gradient, the same in all processes."""
        self.model.train()
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate_at(self.done)
        self.optimizer.zero_grad(set_to_none=True)
        devices = [self.team.device] if self.team.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            # What a model draws follows from seed, step and process, as the batches do.
            torch.manual_seed(_mixed(config.seed, self.done, self.team.rank))
            loss, terms = stepping(batch, self.done / config.steps)
            loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip_norm)
        numbers = torch.stack([loss.detach(), *(value.detach() for value in terms.values())]).float()
        means = self.team.mean(numbers).tolist()
        if not (torch.isfinite(norm) and torch.isfinite(torch.tensor(means[0]))):
            self._fail(batch, float(loss.detach()), float(norm))
        return means[0], dict(zip(terms, means[1:], strict=True)), float(norm)

    def _update(self) -> None:
        self.optimizer.step()
        decay = self.config.ema_decay_at(self.done)
        with torch.no_grad():
            for mean, value in zip(self.average.state_dict().values(), self.model.state_dict().values(), strict=True):
                if value.is_floating_point():
                    mean.lerp_(value, 1 - decay)
                else:
                    mean.copy_(value)
        # A step that is cut short may have changed these already, such as the statistics of batch normalization.
        self.buffers = {name: value.clone() for name, value in self.model.named_buffers()}
        self.done += 1

    def _told(self, loss: float, terms: dict[str, float], norm: float) -> TrainStep:
        per_step = max(self.clock.per_step, 1e-9)
        return TrainStep(
            step=self.done,
            of=self.config.steps,
            loss=loss,
            terms=terms,
            learning_rate=self.config.learning_rate_at(self.done - 1),
            gradient_norm=norm,
            seconds=self.clock.seconds,
            data_wait=self.clock.waiting,
            shapes_per_second=self.config.batch_size / per_step,
            seconds_left=(self.config.steps - self.done) * per_step,
        )

    def _looked_at(self, step: TrainStep, validate: Validate | None, preview: Preview | None) -> TrainStep:
        """The step with the scores and the picture that are due after it."""
        progress = self.done / self.config.steps
        if validate is not None and _due(self.done, self.config.validate_every, self.config.steps):
            with torch.no_grad():
                scores = validate(self.average, progress)
            step = replace(step, scores=scores)
            if scores and (first := next(iter(scores.values()))) > self.best:
                self.best = first
                checkpoints.save_model(
                    self.average, self.folder / BEST, {**self.about, "step": self.done, "scores": scores}
                )
        if preview is not None and _due(self.done, self.config.preview_every, self.config.steps):
            with torch.no_grad():
                image = preview(self.average, progress)
            path = self.folder / PREVIEWS / f"step-{self.done:08d}.png"
            path.parent.mkdir(exist_ok=True)
            with atomic_path(path) as temporary:
                image.save(temporary)
            step = replace(step, picture=path)
        return step

    def _save(self) -> None:
        about = {**self.about, "seconds": self.clock.seconds, "best": self.best if self.best > -float("inf") else None}
        tensors = checkpoints.state_of(self.model, self.average, self.optimizer)
        tensors |= {key: value for name, value in self.buffers.items() if (key := f"model.{name}") in tensors}
        checkpoints.save(Checkpoint(self.done, tensors, about), self.folder / CHECKPOINTS, self.config.keep)
        self.saved = self.done

    def _finish(self) -> None:
        checkpoints.save_model(self.average, self.folder / MODEL, {**self.about, "step": self.done})
        with atomic_path(self.folder / CONFIG) as temporary:
            temporary.write_text(json.dumps({**self.about, "seconds": self.clock.seconds}, indent=1) + "\n")

    def _resume(self) -> float:
        """Go on from the newest checkpoint; the seconds that were spent until then."""
        found = checkpoints.newest(self.folder / CHECKPOINTS)
        if not self.team.agree(found.step if found else 0):
            raise ValueError(f"all processes must see the same checkpoints in {self.folder}; is it on a shared disk?")
        if found is None:
            return 0.0
        odd = self.config.differences(found.about["config"])
        for name, mine in (("model", self.about["model"]), ("data", self.about["data"])):
            odd += [f"the {name} ({found.about[name]!r} there, {mine!r} here)"] if found.about[name] != mine else []
        if odd:
            raise ValueError(
                f"{self.folder} holds a run that differs in {'; '.join(odd)}. "
                "Go on with the same, or choose another folder"
            )
        checkpoints.restore(found, self.model, self.average, self.optimizer)
        self.done = self.saved = found.step
        self.best = -float("inf") if found.about["best"] is None else found.about["best"]
        log.info("going on from step %d of %d", self.done, self.config.steps)
        return float(found.about["seconds"])

    def _fail(self, batch: Batch, loss: float, norm: float) -> None:
        path = self.folder / FAILURES / f"step-{self.done + 1:08d}-rank-{self.team.rank}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {f"batch.{name}": value for name, value in batch.tensors().items()}
        tensors |= {f"model.{name}": value for name, value in self.model.state_dict().items()}
        about = {**self.about, "step": self.done + 1, "ids": batch.ids, "loss": repr(loss), "gradient_norm": repr(norm)}
        checkpoints.write_tensors(path, tensors, about)
        raise NotFiniteError(
            f"step {self.done + 1}: the loss must be finite, got a loss of {loss:g} and a gradient of norm {norm:g}; "
            f"batch and weights are in {path}. A lower learning_rate or precision float32 may help"
        )


class _Stepping(nn.Module):
    """Model and objective as one module, so that gradients of all processes are joined whatever the objective calls."""

    def __init__(self, model: nn.Module, objective: Objective, precision: str) -> None:
        super().__init__()
        self.model, self.objective, self.mixed = model, objective, precision == "bfloat16"

    def forward(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.autocast(batch.points.device.type, dtype=torch.bfloat16, enabled=self.mixed):
            return self.objective(self.model, batch, progress)


def _due(step: int, every: int, last: int) -> bool:
    return every > 0 and (step % every == 0 or step == last)


def _mixed(*numbers: int) -> int:
    digest = hashlib.blake2b(" ".join(map(str, numbers)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
