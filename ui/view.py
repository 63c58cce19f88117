"""From what a run reports to what the page shows: pure functions, no page and no files."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, TypeVar

from gan_core.events import (
    Event,
    Failed,
    Finished,
    Measured,
    Preview,
    Progress,
    Started,
)
from gan_core.gan.run import kept_measurement
from ui import run_texts as texts
from ui.run_folder import ACTIVE, RunState, State
from ui.texts import PLAN

MOST_POINTS = 300  # in a plot: more cannot be seen, and slows the browser
_T = TypeVar("_T")
_K = TypeVar("_K")


def previews(run: RunState) -> tuple[str | None, str | None]:
    """The files of the first preview and of the newest, relative to the run's folder.

    Of a run that has ended, not the newest but the one nearest to the model that was kept.
    """
    shown = frames(run)
    if len(shown) < 2:
        return shown[0].file if shown else None, None
    best = kept_measurement(run.events)
    if run.state in ACTIVE or best is None:
        return shown[0].file, shown[-1].file
    return shown[0].file, min(shown[1:], key=lambda event: abs(event.kimg - best.kimg)).file


def frames(run: RunState) -> list[Preview]:
    """All previews that were kept, oldest first."""
    return [event for event in run.events if isinstance(event, Preview) and event.file]


def status_html(run: RunState) -> str:
    """The headline, one sentence on where the run stands, and the bar."""
    share = share_done(run)
    headline = texts.HEADLINES[_apparent(run)]
    sentence = html.escape(growing(run) + sentence_of(run))
    notes = [plan(run), kid_so_far(run.events)]
    notes.append(texts.CLOSE_TAB if run.state in ACTIVE else kept(run))
    note = "".join(f'<p class="note">{text}</p>' for text in notes if text)
    return (
        f'<div class="status" data-state="{run.state}"><h3 aria-live="polite">{headline}</h3>'
        f'<p class="line">{sentence}</p>{progress_bar(headline, share)}{note}</div>'
    )


def growing(run: RunState) -> str:
    """How far a run that grows has come, before its sentence; "" of one that does not."""
    progress = newest(run.events, Progress)
    if progress is None or progress.side == 0 or _apparent(run) != "running":
        return ""
    text = texts.GROWN if progress.fade == 1 else texts.GROWING
    return text.format(side=progress.side, fade=progress.fade)


def plan(run: RunState) -> str:
    """What a run that trains will do, as it was said after the probe, as HTML; "" otherwise."""
    started = newest(run.events, Started)
    if started is None or run.state not in ("starting", "running"):
        return ""
    return PLAN.format(plan=html.escape(started.plan))


def progress_bar(label: str, share: float) -> str:
    """How much is done, in [0, 1], as HTML."""
    return (
        f'<div class="bar" role="progressbar" aria-label="{label}" aria-valuemin="0"'
        f' aria-valuemax="100" aria-valuenow="{round(share * 100)}">'
        f'<div style="width:{share * 100:.1f}%"></div></div>'
    )


def sentence_of(run: RunState) -> str:
    """Say in plain words where the run stands."""
    last = run.events[-1] if run.events else None
    progress = newest(run.events, Progress)
    state = _apparent(run)
    if run.reason and state == "queued":
        return texts.CANNOT_BEGIN.format(reason=run.reason)
    if run.reason and state in ("paused", "interrupted"):
        return f"{texts.CANNOT_GO_ON.format(reason=run.reason)} {texts.OR_ANEW}"
    if state == "queued":
        return texts.QUEUED.format(ahead=run.ahead) if run.ahead > 1 else texts.QUEUED_NEXT
    if state in ("stopping", "pausing"):
        return texts.STOPPING
    if state == "starting":
        return texts.STARTING
    if state == "running" and progress is not None:
        return texts.STATUS.format(
            kimg=progress.kimg,
            speed=progress.images_per_second,
            left=duration(progress.seconds_left),
        )
    if isinstance(last, Finished):
        text = texts.PAUSED if state == "paused" else texts.STOPPED
        text = text if last.stopped else texts.FINISHED
        return text.format(kimg=last.kimg, time=duration(last.seconds))
    if state in ("stopped", "paused"):
        text = texts.STOPPED_EARLY if state == "stopped" else texts.PAUSED_EARLY
        again = texts.STOPPED_AGAIN if state == "stopped" else texts.PAUSED_AGAIN
        return again if run.can_resume else text
    if run.state == "failed":
        text = f"{last.reason} {last.advice}" if isinstance(last, Failed) else run.reason
    else:
        text = texts.INTERRUPTED
    goes_on = run.state == "interrupted" and run.can_resume
    notes = (texts.CAN_GO_ON * goes_on, texts.HAS_MODEL * run.has_model)
    return " ".join(part for part in (text, *notes) if part)


def figures(run: RunState) -> dict[str, Any]:
    """The same for programs: state, message, place in line, and the latest figures if any."""
    told: dict[str, Any] = {"state": run.state, "message": sentence_of(run)}
    told |= {"has_model": run.has_model, "ahead": run.ahead}
    if progress := newest(run.events, Progress):
        told |= {"kimg": progress.kimg, "seconds_left": progress.seconds_left}
        told |= {"loss_G": progress.loss_G, "loss_D": progress.loss_D}
    if measured := newest(run.events, Measured):
        told["kid"] = measured.kid
    return told


def share_done(run: RunState) -> float:
    """How much of the run's budget is spent, in [0, 1]."""
    if run.state == "finished":
        return 1.0
    progress = newest(run.events, Progress)
    if progress is None:
        return 0.0
    whole = progress.seconds + progress.seconds_left
    return min(1.0, progress.seconds / whole) if whole > 0 else 1.0


