"""Where and in which precision to compute, decided by timing real work on this machine.

bf16 doubles the speed on CPUs with AVX512-BF16 or AMX and can be many times slower on others
(pytorch issues 146508 and 183815), so nothing is assumed from a name: candidates are timed.
This file knows nothing of networks; whoever wants a decision brings the work to be timed.
"""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import torch
from torch import Tensor, nn

_Module = TypeVar("_Module", bound=nn.Module)
_HOPELESS = 4.0  # a candidate this many times slower in its first turn is not timed further
_TURNS = 3
_is_lent = False  # whether this process was lent the GPU of a host that only lends it


@dataclass(frozen=True)
class Compute:
    """Device, precision of the multiplications, memory layout, CPU threads."""

    device: str = "cpu"
    dtype: str = "float32"  # "float32" | "bfloat16"; what is trained stays float32
    channels_last: bool = False
    threads: int = 1

    def __str__(self) -> str:
        layout = "channels_last" if self.channels_last else "contiguous"
        return f"{self.dtype}, {layout}"

    def autocast(self) -> AbstractContextManager[None]:
        """The context in which forward passes run."""
        enabled = self.dtype == "bfloat16"
        context: AbstractContextManager[None] = torch.autocast(
            self.device.split(":")[0], dtype=torch.bfloat16, enabled=enabled
        )
        return context

    def place_module(self, module: _Module) -> _Module:
        """Move a module to the device and layout."""
        module = module.to(self.device)
        if self.channels_last:
            return module.to(memory_format=torch.channels_last)
        return module

    def place(self, x: Tensor) -> Tensor:
        """Move pictures [N, C, H, W] to the device and layout."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return x.to(self.device).contiguous(memory_format=layout)


def available_threads() -> int:
    """CPUs this process may use. A container's own figure (Spaces sets CPU_CORES) comes first."""
    told = os.environ.get("CPU_CORES", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_zero_gpu() -> bool:
    """Whether this machine lends its GPU for a call at a time, as Spaces on ZeroGPU do."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def take_lent_gpu() -> None:
    """Believe torch.cuda from here on: this process is the one that the GPU was lent to."""
    global _is_lent
    _is_lent = True


def has_gpu() -> bool:
    """Whether this process may compute on a GPU.

    Where it is only lent, torch.cuda is emulated outside of a call, and must not be believed.
    """
    return torch.cuda.is_available() and (_is_lent or not is_zero_gpu())


def candidates(processes: int = 1) -> list[Compute]:
    """The combinations worth timing here, the safest first. processes: that share the threads."""
    threads = max(1, available_threads() // processes)
    if has_gpu():
        dtypes = ["float32", *(["bfloat16"] if torch.cuda.is_bf16_supported() else [])]
        return [Compute("cuda", dtype, last, threads) for dtype in dtypes for last in (False, True)]
    return [
        Compute("cpu", "float32", False, threads),
        Compute("cpu", "float32", True, threads),
        Compute("cpu", "bfloat16", True, threads),
    ]


def choose(
    make_step: Callable[[Compute], Callable[[], None]],
    images_per_step: int,
    among: list[Compute] | None = None,
    seconds: float = 2.5,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[Compute, dict[str, float]]:
    """Time real steps with each candidate and return the fastest, and images/s of them all.

    make_step: builds the work for one candidate; the step it returns is called repeatedly.
    Candidates take turns for about `seconds`, at least three each unless that takes twice as long,
    and the quickest step of each counts: other work on the machine can only slow a step down, and
    it comes and goes. A candidate that is hopeless in its first turn is dropped. The images/s are
    those of the median step, for that is what a run can expect.
    """
    steps = {candidate: make_step(candidate) for candidate in (among or candidates())}
    took: dict[Compute, list[float]] = {}
    started = clock()
    for candidate, step in steps.items():
        torch.set_num_threads(candidate.threads)
        step()  # lazy set-up (kernel choice, weight reordering) is not what is being measured
        took[candidate] = [_seconds(step, candidate, clock)]
    hopeless = _HOPELESS * min(first for (first,) in took.values())
    racing = [each for each in steps if took[each][0] < hopeless]
    turns = 1
    while (spent := clock() - started) < seconds or (turns < _TURNS and spent < 2 * seconds):
        for candidate in racing:
            torch.set_num_threads(candidate.threads)
            took[candidate].append(_seconds(steps[candidate], candidate, clock))
        turns += 1
    chosen = min(took, key=lambda candidate: min(took[candidate]))
    torch.set_num_threads(chosen.threads)
    return chosen, {str(each): round(images_per_step / median(took[each]), 1) for each in steps}


def _seconds(step: Callable[[], None], compute: Compute, clock: Callable[[], float]) -> float:
    started = clock()
    step()
    if compute.device.startswith("cuda"):
        torch.cuda.synchronize()
    return max(clock() - started, 1e-9)
