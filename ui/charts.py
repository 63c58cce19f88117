"""A run's curves: losses, D's scores, distance and variety, as tables and as plots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import gradio as gr
import pandas as pd

from gan_core.events import Event, Measured, Progress
from ui import run_texts as texts
from ui.look import Look
from ui.view import MOST_POINTS, thin

Lines: TypeAlias = Mapping[str, tuple[str, float]]  # name -> attribute of the event, factor
_G, _D, _PALE = "#4c6c91", "#c07f4a", "#93a7c0"
LOSSES: Lines = {"G": ("loss_G", 1), "D": ("loss_D", 1)}
SCORES: Lines = {"real": ("score_real", 1), "made": ("score_fake", 1)}
KIDS: Lines = {"KID": ("kid", 1000), "low": ("kid_low", 1000), "high": ("kid_high", 1000)}
VARIETY: Lines = {"variety": ("diversity", 1), "covered": ("coverage", 1)}
_SPACED = " ^7~g"  # spaces around a number: of labels that would touch, some are left out then
_Kind = TypeVar("_Kind", Progress, Measured)


def table(events: Sequence[_Kind], lines: Lines) -> pd.DataFrame | None:
    """Long table of at most MOST_POINTS rows: kimg, value, and which line it belongs to.

    None without any: the plot takes its lines and their kind from the first table it is given.
    """
    if not events:
        return None
    rows = [
        (event.kimg, getattr(event, attribute) * factor, line)
        for event in thin(events, MOST_POINTS // len(lines))
        for line, (attribute, factor) in lines.items()
    ]
    return pd.DataFrame(rows, columns=["kimg", "value", "line"])


def of_kind(events: Sequence[Event], kind: type[_Kind]) -> list[_Kind]:
    """The events of one kind, in order."""
    return [event for event in events if isinstance(event, kind)]


def makes_a_line(events: Sequence[Progress | Measured]) -> bool:
    """Whether they lie at more than one place: a plot of one would stay blank."""
    return len({event.kimg for event in events}) > 1


class Charts:
    """Four quiet plots. The lower two appear when a second moment was measured."""

    def __init__(self) -> None:
        with gr.Accordion(texts.CHARTS, open=True, visible=False, elem_id="charts") as self.frame:
            with gr.Row():
                losses = _plot(texts.LOSSES, (_G, _D), LOSSES, "losses")
                scores = _plot(texts.SCORES, (_G, _D), SCORES, "scores")
            with gr.Row(visible=False) as self.measured:
                kids = _plot(texts.KIDS, (_G, _PALE, _PALE), KIDS, "kids")
                variety = _plot(texts.VARIETY, (_G, _D), VARIETY, "variety")
        self.outputs: list[Any] = [self.frame, losses, scores, self.measured, kids, variety]

    def show(self, look: Look) -> list[Any]:
        """Values for `outputs`; the tables only when there are new figures."""
        events = look.run.events

        def send(name: str, make: Callable[[], pd.DataFrame | None]) -> Any:
            return gr.update(value=make()) if look.moved(name) else gr.skip()

        progress, measured = of_kind(events, Progress), of_kind(events, Measured)
        return [
            gr.update(visible=makes_a_line(progress)),
            send("events", lambda: table(progress, LOSSES)),
            send("events", lambda: table(progress, SCORES)),
            gr.update(visible=makes_a_line(measured)),
            send("measured", lambda: table(measured, KIDS)),
            send("measured", lambda: table(measured, VARIETY)),
        ]


def _plot(title: str, colours: Sequence[str], lines: Lines, name: str) -> gr.LinePlot:
    return gr.LinePlot(
        x="kimg", y="value", color="line", label=title, height=240, elem_id=name, min_width=280,
        elem_classes="curve", color_map=dict(zip(lines, colours, strict=True)), color_title=" ",
        x_title=texts.THOUSANDS, y_title=" ", buttons=[], x_axis_format=_SPACED,
    )  # fmt: skip
