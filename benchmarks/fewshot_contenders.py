"""The contenders of `fewshot`: each trains in its own way and is measured at the same marks."""

import copy
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from benchmarks.fewshot_report import KEPT, OURS, Measurement, marks
from benchmarks.tutorial import BATCH, Change, TutorialLoop, epochs
from gan_core.compute import Compute
from gan_core.events import Failed, Finished, Probed, Saved
from gan_core.gan.augment import augment
from gan_core.gan.checkpoint import find_checkpoint
from gan_core.gan.config import AUGMENTATIONS, NetworkConfig, TrainConfig, derive
from gan_core.gan.metrics import Judge
from gan_core.gan.networks import build
from gan_core.gan.run import BEST_FOLDER
from gan_core.gan.snapshot import Snapshot, load_snapshot
from gan_core.gan.start import Data, Start
from gan_core.gan.train import train
from gan_core.hub.resolve import DEFAULT_MODEL
from gan_core.weights import read_tensors

JUDGE_SEED = 2  # a run chooses its snapshot by the latents of seed 1

Clock = Callable[[], float]
Judged = list[tuple[Measurement, nn.Module]]  # what was measured at one mark


class Stopwatch:
    """A clock that can be stopped."""

    def __init__(self, clock: Clock = time.process_time) -> None:
        self._clock, self._paused = clock, 0.0

    def __call__(self) -> float:
        return self._clock() - self._paused

    @contextmanager
    def pause(self) -> Iterator[None]:
        """What is done in here takes no time."""
        began = self._clock()
        yield
        self._paused += self._clock() - began


@dataclass(frozen=True)
class Arena:
    """What is the same for all contenders. images: what they learn from, uint8 [N, S, S, 3]."""

    images: NDArray[np.uint8]
    judge: Judge
    pictures: str  # their name
    seed: int = 0
    clock: Clock = time.process_time

    def measure(
        self, who: tuple[str, str, str], G: nn.Module, z_dim: int, time: tuple[float, float, float]
    ) -> Measurement:
        """Judge G as it is. who: contender, variant, compute. time: mark, seconds, kimg."""
        contender, variant, compute = who
        quality = self.judge.measure(G, z_dim, JUDGE_SEED)
        return Measurement(contender, variant, self.seed, self.pictures, compute, *time, quality)


class Average:
    """A generator's moving average by the rule of `TrainState.update_ema`, at its defaults."""

    def __init__(self, G: nn.Module) -> None:
        self.G = copy.deepcopy(G).eval().requires_grad_(False)

    @torch.no_grad()
    def follow(self, G: nn.Module, nimg: int, batch_size: int) -> None:
        """Move towards G, batch-norm statistics included."""
        limits = TrainConfig.ema_halflife_kimg * 1000, nimg * TrainConfig.ema_rampup
        averaged, current = self.G.state_dict().values(), G.state_dict().values()
        pairs = [(a, b) for a, b in zip(averaged, current, strict=True) if a.is_floating_point()]
        move = get_ema_multi_avg_fn(0.5 ** (batch_size / min(limits)))
        move([a for a, _ in pairs], [b for _, b in pairs], 0)


def run_peer(
    contender: str, arena: Arena, loop: TutorialLoop, minutes: float, is_averaged: bool = False
) -> Iterator[Judged]:
    """Train with the tutorial's loop for so long; yield what was measured at every mark."""
    rng = torch.Generator().manual_seed(arena.seed)
    batches = epochs(arena.images, min(BATCH, len(arena.images)), rng)
    average = Average(loop.G) if is_averaged else None
    due, nimg = marks(minutes), 0
    watch = Stopwatch(arena.clock)
    began = watch()
    while due:
        with watch.pause():
            x_real = next(batches)
        loop.step(x_real)
        nimg += len(x_real)
        with watch.pause():
            if average:
                average.follow(loop.G, nimg, len(x_real))
        seconds = watch() - began
        passed = [at for at in due if at <= seconds]
        if not passed:
            continue
        due = due[len(passed) :]
        with watch.pause():
            # On copies: in train mode a pass changes the statistics of batch norm.
            variants = {mode: copy.deepcopy(loop.G) for mode in ("train mode", "eval mode")}
            variants["eval mode"].eval()
            if average:
                variants["average"] = average.G
            at = passed[-1], seconds, nimg / 1000
            yield [
                (arena.measure((contender, variant, str(loop.compute)), G, loop.z_dim, at), G)
                for variant, G in variants.items()
            ]


def run_ours(
    arena: Arena, start: Snapshot, minutes: float, among: list[Compute]
) -> Iterator[Judged]:
    """Train as the program does; yield G_ema at every mark, by the checkpoints, and what is kept.

    Between a run's events the clock stands still, so the judging here is not counted.
    """
    config = derive(len(arena.images), minutes, start.network, seed=arena.seed)
    z_dim, due, compute = start.network.z_dim, marks(minutes), str(among[0])
    watch = Stopwatch(arena.clock)
    began = watch()
    with tempfile.TemporaryDirectory() as name:
        folder, begin = Path(name), Start(start, DEFAULT_MODEL)
        for event in train(config, Data(arena.images), folder, begin, among=among, clock=watch):
            seconds = watch() - began
            with watch.pause():
                if isinstance(event, Probed):
                    layout = "channels_last" if event.channels_last else "contiguous"
                    compute = f"{event.dtype}, {layout}"
                elif isinstance(event, Failed):
                    raise SystemExit(f"Our run failed: {event.reason}")
                elif isinstance(event, Finished):
                    G = load_snapshot(folder / BEST_FOLDER).G
                    at = due[-1], seconds, event.kimg
                    yield [(arena.measure((OURS, KEPT, compute), G, z_dim, at), G)]
                elif isinstance(event, Saved) and event.what == "checkpoint" and seconds >= due[0]:
                    G = averaged(folder)
                    at = max(each for each in due if each <= seconds), seconds, event.kimg
                    yield [(arena.measure((OURS, "average", compute), G, z_dim, at), G)]


def averaged(folder: Path) -> nn.Module:
    """G_ema out of a run's checkpoint."""
    checkpoint, prefix = find_checkpoint(folder), "G_ema."
    G, _ = build(checkpoint.config.network)
    tensors = read_tensors(checkpoint.path).items()
    G.load_state_dict({k.removeprefix(prefix): v for k, v in tensors if k.startswith(prefix)})
    return G.eval()


def contend(
    contender: str, arena: Arena, network: NetworkConfig, compute: Compute, minutes: float
) -> Iterator[Judged]:
    """A run of tutorial or diffaugment, from scratch with `network`."""
    G, D = build(network, arena.seed)
    rng = torch.Generator().manual_seed(arena.seed)

    def change(x: Tensor) -> Tensor:
        return augment(x, AUGMENTATIONS, rng)

    is_augmented = contender == "diffaugment"
    changes: dict[str, Change] = {"change": change} if is_augmented else {}
    loop = TutorialLoop(G, D, network.z_dim, compute, **changes)
    yield from run_peer(contender, arena, loop, minutes, is_averaged=is_augmented)


def contend_plainly(
    arena: Arena, start: Snapshot, compute: Compute, minutes: float
) -> Iterator[Judged]:
    """A run of the tutorial's loop from a model's G and D."""
    if start.D is None:
        raise SystemExit("The model to start from has no discriminator.")
    loop = TutorialLoop(start.G, start.D, start.network.z_dim, compute)
    yield from run_peer("plain", arena, loop, minutes)
