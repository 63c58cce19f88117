"""The processes that train together: which part of a batch is whose, and how they come to agree.

Networks, averages and moments are the same in all of them at any time. Each shows its part of every
batch to its own copy, and what they learn from it is averaged. The process of rank 0 leads: it
alone reads, reports, measures, saves and decides (`gan.follow`). `ALONE` is the ordinary run: a
team of one, in which nothing here does anything.

Differs from torch's DistributedDataParallel, which averages in hooks of one backward pass after one
forward pass: here D judges three batches a step and is held still for one of them, a penalty takes
gradients of gradients, and a step may leave D out. Averaging what an optimiser is about to use, by
one message, is right whatever came before, and at these sizes there is little to overlap it with.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from gan_core.errors import AtelierError, BadRun, BadSetting

_END = -1  # where otherwise stands how long a message is
_FAILURE = "failure"  # under this name a process leaves word before it ends
_LAUNCHED = {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}  # what every launcher sets


class Team:
    """A process that trains by itself."""

    rank, size, here = 0, 1, 1  # here: how many of the team are on this machine

    @property
    def leads(self) -> bool:
        """Whether this process is the one that reports, saves and decides."""
        return self.rank == 0

    def part(self, n: int) -> slice:
        """This process's part of a batch of n. Raises: BadSetting if it cannot be split evenly."""
        if n % self.size:
            fewer = n // self.size * self.size
            fitting = " or ".join(str(each) for each in (fewer, fewer + self.size) if each)
            raise BadSetting(
                f"batch_size is {n}, and {self.size} processes train together.",
                "All of them get equal parts of it.",
                f"Choose {fitting}, or another number of processes.",
            )
        share = n // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def own_rng(self, rng: torch.Generator) -> torch.Generator:
        """The generator of what each process draws for its own pictures; `rng` is common to all."""
        return rng

    def part_ways(self, own: torch.Generator, seed: int, nimg: int) -> None:
        """Begin a step: seed `own_rng` anew, by the run's seed, where it stands, and who this is.

        So a checkpoint need not hold it, any number of processes can go on, and what is common to
        all (the order of pictures, latents) is what one process would draw.
        """

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of the same shapes everywhere by their means over the processes."""

    def sum(self, x: Tensor) -> Tensor:
        """The sum over the processes, differentiable any number of times; x of the same shape."""
        return x

    def tell(self, text: str = "") -> None:
        """Say something to those that do not lead."""

    def spread(self, x: Tensor) -> None:
        """Overwrite the others' x, on the CPU, with the leader's."""


ALONE = Team()


class Launched(Team):
    """One of several processes, as the launcher's environment variables describe them."""

    def __init__(self) -> None:
        self.here = int(os.environ.get("LOCAL_WORLD_SIZE", os.environ["WORLD_SIZE"]))
        self.is_broken = self.is_dismissed = False
        _take_own_gpu(int(os.environ.get("LOCAL_RANK", os.environ["RANK"])), self.here)
        has_nccl = torch.cuda.is_available() and dist.is_nccl_available()
        backend = "cpu:gloo,cuda:nccl" if has_nccl else "gloo"  # what is said goes by the CPU
        self._store, self.rank, self.size = next(dist.rendezvous("env://"))  # type: ignore[attr-defined]
        dist.init_process_group(backend, store=self._store, rank=self.rank, world_size=self.size)

    def own_rng(self, rng: torch.Generator) -> torch.Generator:
        return torch.Generator()

    def part_ways(self, own: torch.Generator, seed: int, nimg: int) -> None:
        mixed = np.random.SeedSequence([seed, nimg, self.rank]).generate_state(1)
        own.manual_seed(int(mixed[0]))

    @torch.no_grad()
    def average(self, tensors: Sequence[Tensor]) -> None:
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        self._add_up(flat)
        means = flat.div_(self.size).split([tensor.numel() for tensor in tensors])
        for tensor, mean in zip(tensors, means, strict=True):
            tensor.copy_(mean.view_as(tensor))

    def sum(self, x: Tensor) -> Tensor:
        y: Tensor = _Sum.apply(x, self)
        return y

    def tell(self, text: str = "") -> None:
        data = text.encode()
        self._say(len(data))
        if data:
            self.spread(torch.frombuffer(bytearray(data), dtype=torch.uint8))

    def hear(self) -> str | None:
        """What the leader says; None when it is done. Waits for it."""
        length = self._say(0)
        if length == _END:
            self.is_dismissed = True
            return None
        data = torch.empty(length, dtype=torch.uint8)
        if length:
            self.spread(data)
        return data.numpy().tobytes().decode()

    def spread(self, x: Tensor) -> None:
        with self._as_one():
            dist.broadcast(x, 0)

    def leave(self, error: BaseException | None = None) -> None:
        """Part in good order; or, after an error, leave word of it and let the lines break.

        It may have come in the middle of a step, when the others wait for gradients and not for
        words; that this process has ended, they notice at once.
        """
        if self.is_broken:
            return
        in_good_order = self.leads and isinstance(error, AtelierError | SystemExit)
        if error is not None and not in_good_order:
            with suppress(RuntimeError):
                self._store.set(_FAILURE, f"{type(error).__name__}: {error}")
            return
        if self.leads:
            self._say(_END)
        elif not self.is_dismissed:
            self.hear()
        dist.destroy_process_group()

    def _say(self, number: int) -> int:
        said = torch.tensor([number])
        self.spread(said)
        return int(said)

    def _add_up(self, x: Tensor) -> None:
        with self._as_one():
            dist.all_reduce(x)

    @contextmanager
    def _as_one(self) -> Iterator[None]:
        """Everybody does this together. Raises: BadRun when one of them is gone."""
        try:
            yield
        except RuntimeError as error:
            self.is_broken = True
            raise BadRun(
                f"One of the {self.size} processes that train together has ended{self._word()}.",
                "All of them must go on to the end.",
                "Mend that, and let the run go on from its last checkpoint.",
            ) from error

    def _word(self) -> str:
        """What the one that ended has said of it."""
        with suppress(RuntimeError):  # who keeps the word may be the one that is gone
            if self._store.check([_FAILURE]):
                return f" ({self._store.get(_FAILURE).decode()})"
        return ""