def minutes_before(run: RunState) -> float:
    """How many minutes a run had had when it was last begun, or was let go on."""
    kinds = Started if run.state == "running" else Started | Progress | Finished
    return next((e.seconds for e in reversed(run.events) if isinstance(e, kinds)), 0.0) / 60


def kid_so_far(events: Sequence[Event]) -> str:
    """Say how far from the real pictures the newest and the best model are; "" if unmeasured."""
    measured = [event.kid * 1000 for event in events if isinstance(event, Measured)]
    if not measured:
        return ""
    first, now, best = map(figure, (measured[0], measured[-1], min(measured)))
    if len(measured) == 1:
        return texts.KID.format(kid=now)
    return texts.KID_MOVED.format(first=first, kid=now, best=best)


def kept(run: RunState) -> str:
    """Say when the model was taken that an ended run has kept; "" if that was not measured."""
    best = kept_measurement(run.events)
    return texts.KEPT.format(kimg=best.kimg) if run.has_model and best else ""


def go_on_label(run: RunState) -> str:
    """What the button says that lets an ended run go on; "" when it cannot, or needs more time."""
    if run.can_restart:
        return texts.START_AGAIN
    if not run.can_resume or run.state not in ("paused", "interrupted", "failed"):
        return ""
    progress = newest(run.events, Progress)
    if progress is None or progress.seconds_left < 1:
        return texts.CONTINUE
    return texts.CONTINUE_LEFT.format(left=duration(progress.seconds_left))


def duration(seconds: float) -> str:
    """Write a time as "45 s", "3 min 10 s" or "1 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def thin(items: Sequence[_T], most: int) -> list[_T]:
    """Keep at most `most` items, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    step = (len(items) - 1) / (most - 1)
    return [items[round(index * step)] for index in range(most)]


def figure(value: float) -> str:
    """Write no more than three digits that mean something: 4.2, 87, 392, 21,600."""
    return f"{value:,.1f}" if abs(value) < 10 else f"{float(f'{value:.3g}'):,.0f}"


def _apparent(run: RunState) -> State:
    """The state in a visitor's eyes: with nobody ahead, and until it learns, a run is starting."""
    waits_for_nobody = run.state == "queued" and run.ahead == 0 and not run.reason
    is_measuring = run.state == "running" and not _has_progress(run.events)
    return "starting" if waits_for_nobody or is_measuring else run.state


def _has_progress(events: Sequence[Event]) -> bool:
    """Whether anything was learned since the run last began; what is older was said before."""
    found = next(
        (event for event in reversed(events) if isinstance(event, Progress | Started)), None
    )
    return isinstance(found, Progress)


def newest(events: Sequence[Event], kind: type[_K]) -> _K | None:
    """The last event of a kind; None without any."""
    return next((event for event in reversed(events) if isinstance(event, kind)), None)
