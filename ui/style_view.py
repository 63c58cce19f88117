"""From what a style transfer reports to what the page shows: pure functions."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import pandas as pd

from gan_core.events import Event, Noticed, Painted, Pastiche, Planned
from ui import texts
from ui.view import MOST_POINTS, duration, progress_bar, thin


def status_html(events: Sequence[Event]) -> str:
    """The headline, one sentence on how far it is, the bar, and what did not go as asked."""
    last = next((e for e in reversed(events) if isinstance(e, Painted | Pastiche)), None)
    headline, share = texts.PAINTING, 0.0
    sentence = texts.PAINTING_STARTS
    if isinstance(last, Painted):
        whole = last.seconds + last.seconds_left
        share = last.seconds / whole if whole else 1.0
        sentence = texts.PAINTING_STATUS.format(
            size=last.size,
            left=duration(last.seconds_left),
            matched=last.style_matched,
            kept=last.content_kept,
        )
    if isinstance(last, Pastiche):
        headline, share = texts.PAINTED, 1.0
        text = texts.PAINTED_STOPPED if last.stopped else texts.PAINTED_STATUS
        sentence = text.format(
            time=duration(last.seconds), matched=last.style_matched, kept=last.content_kept
        )
    notes = [event.text for event in events if isinstance(event, Noticed)]
    told = "".join(f'<p class="note">{html.escape(note)}</p>' for note in notes)
    state = "painted" if isinstance(last, Pastiche) else "painting"
    return (
        f'<div class="status" data-state="{state}"><h3 aria-live="polite">{headline}</h3>'
        f'<p class="line">{html.escape(sentence)}</p>{progress_bar(headline, share)}{told}</div>'
    )


def loss_curves(events: Sequence[Event]) -> pd.DataFrame | None:
    """Columns step, value, loss: each term as a share of its own largest value; None before two."""
    painted = thin([event for event in events if isinstance(event, Painted)], MOST_POINTS // 3)
    if len(painted) < 2:
        return None
    terms = {"content": "content_loss", "style": "style_loss", "total variation": "tv_loss"}
    rows: list[dict[str, Any]] = []
    for name, field in terms.items():
        values = [float(getattr(event, field)) for event in painted]
        largest = max(values) or 1.0
        rows += [
            {"step": event.step, "value": value / largest, "loss": name}
            for event, value in zip(painted, values, strict=True)
        ]
    return pd.DataFrame(rows)


def share_curves(events: Sequence[Event]) -> pd.DataFrame | None:
    """Columns step, value, share: style matched and content kept, in per cent; None before two."""
    painted = thin([event for event in events if isinstance(event, Painted)], MOST_POINTS // 3)
    if len(painted) < 2:
        return None
    shares = {"style matched": "style_matched", "content kept": "content_kept"}
    return pd.DataFrame(
        [
            {"step": event.step, "value": 100 * getattr(event, field), "share": name}
            for name, field in shares.items()
            for event in painted
        ]
    )


def details(events: Sequence[Event]) -> str:
    """The plan, and what became of it, as Markdown."""
    lines = [texts.PLAN.format(plan=event.plan) for event in events if isinstance(event, Planned)]
    for event in events:
        if isinstance(event, Pastiche) and event.steps:
            taken = ", ".join(
                f"{steps} at {size} px"
                for steps, size in zip(event.steps, event.sizes, strict=True)
            )
            lines.append(texts.STEPS_TAKEN.format(taken=taken))
    return "\n\n".join(lines)
