"""One look at a run, as the parts of the page are given it to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gan_core.events import Adjusted, Diagnosed, Measured, Preview
from ui.run_folder import ACTIVE, RunState, State
from ui.view import previews


@dataclass(frozen=True)
class Mark:
    """What tells two looks at a run apart, so that a page is sent only what it does not show."""

    id: str
    state: State
    ahead: int
    reason: str
    events: int
    before: str | None
    now: str | None
    frames: int
    measured: int
    verdicts: int
    adjusted: int

    @classmethod
    def of(cls, run: RunState) -> Mark:
        """Take the mark of a run as it is."""
        kinds = (Preview, Measured, Diagnosed, Adjusted)
        counts = [sum(isinstance(event, kind) for event in run.events) for kind in kinds]
        told = (run.id, run.state, run.ahead, run.reason)
        return cls(*told, len(run.events), *previews(run), *counts)


@dataclass(frozen=True)
class Look:
    """A run, its folder, and what the page shows of it already."""

    run: RunState
    folder: Path
    mark: Mark
    seen: Mark | None = None

    @property
    def is_new(self) -> bool:
        """Whether the page shows nothing of this run yet."""
        return self.seen is None or self.seen.id != self.mark.id

    @property
    def is_over(self) -> bool:
        """Whether the run neither trains nor waits."""
        return self.run.state not in ACTIVE

    @property
    def can_end(self) -> bool:
        """Whether it may still be asked to pause or to stop."""
        return self.run.state in ("queued", "starting", "running")

    def moved(self, *names: str) -> bool:
        """Whether any of these fields of the mark differs from what the page shows."""
        return self.is_new or any(
            getattr(self.seen, name) != getattr(self.mark, name) for name in names
        )


class Part(Protocol):
    """A part of the page that shows a run."""

    outputs: list[Any]

    def show(self, look: Look) -> list[Any]:
        """Values for `outputs`."""
        ...
