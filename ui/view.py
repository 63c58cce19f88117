"""From what a run reports to what the page shows: pure functions, no page and no files."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd

from gan_core.events import (
    Event,
    Failed,
    Finished,
    Measured,
    Preview,
    Probed,
    Progress,
    Started,
)
from gan_core.gan.run import kept_measurement
from ui import texts
from ui.run_folder import ACTIVE, RunState, State

MOST_POINTS = 300  # in a plot: more cannot be seen, and slows the browser
_T = TypeVar("_T")
_K = TypeVar("_K")


@dataclass(frozen=True)
class RunView:
    """What the page shows of a run. `before` and `now` are files relative to the run's folder."""

    status: str  # HTML
    is_active: bool
    can_stop: bool
    stop_label: str
    more_label: str
    before: str | None
    now: str | None
    losses: pd.DataFrame | None  # columns kimg, value, network
    scores: pd.DataFrame | None  # columns kimg, value, pictures
    details: str  # Markdown


def show_run(run: RunState) -> RunView:
    """Make everything the page shows of one look at a run."""
    progress = [event for event in run.events if isinstance(event, Progress)]
    before, now = previews(run)
    return RunView(
        status=status_html(run),
        is_active=run.state in ACTIVE,
        can_stop=run.state in ("queued", "starting", "running"),
        stop_label=texts.LEAVE_QUEUE if _apparent(run) == "queued" else texts.STOP,
        more_label=_more_label(run),
        before=before,
        now=now,
        losses=_curves(progress, {"G": "loss_G", "D": "loss_D"}, "network"),
        scores=_curves(progress, {"real": "score_real", "made": "score_fake"}, "pictures"),
        details=details(run),
    )


def previews(run: RunState) -> tuple[str | None, str | None]:
    """The files of the first preview and of the newest, relative to the run's folder.

    Of a run that has ended, not the newest but the one nearest to the model that was kept.
    """
    shown = [event for event in run.events if isinstance(event, Preview) and event.file]
    if len(shown) < 2:
        return shown[0].file if shown else None, None
    best = kept_measurement(run.events)
    if run.state in ACTIVE or best is None:
        return shown[0].file, shown[-1].file
    return shown[0].file, min(shown[1:], key=lambda event: abs(event.kimg - best.kimg)).file


def status_html(run: RunState) -> str:
    """The headline, one sentence on where the run stands, and the bar."""
    share = share_done(run)
    headline, sentence = texts.HEADLINES[_apparent(run)], html.escape(sentence_of(run))
    notes = [kid_so_far(run.events), texts.CLOSE_TAB if run.state in ACTIVE else kept(run)]
    note = "".join(f'<p class="note">{text}</p>' for text in notes if text)
    return (
        f'<div class="status" data-state="{run.state}"><h3 aria-live="polite">{headline}</h3>'
        f'<p class="line">{sentence}</p>{progress_bar(headline, share)}{note}</div>'
    )


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
    progress = _last(run.events, Progress)
    state = _apparent(run)
    if state == "queued":
        return texts.QUEUED.format(ahead=run.ahead) if run.ahead > 1 else texts.QUEUED_NEXT
    if state == "stopping":
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
        text = texts.STOPPED if last.stopped else texts.FINISHED
        return text.format(kimg=last.kimg, time=duration(last.seconds))
    if run.state == "stopped":
        return texts.STOPPED_EARLY
    if run.state == "failed":
        text = f"{last.reason} {last.advice}" if isinstance(last, Failed) else run.reason
    else:
        text = f"{run.reason} {texts.INTERRUPTED}".strip()
    return f"{text} {texts.HAS_MODEL}" if run.has_model else text


def figures(run: RunState) -> dict[str, Any]:
    """The same for programs: state, message, place in line, and the latest figures if any."""
    told: dict[str, Any] = {"state": run.state, "message": sentence_of(run)}
    told |= {"has_model": run.has_model, "ahead": run.ahead}
    if progress := _last(run.events, Progress):
        told |= {"kimg": progress.kimg, "seconds_left": progress.seconds_left}
        told |= {"loss_G": progress.loss_G, "loss_D": progress.loss_D}
    if measured := _last(run.events, Measured):
        told["kid"] = measured.kid
    return told


