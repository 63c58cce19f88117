"""A turn of a run on a lent GPU: from its checkpoint on, for less than a minute, and saved.

It runs in a process that has the GPU. What it is given and gives back are plain values; the rest
is in the run's folder, which both processes see. Who takes turn after turn is `turns`.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from gan_core.commands.start import start_from
from gan_core.errors import AtelierError, BadRun
from gan_core.events import Event, Failed, Finished, Noticed, Preview, Probed, Started
from gan_core.gan import pace
from gan_core.gan.checkpoint import Checkpoint, find_checkpoint
from gan_core.gan.config import TrainConfig, change, derive
from gan_core.gan.run import (
    DATASET_FILE,
    EVENTS_FILE,
    is_stop_requested,
    record,
    take_adjustment,
)
from gan_core.gan.start import Data, Start
from gan_core.gan.train import train
from gan_core.pictures import read_dataset
from ui import gpu
from ui import run_texts as texts
from ui.arrivals import BORROWED
from ui.request import Settings, read_settings
from ui.worker import LOG_FILE, hold, note_exit

SECONDS = 38.0  # of training in a turn; with what is lent on top, less than a minute
TO_THE_END = 5.0  # more for the last turn, so that no second is left for another
_USER_ERROR = 2  # as the command line's exit code


def seconds_of(folder: Path, goes_on: bool) -> float:
    """How long the next turn of a run trains: what it has left, but no more than SECONDS.

    goes_on: it is not the first turn since the run was asked for. Raises: BadRun, BadWeights.
    """
    settings = _settings(folder)
    if goes_on or settings.until > 0:
        checkpoint = find_checkpoint(folder, is_glance=True)  # the turn itself reads all of it
        until = checkpoint.config.minutes if goes_on else settings.until
        left = (until or 0.0) * 60 - checkpoint.seconds
    else:
        left = settings.minutes * 60
    return SECONDS if left > SECONDS else max(0.0, left) + TO_THE_END


def _lent_for(folder: str, seconds: float, goes_on: bool) -> float:
    return seconds


@gpu.lend(_lent_for)
def take_turn(folder: str, seconds: float, goes_on: bool) -> bool:
    """Train the run in `folder` for so many seconds; whether it is to go on.

    goes_on: what the turn before gave back. If it is False, the log says how the run has ended: its
    time is up, it was asked to, it failed. If it is True, all is saved, and nothing is said.
    """
    place = Path(folder)
    with hold(place):
        try:
            return _train(place, seconds, goes_on)
        except AtelierError as error:  # as a worker would: its last words are for the user
            with suppress(OSError):
                (place / LOG_FILE).write_text(str(error), encoding="utf-8")
                note_exit(place, _USER_ERROR)
            return False


def end(folder: Path) -> None:
    """Let the log say that a run has ended where it saved last.

    Raises: BadRun, BadWeights, DiskFull.
    """
    saved = find_checkpoint(folder, is_glance=True)
    best = saved.best_kid if math.isfinite(saved.best_kid) else None
    ended = Finished(saved.nimg / 1000, saved.seconds, stopped=True, best_kid=best)
    list(record([ended], folder, saved.config, heeds_stop=True))


def _train(folder: Path, seconds: float, goes_on: bool) -> bool:
    if is_stop_requested(folder):
        if goes_on:
            end(folder)
        return False
    if goes_on:  # it has reported already: that its process is new is no news
        os.utime(folder / EVENTS_FILE)
    config, data, start = _prepared(folder, goes_on)
    # A damaged checkpoint undoes something: that is for the log.
    goes_on = goes_on and isinstance(start, Checkpoint) and not start.notice
    until = time.monotonic() + seconds

    def is_over() -> bool:
        return time.monotonic() >= until or is_stop_requested(folder)

    stream = train(config, data, folder, start, is_over, lambda: take_adjustment(folder))
    if goes_on:
        stream = _going_on(stream)
    has_ended = False
    for event in record(_without_pause(stream, folder), folder, config, heeds_stop=True):
        has_ended = isinstance(event, Finished | Failed)
    return not has_ended


def _going_on(events: Iterator[Event]) -> Iterator[Event]:
    """Leave out what a part of a run begins with: a turn that follows another is none."""
    is_at_start = True
    for event in events:
        if is_at_start and isinstance(event, Started | Probed | Preview):
            is_at_start = not isinstance(event, Preview)
            continue
        yield event


def _without_pause(events: Iterator[Event], folder: Path) -> Iterator[Event]:
    """Leave out that a run was stopped, where nobody asked for it, and only the turn was over.

    What was noticed right before is about how the run has ended, so it goes with that.
    """
    noticed: list[Event] = []
    for event in events:
        if isinstance(event, Noticed):
            noticed.append(event)
        elif not (isinstance(event, Finished) and event.stopped) or is_stop_requested(folder):
            yield from (*noticed, event)
            noticed.clear()


def _prepared(folder: Path, goes_on: bool) -> tuple[TrainConfig, Data, Start | Checkpoint]:
    """What the command line makes of the same settings."""
    settings = _settings(folder)
    data = Data(read_dataset(folder / DATASET_FILE).images)
    if goes_on:
        checkpoint = find_checkpoint(folder)
        return checkpoint.config, data, checkpoint
    if settings.until > 0:
        checkpoint = find_checkpoint(folder)
        changes = {"minutes": settings.until, **_from_json(settings.changed)}
        return change(checkpoint.config, **changes), data, checkpoint
    # The very model that the visitor saw, as for a worker: not a newer one under its name.
    start, network, growth = start_from(
        settings.start, borrowed=BORROWED, is_very=True, **settings.network
    )
    options = {"seed": settings.seed, **growth, **_from_json(settings.options)}
    config = derive(len(data.images), settings.minutes, network, **options)
    if config.grow_from and "grow_kimg" not in options:  # only here is the GPU, to be timed
        config = replace(config, **pace.fit(config, start.snapshot is None, anyway=True))
    return config, data, start


def _settings(folder: Path) -> Settings:
    settings = read_settings(folder)
    if settings is None:
        raise BadRun(texts.NO_RUN, texts.GONE_EXPECTED, texts.NO_RUN_ADVICE)
    return settings


def _from_json(values: Any) -> dict[str, Any]:
    return {name: tuple(it) if isinstance(it, list) else it for name, it in values.items()}
