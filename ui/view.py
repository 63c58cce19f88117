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
from ui import gpu
from ui import run_texts as texts
from ui.parts import is_hardly_trained, minutes_given, newest, present_part, seconds_left
from ui.run_folder import ACTIVE, RunState, State
from ui.texts import PLAN

MOST_POINTS = 300  # in a plot: more cannot be seen, and slows the browser
_T = TypeVar("_T")


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
    stay = texts.KEEP_TAB if gpu.LENT else texts.CLOSE_TAB
    notes.append(stay if run.state in ACTIVE else kept(run))
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
    """What a run that trains will do, as it was said after the probe, as HTML; "" otherwise.

    Minutes that were added since then are told beside it.
    """
    started = newest(run.events, Started)
    if started is None or run.state not in ("starting", "running"):
        return ""
    said = PLAN.format(plan=html.escape(started.plan))
    given = minutes_given(run.events)
    if given is None or given == started.minutes:
        return said
    return f"{said} {texts.PLAN_CHANGED.format(minutes=minutes(given))}"


def progress_bar(label: str, share: float) -> str:
    """How much is done, in [0, 1], as HTML."""
    return (
        f'<div class="bar" role="progressbar" aria-label="{label}" aria-valuemin="0"'
        f' aria-valuemax="100" aria-valuenow="{round(share * 100)}">'
        f'<div style="width:{share * 100:.1f}%"></div></div>'
    )


def sentence_of(run: RunState) -> str:
    """Say in plain words where the run stands."""
    state = _apparent(run)
    if run.reason and state == "queued":
        return texts.CANNOT_BEGIN.format(reason=run.reason)
    if run.reason and state in ("paused", "interrupted"):
        return f"{texts.CANNOT_GO_ON.format(reason=run.reason)} {texts.OR_ANEW}"
    if run.state == "queued" and gpu.LENT:
        return texts.WAITS_FOR_GPU
    if state == "queued":
        return texts.QUEUED.format(ahead=run.ahead) if run.ahead > 1 else texts.QUEUED_NEXT
    if state == "starting":
        return texts.STARTING
    part = present_part(run)
    progress = newest(part, Progress)
    if state in ("stopping", "pausing"):
        return texts.STOPPING if progress is not None else texts.STOPPING_EARLY
    if state == "running" and progress is not None:
        return texts.STATUS.format(
            shown=shown(progress.kimg),
            speed=progress.images_per_second,
            left=duration(progress.seconds_left),
        )
    finished = newest(part, Finished)
    return _outcome(run, finished) if finished is not None else _cut_short(run, part)


def _outcome(run: RunState, finished: Finished) -> str:
    """What is said of a run whose present part has ended in good order."""
    facts = {"shown": shown(finished.kimg), "time": duration(finished.seconds)}
    if run.state == "paused" and finished.stopped:
        return texts.PAUSED.format(**facts)
    if is_hardly_trained(run.events, finished.kimg):
        return (texts.STOPPED_HARDLY if finished.stopped else texts.FINISHED_HARDLY).format(**facts)
    return (texts.STOPPED if finished.stopped else texts.FINISHED).format(**facts)


def _cut_short(run: RunState, part: Sequence[Event]) -> str:
    """What is said of one whose present part has not."""
    if run.state in ("stopped", "paused"):
        is_stop = run.state == "stopped"
        text = texts.STOPPED_EARLY if is_stop else texts.PAUSED_EARLY
        again = texts.STOPPED_AGAIN if is_stop else texts.PAUSED_AGAIN
        return again if run.can_resume else text
    failed = newest(part, Failed)
    if run.state == "failed":
        text = f"{failed.reason} {failed.advice}" if failed is not None else run.reason
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
    if best is None or not run.has_model or is_hardly_trained(run.events, best.kimg):
        return ""
    return texts.KEPT.format(shown=shown(best.kimg))


def go_on_label(run: RunState) -> str:
    """What the button says that lets an ended run go on; "" when it cannot, or needs more time."""
    if run.can_restart:
        return texts.START_AGAIN
    if not run.can_resume or run.state not in ("paused", "interrupted", "failed"):
        return ""
    left = seconds_left(run.events)
    if left is None or left < 1:
        return texts.CONTINUE
    return texts.CONTINUE_LEFT.format(left=duration(left))


def shown(kimg: float) -> str:
    """Write how many pictures were shown: "16 pictures", "12.3 thousand pictures"."""
    count = round(kimg * 1000)
    if count < 1000:
        return texts.PICTURE if count == 1 else texts.PICTURES.format(n=count)
    return texts.THOUSAND_PICTURES.format(kimg=kimg)


def minutes(value: float) -> str:
    """Write a number of minutes: "5", "1.7", "0.05"."""
    return f"{value:.1f}".removesuffix(".0") if value >= 1 else f"{value:.2g}"


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
