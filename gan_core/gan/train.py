"""A training run from start to end. It yields events, saves into its folder, and can be resumed.

Two phases, as in the lesson: D learns to tell real (1) from fake (0); then G learns to make D,
held still, say 1. Everything else (augmentation, moving average, skipping D) serves the balance.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gan_core.compute import Compute, candidates, choose
from gan_core.errors import AtelierError
from gan_core.events import Adjusted, Event, Noticed, Probed, Started
from gan_core.gan import follow
from gan_core.gan.checkpoint import Checkpoint, require_same_pictures, restore
from gan_core.gan.config import TrainConfig
from gan_core.gan.loop import Clock, Loop
from gan_core.gan.metrics import Judge
from gan_core.gan.plan import describe
from gan_core.gan.start import Data, Start
from gan_core.gan.state import new_state
from gan_core.gan.steps import train_step
from gan_core.gan.team import ALONE, Team
from gan_core.settings import bounds_of

_PROBE_SECONDS, _PROBE_SHARE = 2.5, 0.05  # of the time, whichever is less


def train(
    config: TrainConfig,
    data: Data,
    folder: Path,
    start: Start | Checkpoint | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    adjust: Callable[[], Mapping[str, Any]] = dict,
    *,
    among: list[Compute] | None = None,
    clock: Clock = time.monotonic,
    judge: Judge | None = None,
    team: Team = ALONE,
) -> Iterator[Event]:
    """Train a GAN in `folder` and report as it goes.

    The first events are Started, Probed and a Preview of the start; the last is exactly one of
    Finished and Failed. `should_stop` is asked after every step, and so is `adjust` for settings
    (of `ADJUSTABLE`) to go on with at other values. Closing the iterator early loses
    what came after the last Saved. Same seed, pictures and `among` of one entry on a CPU: the
    same weights; a run resumed from a Checkpoint equals the uninterrupted one.

    among: the ways of computing to choose from by a timed probe; default: all this machine has.
    judge: what measures quality where the cadence asks for it; default: by StyleNet's features.
    team: the processes that train together, this one leading; the others `follow`. The weights are
    then a function of the seed and of how many there are.

    Raises: BadWeights when `start` is of another network, BadRun when it learned from other
    pictures, BadSetting when the batch cannot be split evenly over the team.
    """
    start = start if start is not None else Start()
    team.part(config.batch_size)
    started = clock()
    compute, tried = _probe(config, start, among, clock, team)
    snapshot = start.snapshot if isinstance(start, Start) else None
    state = new_state(config, data.images, compute, snapshot, team)
    start_name = start.name if isinstance(start, Start) else start.start
    if isinstance(start, Checkpoint):
        require_same_pictures(start, data.images)
        restore(start, state)
    follow.begin(team, config, compute, data.images, state)
    speed = tried.get(str(compute), 0.0)
    run = Loop(config, data, folder, start_name, state, compute, clock, started, judge)
    if isinstance(start, Checkpoint):
        run.recall(start.config)
        # Getting ready was paid for once; of what is left, all is for learning.
        run.began = clock() - state.seconds

    def events() -> Iterator[Event]:
        yield Started(
            # What a team comes to depends on its messages, which are not timed.
            plan=describe(config, len(data.images), speed if team.size == 1 else 0.0),
            n_images=len(data.images),
            resolution=config.network.resolution,
            batch_size=config.batch_size,
            seed=config.seed,
            start=start_name,
            minutes=config.minutes,
            kimg_limit=config.kimg,
            kimg=state.nimg / 1000,
            seconds=state.seconds,
        )
        yield Probed(
            compute.device, compute.dtype, compute.channels_last, compute.threads, speed, tried
        )
        if team.size > 1:
            share = config.batch_size // team.size
            yield Noticed(
                f"{team.size} processes train together, {share} pictures of a batch each."
            )
        if isinstance(start, Checkpoint):
            yield from _tell_of_resuming(start, config)
        yield run.preview()
        try:
            yield from run.events(should_stop, adjust)
        except AtelierError as error:  # the disk is full, say: the run ends, but in good order
            yield run.failed(f"{error.what} {error.expected}", error.advice)

    yield from run.attended(events())


def _tell_of_resuming(checkpoint: Checkpoint, config: TrainConfig) -> Iterator[Event]:
    """Name what is not as it was: the newest checkpoint was damaged, settings are others."""
    kimg, was = checkpoint.nimg / 1000, checkpoint.config
    if checkpoint.notice:
        yield Noticed(checkpoint.notice)
    changed = [entry.name for entry in fields(config) if entry.name != "cadence"]
    before = {name: getattr(was, name) for name in changed}
    after = {name: getattr(config, name) for name in changed}
    changed = [name for name in changed if before[name] != after[name]]
    if changed:
        yield Adjusted(
            kimg, {name: before[name] for name in changed}, {name: after[name] for name in changed},
            "user",
        )  # fmt: skip


def _probe(
    config: TrainConfig,
    start: Start | Checkpoint,
    among: list[Compute] | None,
    clock: Clock,
    team: Team,
) -> tuple[Compute, dict[str, float]]:
    """Time real steps on throw-away networks; a resumed run keeps what it had, if it is here.

    The leader of a team times its part of a batch by itself, while the others wait.
    """
    options = among if among is not None else candidates(team.here)
    if isinstance(start, Checkpoint) and start.compute in options:
        torch.set_num_threads(start.compute.threads)
        return start.compute, {}
    if len(options) == 1:
        torch.set_num_threads(options[0].threads)
        return options[0], {}
    # Timed at the full size, where most of the time goes, and by no smaller batch than can be set.
    share = max(config.batch_size // team.size, int(bounds_of(TrainConfig, "batch_size")[0]))
    config = replace(config, grow_from=0, batch_size=share)
    side = config.network.resolution
    images = np.random.default_rng(0).integers(0, 256, (config.batch_size, side, side, 3), np.uint8)

    def make_step(compute: Compute) -> Callable[[], None]:
        state = new_state(config, images, compute)

        def step() -> None:
            train_step(state, config, compute)

        return step

    seconds = _PROBE_SECONDS
    if config.minutes is not None:
        seconds = min(seconds, _PROBE_SHARE * config.minutes * 60)
    return choose(make_step, share, options, seconds, clock)
