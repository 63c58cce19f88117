"""A run is trained in parts, with each time it is let go on; how far it is, and what is left.

Pure functions. A continued run's log begins with that of the parts before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from gan_core.events import Adjusted, Event, Finished, Measured, Progress, Saved, Started
from ui.run_folder import RunState

_FEW_STEPS = 10  # so few teach nothing that could be seen
_K = TypeVar("_K")


def newest(events: Sequence[Event], kind: type[_K]) -> _K | None:
    """The last event of a kind; None without any."""
    return next((event for event in reversed(events) if isinstance(event, kind)), None)


def present_part(run: RunState) -> tuple[Event, ...]:
    """What was reported since the run was last begun or let go on; nothing of what was before."""
    if not run.has_begun:
        return ()
    starts = [place for place, event in enumerate(run.events) if isinstance(event, Started)]
    return run.events[starts[-1] :] if starts else run.events


def minutes_given(events: Sequence[Event]) -> float | None:
    """The whole time that a run has, as it began and as it was changed; None if that is unknown."""
    given = None
    for event in events:
        if isinstance(event, Started):
            given = event.minutes
        elif isinstance(event, Adjusted) and "minutes" in event.after:
            given = float(str(event.after["minutes"]))
    return given


def seconds_left(events: Sequence[Event]) -> float | None:
    """The time that a run which goes on has left: from what it saved, not from what it was told
    last, since saving takes time too and a crash undoes what came after. None if it is unknown.
    """
    given, reached, saved = minutes_given(events), 0.0, 0.0
    if given is None:
        return None
    for event in events:
        if isinstance(event, Started | Progress | Measured | Finished):
            reached = event.seconds
        if isinstance(event, Started | Finished) or (
            isinstance(event, Saved) and event.what == "checkpoint"
        ):
            saved = reached
    return max(0.0, given * 60 - saved)


def is_hardly_trained(events: Sequence[Event], kimg: float) -> bool:
    """Whether a run that was shown so much took too few steps for anything to come of it."""
    started = newest(events, Started)
    return started is not None and kimg * 1000 < _FEW_STEPS * started.batch_size