def share_done(run: RunState) -> float:
    """How much of the run's budget is spent, in [0, 1]."""
    if run.state == "finished":
        return 1.0
    progress = _last(run.events, Progress)
    if progress is None:
        return 0.0
    whole = progress.seconds + progress.seconds_left
    return min(1.0, progress.seconds / whole) if whole > 0 else 1.0


def kid_so_far(events: Sequence[Event]) -> str:
    """Say how far from the real pictures the newest and the best model are; "" if unmeasured."""
    measured = [event.kid * 1000 for event in events if isinstance(event, Measured)]
    if not measured:
        return ""
    first, now, best = map(_figure, (measured[0], measured[-1], min(measured)))
    if len(measured) == 1:
        return texts.KID.format(kid=now)
    return texts.KID_MOVED.format(first=first, kid=now, best=best)


def kept(run: RunState) -> str:
    """Say when the model was taken that an ended run has kept; "" if that was not measured."""
    best = kept_measurement(run.events)
    return texts.KEPT.format(kimg=best.kimg) if run.has_model and best else ""


def details(run: RunState) -> str:
    """How it was measured, the plan and what the probe chose, as Markdown paragraphs."""
    parts = []
    if measured := _last(run.events, Measured):
        parts.append(
            texts.MEASURED.format(
                low=_figure(measured.kid_low * 1000),
                high=_figure(measured.kid_high * 1000),
                n_fake=measured.n_fake,
                n_real=measured.n_real,
                extractor=measured.extractor,
            )
        )
    if started := _last(run.events, Started):
        parts.append(texts.PLAN.format(plan=started.plan))
    if run.settings is not None:
        parts.append(texts.START_NAME.format(start=run.settings.start_name))
    if probed := _last(run.events, Probed):
        parts.append(_probe(probed))
    return "\n\n".join(parts)


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


def _curves(progress: Sequence[Progress], lines: dict[str, str], name: str) -> pd.DataFrame | None:
    """Long table of at most MOST_POINTS rows: kimg, value, and which line it belongs to.

    None without any: the plot takes its lines and their kind from the first table it is given.
    """
    if not progress:
        return None
    rows = [
        (event.kimg, getattr(event, attribute), line)
        for event in thin(progress, MOST_POINTS // len(lines))
        for line, attribute in lines.items()
    ]
    return pd.DataFrame(rows, columns=["kimg", "value", name])


def _probe(probed: Probed) -> str:
    tried = ", ".join(f"{name}: {speed:.0f}" for name, speed in probed.tried.items())
    return texts.PROBE.format(
        device=probed.device,
        dtype=probed.dtype,
        layout="channels last" if probed.channels_last else "contiguous",
        threads=texts.THREADS[probed.threads != 1].format(n=probed.threads),
        speed=probed.images_per_second,
        tried=texts.PROBE_TRIED.format(tried=tried) if tried else "",
    )


def _figure(value: float) -> str:
    """No more than three digits that mean something: 4.2, 87, 392, 21,600."""
    return f"{value:,.1f}" if abs(value) < 10 else f"{float(f'{value:.3g}'):,.0f}"


def _apparent(run: RunState) -> State:
    """The state in a visitor's eyes: with nobody ahead, and until it learns, a run is starting."""
    waits_for_nobody = run.state == "queued" and run.ahead == 0
    is_measuring = run.state == "running" and not _has_progress(run.events)
    return "starting" if waits_for_nobody or is_measuring else run.state


def _more_label(run: RunState) -> str:
    if run.settings is None or not run.can_resume:
        return texts.START_AGAIN
    return texts.MORE_TIME.format(minutes=run.settings.minutes)


def _has_progress(events: Sequence[Event]) -> bool:
    """Whether anything was learned since the run last began; what is older was said before."""
    newest = next(
        (event for event in reversed(events) if isinstance(event, Progress | Started)), None
    )
    return isinstance(newest, Progress)


def _last(events: Sequence[Event], kind: type[_K]) -> _K | None:
    return next((event for event in reversed(events) if isinstance(event, kind)), None)