class _Sum(torch.autograd.Function):
    """The sum over the processes. All of them use it, so what they want of it is summed as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, team: Launched) -> Tensor:
        ctx.team = team
        total = x.clone(memory_format=torch.contiguous_format)
        team._add_up(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _Sum.apply(gradient, ctx.team), None


_joined = ALONE


def present() -> Team:
    """The team that this process has joined, or ALONE."""
    return _joined


@contextmanager
def joined() -> Iterator[Team]:
    """Join the processes that were launched together, if there are several, and leave at the end.

    They are told from the variables that `accelerate launch` and `torchrun` set. Raises: BadSetting
    when there are more than GPUs.
    """
    global _joined
    if not os.environ.keys() >= _LAUNCHED or int(os.environ["WORLD_SIZE"]) < 2:
        yield ALONE
        return
    _joined = team = Launched()
    try:
        yield team
    except BaseException as error:
        team.leave(error)
        raise
    else:
        team.leave()
    finally:
        _joined = ALONE


def _take_own_gpu(number: int, here: int) -> None:
    """Let "cuda" mean a GPU of this process's own. Raises: BadSetting when there are too few."""
    if not torch.cuda.is_available():
        return
    if (gpus := torch.cuda.device_count()) < here:
        raise BadSetting(
            f"{here} processes were launched on a machine with {gpus} GPUs.",
            "Each process takes a GPU of its own.",
            f"Launch {gpus}, or set CUDA_VISIBLE_DEVICES to nothing to train on the CPU.",
        )
    torch.cuda.set_device(number)
