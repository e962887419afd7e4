"""One run in several processes: who is here, and what they have to agree on."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

_PATIENCE = timedelta(hours=2)  # processes wait while one validates
log = logging.getLogger("cvxgeom")


@dataclass(frozen=True)
class Team:
    """The processes of a run.

    Args:
        rank: of this process; 0 writes the files.
        world: how many there are.
        device: that this process computes on.
    """

    rank: int
    world: int
    device: torch.device

    def wrapped(self, step: nn.Module) -> nn.Module:
        """A module whose gradients are means over all processes."""
        if self.world == 1:
            return step
        if self.device.type == "cuda":  # gloo has none, so on CPUs each process normalizes its own share
            step = nn.SyncBatchNorm.convert_sync_batchnorm(step)
        return nn.parallel.DistributedDataParallel(step)

    def mean(self, value: Tensor) -> Tensor:
        """Mean over all processes; every one of them has to ask."""
        if self.world == 1:
            return value
        total = value.clone()
        dist.all_reduce(total)
        return total / self.world

    def agree(self, value: int) -> bool:
        """Whether all processes have the same number; every one of them has to ask."""
        if self.world == 1:
            return True
        numbers = torch.tensor([value, -value], dtype=torch.int64, device=self.device)
        dist.all_reduce(numbers, op=dist.ReduceOp.MAX)
        return int(numbers[0]) == -int(numbers[1])


@contextmanager
def team(device: str = "auto") -> Iterator[Team]:
    """Join the processes that ``torchrun`` started, or be alone; NCCL between GPUs, gloo between CPUs.

    Processes that are joined already stay so.

    Args:
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        ValueError: a GPU is asked for and there is none.

    Example:
        >>> with team("cpu") as alone:
        ...     alone.rank, alone.world
        (0, 1)
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError('device must be "cpu" or "auto" here, got "cuda": torch sees no GPU')
    kind = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    place = torch.device(kind, int(os.environ.get("LOCAL_RANK", "0"))) if kind == "cuda" else torch.device("cpu")
    if kind == "cuda":
        torch.cuda.set_device(place)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    joins = world > 1 and not dist.is_initialized()
    if joins:
        dist.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=_PATIENCE, **_meeting_place())
    try:
        yield Team(dist.get_rank(), dist.get_world_size(), place) if dist.is_initialized() else Team(0, 1, place)
    finally:
        if joins and dist.is_initialized():
            dist.destroy_process_group()


def _meeting_place() -> dict[str, Any]:
    """Where processes that torchrun started exchange their addresses.

    By default that place survives a restart, and with it the addresses of processes that are gone (issue 135712 of
    PyTorch). On one machine all processes count restarts alike, so that each restart can have a place of its own.
    """
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return {}
    if os.environ.get("GROUP_WORLD_SIZE") != "1":
        if os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") != "0":
            log.warning("set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 for torchrun, or restarts may fail to connect")
        return {}
    store, rank, world = next(dist.rendezvous("env://", timeout=_PATIENCE))
    prefix = f"restart {os.environ['TORCHELASTIC_RESTART_COUNT']}"
    return {"store": dist.PrefixStore(prefix, store), "rank": rank, "world_size": world}
