"""What a visitor has done to the run that the page shows: each an order, from `Mine` to `Mine`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from gan_core.errors import BadSetting
from ui import run_texts as texts
from ui import view
from ui.errors import require
from ui.jobs import Runs
from ui.look import Look, Mark
from ui.mine import Mine
from ui.request import MOST_MINUTES, SHORTEST_MINUTES
from ui.run_log import say_change
from ui.settings_form import changes_in, settings_now
from ui.verdict import remedy


@dataclass(frozen=True)
class Orders:
    """Orders to the run that a browser watches. They raise AtelierError for what cannot be."""

    runs: Runs

    def look(self, mine: Mine, seen: Mark | None = None) -> Look:
        """Look at the run that is watched. Raises: BadRun."""
        run = self.runs.look(mine.run)
        return Look(run, self.runs.folder(mine.run), Mark.of(run), seen)

    def pause(self, mine: Mine) -> Mine:
        """Let the run save and make room, until it is let go on."""
        self.runs.pause(mine.run)
        return mine

    def stop(self, mine: Mine) -> Mine:
        """Let the run end; it keeps what it has learnt."""
        self.runs.stop(mine.run)
        return mine

    def go_on(self, mine: Mine) -> Mine:
        """Let an ended run have what is left of its time or, if need be, begin anew."""
        self.runs.resume(mine.run)
        return mine

    def more(self, mine: Mine, minutes: float | None) -> Mine:
        """Give a run more minutes: beyond those it was given, or from where it ended.

        In one go it may have MOST_MINUTES; after that it ends, and others in line get their turn.
        """
        more = more_minutes(minutes)
        look = self.look(mine)
        now, asked = settings_now(look.folder, look.run), look.run.settings
        if look.can_end and asked is not None:
            lately = now.minutes if now is not None else None
            minutes = max(lately or 0.0, asked.until or asked.minutes) + more
            if (in_one_go := minutes - view.minutes_before(look.run)) > MOST_MINUTES:
                raise BadSetting(
                    texts.TOO_LONG.format(minutes=in_one_go),
                    texts.TOO_LONG_EXPECTED.format(most=MOST_MINUTES),
                    texts.TOO_LONG_ADVICE,
                )
            self.runs.adjust(mine.run, {"minutes": minutes})
            gr.Info(texts.MORE_GIVEN.format(minutes=view.minutes(minutes)))
        else:
            self.runs.resume(mine.run, more)
        return mine

    def apply(self, mine: Mine, *values: Any) -> Mine:
        """Go on with the form's settings: at once, or an ended run from where it ended."""
        look = self.look(mine)
        changes = self._changes(look, values)
        if not look.can_end:
            has_time_left = bool(view.go_on_label(look.run))
            minutes = look.run.settings.minutes if look.run.settings else None
            self.runs.resume(mine.run, None if has_time_left else minutes, changes)
        elif changes:
            self.runs.adjust(mine.run, changes)
            gr.Info(texts.APPLIED.format(what=say_change({}, changes)))
        else:
            gr.Info(texts.NOTHING_CHANGED)
        return mine

    def begin_anew(self, mine: Mine, *values: Any) -> Mine:
        """Put a new run of the same pictures in line, with the form's settings, and watch it."""
        changes = self._changes(self.look(mine), values)
        return mine.with_run(self.runs.duplicate(mine.run, changes))

    def begin_from_model(self, mine: Mine) -> Mine:
        """Put a new run in line that starts from the model of this one, and watch it."""
        return mine.with_run(self.runs.duplicate(mine.run, from_model=True))

    def do_as_advised(self, mine: Mine) -> Mine:
        """Turn what the run doctor advises to turn."""
        if change := remedy(self.look(mine)):
            self.runs.adjust(mine.run, change)
        return mine

    def set_autopilot(self, mine: Mine, is_on: bool) -> Mine:
        """Let the run doctor's advice be followed by itself, or not."""
        self.runs.adjust(mine.run, {"autopilot": bool(is_on)})
        return mine

    def leave(self, mine: Mine) -> Mine:
        """Go back to the pictures; the run stays in the list of runs."""
        return replace(mine, run="")

    def open(self, mine: Mine, run_id: str) -> Mine:
        """Watch another run. Raises: BadRun when it is gone."""
        self.runs.folder(run_id)
        return mine.with_run(run_id)

    def delete(self, mine: Mine, run_id: str = "") -> Mine:
        """Delete a run and its pictures now: the one that is watched, if no other is named."""
        lost = run_id or mine.run
        if self.runs.exists(lost):
            self.runs.delete(lost)
        return self.without_lost(mine)

    def without_lost(self, mine: Mine) -> Mine:
        """Forget the runs that are not here any more."""
        kept = tuple(run_id for run_id in mine.runs if self.runs.exists(run_id))
        gone = tuple(run_id for run_id in mine.runs if run_id not in kept)
        run = mine.run if self.runs.exists(mine.run) else ""
        return replace(mine, run=run, runs=kept, gone=gone)

    def _changes(self, look: Look, values: Sequence[Any]) -> dict[str, Any]:
        now = settings_now(look.folder, look.run)
        return changes_in(now, values) if now is not None else {}


def more_minutes(minutes: float | None) -> float:
    """Check how many minutes a run is to be given. Raises: BadSetting."""
    return require(texts.MORE_MINUTES, minutes, SHORTEST_MINUTES, MOST_MINUTES)
