"""The runs that this browser started, or opened by a link: newest first, to open or to delete."""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr
import numpy as np
from PIL import Image

from gan_core.gan.run import kept_measurement
from gan_core.pictures import encode_png
from ui import run_texts as texts
from ui import view
from ui.errors import friendly
from ui.jobs import Runs
from ui.mine import Mine, Store
from ui.run_folder import RunState

Handler: TypeAlias = Callable[..., list[Any]]
MOST = 24  # rows
_THUMBNAIL = 2  # rows and columns of the preview's grid of four


class History:
    """A folded list below the tab's other parts.

    It is drawn when it is unfolded, and when the run that is watched is another, or its state.
    """

    def __init__(self, runs: Runs, store: Store) -> None:
        self.runs = runs
        with gr.Accordion(texts.HISTORY, open=False, elem_id="history") as self.frame:
            gr.render(
                inputs=store.mine,
                triggers=[self.frame.expand, store.stands.change],
                show_progress="hidden",
            )(self.draw)

    def wire(
        self, open_run: Handler, delete_run: Handler, inputs: list[Any], outputs: list[Any]
    ) -> None:
        """Say what a row's buttons do. Handlers take the values of `inputs`, and a run's id."""
        self.open_run, self.delete_run = open_run, delete_run
        self.inputs, self.outputs = inputs, outputs

    @friendly
    def draw(self, stored: object) -> None:
        """Make a row for each run that is still here."""
        kept = [run_id for run_id in Mine.from_browser(stored).runs if self.runs.exists(run_id)]
        if not kept:
            gr.Markdown(texts.NO_HISTORY, elem_classes="quiet")
        for run_id in kept[::-1][:MOST]:
            self._draw_row(self.runs.look(run_id))

    def _draw_row(self, run: RunState) -> None:
        private: dict[str, Any] = {
            "api_visibility": "private", "show_progress": "hidden", "queue": False,
        }  # fmt: skip
        with gr.Row(elem_classes="past"):
            gr.HTML(row_html(self.runs.root / run.id, run))
            look = gr.Button(texts.OPEN, size="sm", scale=0, min_width=90)
            delete = gr.Button(texts.DELETE, size="sm", scale=0, min_width=90)
            sure = gr.Button(
                texts.FORGET_YES, size="sm", scale=0, min_width=90, variant="stop", visible=False
            )

        def about_it(handler: Handler) -> Handler:
            return lambda stored, seen: handler(stored, seen, run.id)

        look.click(about_it(self.open_run), self.inputs, self.outputs, **private)
        delete.click(
            lambda: [gr.update(visible=False), gr.update(visible=True)],
            None, [delete, sure], **private,
        )  # fmt: skip
        sure.click(about_it(self.delete_run), self.inputs, self.outputs, **private)


def row_html(folder: Path, run: RunState) -> str:
    """A run in one row: its newest preview, what it is, and how it went."""
    facts = [texts.HEADLINES[run.state]]
    if run.state == "queued" and run.ahead:
        facts.append(texts.PLACE.format(ahead=run.ahead))
    if best := kept_measurement(run.events):
        facts.append(texts.KID_KEPT.format(kid=view.figure(best.kid * 1000)))
    label = ""
    if run.settings is not None:
        label = run.settings.label
        facts.append(
            texts.AGO.format(time=view.duration(max(0.0, time.time() - run.settings.asked)))
        )
    return (
        f'<div class="past-run">{_thumbnail(folder, run)}<div><b>{html.escape(label)}</b>'
        f"<p>{html.escape(' · '.join(facts))}</p></div></div>"
    )


def _thumbnail(folder: Path, run: RunState) -> str:
    """A corner of the newest preview inside the page itself: a run's folder is not served."""
    before, now = view.previews(run)
    path = folder / (now or before or "none")
    if not path.is_file():
        return '<span class="no-thumbnail"></span>'
    with Image.open(path, formats=("PNG",)) as image:
        grid = np.array(image.convert("RGB"))
    side = len(grid) * _THUMBNAIL // 4
    png = encode_png(grid[:side, :side])
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
