"""The run doctor: hears what a run reports, and says what is wrong and the one thing to turn.

It is pure: events in, a `Diagnosed` out when the verdict changes. What is looked for is in
signs.py, what is advised in remedies.py. Here is the tact: it waits until a sign is sustained,
keeps a verdict until its sign is clearly gone, and gives a change time to work before it speaks of
the same thing again.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from gan_core.events import Adjusted, Diagnosed, Event, Failed, Measured, Progress, Started
from gan_core.gan.config import TrainConfig
from gan_core.gan.remedies import remedy
from gan_core.gan.signs import (
    BEGINNING,
    LEAST_REPORTS,
    SIGNS,
    WHILE_GROWING,
    Condition,
    Evidence,
    say_healthy,
    share_of,
)

__all__ = ["Condition", "Doctor", "last_diagnosis"]

# A sign must last for this share of the run, but no longer than so many kimg. The bundled model's
# D won for 8 kimg in the midst of 994, and G came back by itself.
_SUSTAINED, _LONGEST_KIMG = 0.1, 20.0
# After a change, evidence counts only from this share of that time on.
_GRACE = 0.5
_FINE: tuple[Condition, ...] = ("learning", "healthy")
_NO_REMEDY = {"minutes", "kimg", "autopilot"}  # changing these does not change the game
# What train.py says of a run whose losses or weights are NaN or infinite.
_NOT_NUMBERS = "stopped being numbers"


class Doctor:
    """Follows one run. Feed it every event, in order; that of an old log first if there is one.

    config: the settings the run begins (or goes on) with. n_images: how many pictures it learns
    from. A doctor that was not there from the start says "learning" until it has seen enough.
    """

    def __init__(self, config: TrainConfig, n_images: int) -> None:
        self.config, self.n_images = config, n_images
        self.reports: list[Progress] = []  # of the latest window
        self.measured: list[Measured] = []
        self.length = math.inf  # of the whole run in kimg, as far as can be told
        self.since = 0.0  # kimg; what was before that shows other settings
        self.state: Condition | None = None  # what was last said
        self.said_at = 0.0  # kimg
        self.may_repeat = False  # the same thing again, because something was done about it
        self.had_gradient = False

    def hear(self, event: Event, config: TrainConfig) -> Diagnosed | None:
        """Take in one event; returns a verdict when it is another than the last, else None.

        config: the settings in force at the event.
        """
        self.config = config
        if isinstance(event, Progress | Measured):
            self._remember(event)
            return self._judge(event.kimg, share_of(event, config))
        if isinstance(event, Failed) and _NOT_NUMBERS in event.reason:
            return self._say(event.kimg, "diverged", event.reason)
        if isinstance(event, Started) and event.kimg > 0:
            self._resume(event)
        elif isinstance(event, Adjusted):
            self._adjusted(event)
        elif isinstance(event, Diagnosed):
            self._said(event)
        return None

    @property
    def window(self) -> float:
        """For how many kimg a sign must last."""
        return min(_SUSTAINED * self.length, _LONGEST_KIMG)

    def _remember(self, event: Progress | Measured) -> None:
        if share := share_of(event, self.config):
            self.length = event.kimg / share
        if isinstance(event, Measured):
            self.measured.append(event)
            return
        self.had_gradient = self.had_gradient or event.grad_G > 0
        if event.kimg > self.since:
            self.reports.append(event)
        oldest = event.kimg - self.window
        self.reports = [report for report in self.reports if report.kimg > oldest]

    def _resume(self, event: Started) -> None:
        """Forget what a crash undid; what comes next may have other settings."""
        if share := share_of(event, self.config):
            self.length = event.kimg / share
        self.measured = [m for m in self.measured if m.kimg <= event.kimg]
        self._begin_anew(event.kimg)

    def _adjusted(self, event: Adjusted) -> None:
        if event.after.get("autopilot"):
            self.may_repeat = True  # so that what stands is heard by it
        if set(event.after) - _NO_REMEDY:
            self._begin_anew(event.kimg)

    def _begin_anew(self, kimg: float) -> None:
        self.since = kimg + _GRACE * self.window
        self.reports, self.may_repeat = [], True

    def _said(self, event: Diagnosed) -> None:
        """Its own verdict, or that of the one before it, from the log."""
        self.state, self.said_at = cast(Condition, event.state), event.kimg
        self.may_repeat = False

    def _judge(self, kimg: float, share: float) -> Diagnosed | None:
        fresh = [m for m in self.measured if m.kimg > self.since]
        is_sustained = kimg - self.since >= self.window and len(self.reports) >= LEAST_REPORTS
        seen = Evidence(
            self.config, share, self.reports, is_sustained, self.measured, fresh, self.had_gradient
        )
        for condition, sign in SIGNS:
            if seen.is_growing() and sign not in WHILE_GROWING:
                continue
            if evidence := sign(seen, condition == self.state):
                return self._say(kimg, condition, evidence)
        is_measured = self.config.cadence.measure is None or len(fresh) >= 2
        if share >= BEGINNING and is_sustained and is_measured:
            return self._say(kimg, "healthy", say_healthy(seen))
        if self.state is None:
            return self._say(kimg, "learning", "It is too early to say.")
        return None  # what was said stands until there is something to judge by

    def _say(self, kimg: float, condition: Condition, evidence: str) -> Diagnosed | None:
        if not self._is_news(kimg, condition):
            return None
        advice, change = remedy(condition, self.config, self.n_images)
        said = Diagnosed(kimg, condition, evidence, advice, change)
        self._said(said)
        return said

    def _is_news(self, kimg: float, condition: Condition) -> bool:
        if condition == self.state:
            return self.may_repeat and condition not in _FINE
        is_first = self.state in (None, "learning")
        return is_first or condition == "diverged" or kimg - self.said_at >= self.window


def last_diagnosis(events: Iterable[Event]) -> Diagnosed | None:
    """The verdict that stands at the end of a log, for a page; None where none was given.

    Once what it advises was done, it says so instead, and its `change` is empty. A run that ended
    because its losses were no numbers has diverged, also where no doctor was there to say so.
    """
    found: Diagnosed | None = None
    for event in events:
        if isinstance(event, Diagnosed):
            found = event
        elif isinstance(event, Adjusted) and found is not None and _is_done(found, event):
            done = f"Done at {event.kimg:.1f} thousand pictures; what comes of it is not seen yet."
            found = replace(found, change={}, advice=done)
        elif (
            isinstance(event, Failed)
            and _NOT_NUMBERS in event.reason
            and (found is None or found.state != "diverged")
        ):
            found = Diagnosed(event.kimg, "diverged", event.reason, event.advice, {})
    return found


def _is_done(found: Diagnosed, event: Adjusted) -> bool:
    done = {name: _plain(event.after.get(name)) for name in found.change}
    return bool(done) and done == {name: _plain(value) for name, value in found.change.items()}


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value  # JSON knows no tuples
