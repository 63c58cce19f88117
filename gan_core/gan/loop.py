"""The loop of one run: step after step, and what is due between them."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeAlias

from gan_core.compute import Compute
from gan_core.errors import BadSetting
from gan_core.events import (
    Adjusted,
    Event,
    Failed,
    Finished,
    Measured,
    Noticed,
    Preview,
    Progress,
    Saved,
)
from gan_core.gan import follow
from gan_core.gan.checkpoint import fingerprint, save_checkpoint
from gan_core.gan.config import TrainConfig, change
from gan_core.gan.doctor import Doctor
from gan_core.gan.due import Due
from gan_core.gan.growth import stage_at, what_lacks
from gan_core.gan.latents import latents, render
from gan_core.gan.metrics import Judge, shortfall
from gan_core.gan.run import BEST_FOLDER, EVENTS_FILE, read_events
from gan_core.gan.signs import share_done
from gan_core.gan.snapshot import G_FILE, Snapshot, save_snapshot
from gan_core.gan.start import Data
from gan_core.gan.state import TrainState
from gan_core.gan.steps import Tally, train_step
from gan_core.pictures.canvas import make_grid, to_uint8

Clock: TypeAlias = Callable[[], float]
_PREVIEW_COUNT = 16
_MEASURING_SHARE = 0.1  # of the time: what is measured is not learned meanwhile


class Loop:
    """One run under way: the loop, and what is due between steps."""

    def __init__(
        self,
        config: TrainConfig,
        data: Data,
        folder: Path,
        start_name: str,
        state: TrainState,
        compute: Compute,
        clock: Clock,
        began: float,  # on `clock`
        judge: Judge | None,
    ) -> None:
        self.config, self.folder, self.start_name = config, folder, start_name
        self.state, self.compute, self.clock, self.began = state, compute, clock, began
        self.pictures = fingerprint(data.images)
        self.fixed_z = latents(_PREVIEW_COUNT, config.seed, config.network.z_dim)
        self.judge: Judge | None = None
        now = opened = clock()
        if config.cadence.measure is not None:
            real = data.images if data.reference is None else data.reference
            self.judge = judge if judge is not None else Judge(real)
            now = clock()
        self.due = {
            entry.name: Due(getattr(config.cadence, entry.name), now)
            for entry in fields(config.cadence)
        }
        self.due["measure"].share = _MEASURING_SHARE
        if self.judge is not None and config.minutes is not None:
            # Known before the first: a run must leave room for its last measurement.
            cost, spent = self.foretell(self.judge)
            self.due["measure"].expect(cost, spent + now - opened)
        self.is_adjusted = False  # since the last checkpoint
        self.tally = Tally(clock(), state.nimg)
        self.doctor = Doctor(config, len(data.images))

    def recall(self, config: TrainConfig) -> None:
        """Let the doctor hear what this run has reported so far, by its log if it has one."""
        if (self.folder / EVENTS_FILE).is_file():
            for event in read_events(self.folder):
                self.doctor.hear(event, config)

    def foretell(self, judge: Judge) -> tuple[float, float]:
        """Seconds that a measurement will take, reckoned from a few pictures, and those took."""
        began = self.clock()
        judge.judge(to_uint8(render(self.state.G_ema, self.fixed_z)))
        took = self.clock() - began
        return took * judge.n_fake / len(self.fixed_z), took

    def attended(self, events: Iterator[Event]) -> Iterator[Event]:
        """Pass events on, each with what the doctor makes of it; autopilot does what it advises."""
        for event in events:
            said = self.doctor.hear(event, self.config)
            if isinstance(event, Finished | Failed):
                yield from (said,) if said is not None else ()
                yield event
                return
            yield event
            if said is not None:
                yield said
                if self.config.autopilot and said.change:
                    yield from self.attended(self.adjust(said.change, "autopilot"))

    def events(
        self, should_stop: Callable[[], bool], adjust: Callable[[], Mapping[str, Any]]
    ) -> Iterator[Event]:
        state, first = self.state, self.state.nimg
        while True:
            if changes := adjust():
                yield from self.adjust(changes, "user")
            if state.nimg == first or not self.is_over():
                state.team.tell()
                self.tally.add(train_step(state, self.config, self.compute))
            now = self.clock()
            state.seconds = now - self.began
            has_ended = self.is_over()
            over = has_ended or should_stop()
            due = {name: over or is_due(now) for name, is_due in self.due.items()}
            due["checkpoint"] = due["checkpoint"] or self.is_adjusted
            if any(due.values()) and not (self.tally.is_finite() and state.is_finite()):
                yield self.diverged()
                return
            if due["report"] and self.tally.steps > 0:
                yield self.progress(now)
            if due["preview"]:
                yield self.preview()
            if due["measure"] and self.judge is not None:
                yield from self.timed("measure", self.measure())
            if due["checkpoint"]:
                yield from self.timed("checkpoint", self.save())
            if over:
                yield from self.finish(stopped=not has_ended)
                return

    def timed(self, name: str, work: Iterator[Event]) -> Iterator[Event]:
        """Do what is due, and remember how long it took."""
        began = self.clock()
        events = list(work)
        self.due[name].took(self.clock() - began)
        yield from events

    def save(self) -> Iterator[Event]:
        self.state.seconds = self.clock() - self.began  # measuring is part of the time as well
        self.is_adjusted = False
        run = (self.state, self.config, self.compute, self.start_name, self.pictures)
        save_checkpoint(self.folder, *run)
        yield Saved(self.state.nimg / 1000, "checkpoint")

    def finish(self, stopped: bool) -> Iterator[Event]:
        if self.judge is None:
            yield self.save_best()
        best = self.state.best_kid if math.isfinite(self.state.best_kid) else None
        seconds = self.clock() - self.began
        if lacking := what_lacks(self.state.nimg, self.config):
            yield Noticed(lacking)
        yield Finished(self.state.nimg / 1000, seconds, stopped, best)

    def is_over(self) -> bool:
        """Whether it is time to measure and save for the last time, so as to end when asked to."""
        minutes, kimg = self.config.minutes, self.config.kimg
        closing = self.due["measure"].cost + self.due["checkpoint"].cost
        out_of_time = minutes is not None and self.state.seconds + closing >= minutes * 60
        return out_of_time or (kimg is not None and self.state.nimg >= kimg * 1000)

    def adjust(self, changes: Mapping[str, Any], by: str) -> Iterator[Event]:
        """Go on with other settings; what is out of bounds is refused, and the run goes on."""
        try:
            config = change(self.config, **changes)
        except BadSetting as error:
            yield Noticed(f"{error.what} {error.expected} The run goes on unchanged.")
            return
        before = {name: getattr(self.config, name) for name in changes}
        self.config = config
        self.state.follow(config)
        follow.change(self.state.team, config)
        for name, is_due in self.due.items():
            is_due.every = getattr(config.cadence, name)
        self.is_adjusted = True  # a crash must not undo in silence what was asked for
        yield Adjusted(self.state.nimg / 1000, before, dict(changes), by)

    def progress(self, now: float) -> Progress:
        means, speed = self.tally.take(now, self.state.nimg)
        left = [math.inf]
        if self.config.minutes is not None:
            left.append(self.config.minutes * 60 - self.state.seconds)
        if self.config.kimg is not None and speed > 0:
            left.append((self.config.kimg * 1000 - self.state.nimg) / speed)
        stage = stage_at(self.state.nimg, self.config)
        return Progress(
            kimg=self.state.nimg / 1000,
            seconds=self.state.seconds,
            seconds_left=max(0.0, min(left)),
            images_per_second=speed,
            **means,
            side=stage.side if stage is not None else 0,
            fade=stage.fade if stage is not None else 1.0,
        )

    def preview(self) -> Preview:
        with self.compute.autocast():
            pictures = to_uint8(render(self.state.G_ema, self.fixed_z))
        return Preview(self.state.nimg / 1000, make_grid(pictures))

    def measure(self) -> Iterator[Event]:
        """Measure G_ema; when it is the best so far, make it the run's snapshot."""
        assert self.judge is not None
        found = self.judge.measure(self.state.G_ema, self.config.network.z_dim)
        is_late = share_done(self.state.nimg / 1000, self.state.seconds, self.config) >= 0.5
        is_best = shortfall(found) < self.state.best or self.is_outlived(is_late)
        if is_best:
            self.state.best, self.state.best_kid = shortfall(found), found.kid
            self.state.best_nimg, self.state.best_is_late = self.state.nimg, is_late
        yield Measured(self.state.nimg / 1000, self.state.seconds, **asdict(found), is_best=is_best)
        if is_best:
            yield self.save_best(**asdict(found))

    def is_outlived(self, is_late: bool) -> bool:
        """Whether the best so far is to be forgotten.

        The untouched start can be nearer to new pictures than what it turns into on its way to
        them, and is not what anybody trains for. So the first measurement of the second half
        forgets what was best in the first; before that, twice the pictures do, for a run that is
        stopped early. A best of the second half stays until it is beaten, also if the run is
        given more time. What was best at a smaller side than that which a run has grown to is not
        what it is to make.
        """
        then = stage_at(self.state.best_nimg, self.config)
        now = stage_at(self.state.nimg, self.config)
        if then is not None and now is not None and then.side < now.side:
            return True
        if self.state.best_is_late:
            return False
        return is_late or 2 * self.state.best_nimg < self.state.nimg

    def save_best(self, **figures: float | str) -> Saved:
        training = {
            "kimg": round(self.state.nimg / 1000, 3),
            "minutes": round(self.state.seconds / 60, 2),
            "start": self.start_name,
            "seed": self.config.seed,
            **figures,
        }
        snapshot = Snapshot(self.config.network, self.state.G_ema, self.state.D, training)
        save_snapshot(snapshot, self.folder / BEST_FOLDER)
        return Saved(self.state.nimg / 1000, "best")

    def diverged(self) -> Failed:
        return self.failed(
            f"The losses stopped being numbers after {self.state.nimg / 1000:.1f} thousand images.",
            "Lower the learning rates to a quarter and start again from the last good snapshot.",
        )

    def failed(self, reason: str, advice: str) -> Failed:
        has_snapshot = (self.folder / BEST_FOLDER / G_FILE).is_file()
        return Failed(self.state.nimg / 1000, reason, advice, has_snapshot)
