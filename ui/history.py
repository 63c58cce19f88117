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
from ui.mine import RECALL, Mine, Store
from ui.request import title
from ui.run_folder import ACTIVE, RunState, ended_at

Handler: TypeAlias = Callable[..., list[Any]]
MOST = 24  # rows
_THUMBNAIL = 2  # rows and columns of the preview's grid of four
# One listener for all rows. Deleting asks once: the button itself becomes the question.
_ON_LOAD = f"""element.addEventListener("click", (event) => {{
  const button = event.target.closest("button[data-run]");
  if (!button) return;
  if (button.dataset.order === "delete" && !button.dataset.sure) {{
    button.dataset.sure = "yes";
    button.textContent = "{texts.FORGET_YES}";
    return;
  }}
  trigger(button.dataset.order === "open" ? "select" : "delete", {{ run: button.dataset.run }});
}});"""


class History:
    """A folded list below the tab's other parts.

    It is drawn when it is unfolded, and when the run that is watched is another, or its state.
    """

    def __init__(self, runs: Runs, store: Store) -> None:
        self.runs, self.store = runs, store
        with gr.Accordion(texts.HISTORY, open=False, elem_id="history") as self.frame:
            self.rows = gr.HTML(js_on_load=_ON_LOAD, elem_id="past-runs")

    def wire(
        self, open_run: Handler, delete_run: Handler, inputs: list[Any], outputs: list[Any]
    ) -> None:
        """Say what a row's buttons do. Handlers take the values of `inputs`, and a run's id."""
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        for event in (self.frame.expand, self.store.stands.select):
            event(self.draw, self.store.mine, self.rows, queue=False, js=RECALL, **private)

        def about_it(handler: Handler) -> Handler:
            def handle(stored: object, seen: object, chosen: gr.EventData) -> list[Any]:
                return handler(stored, seen, chosen.run)

            return handle

        self.rows.select(about_it(open_run), inputs, outputs, js=RECALL, **private)
        self.rows.delete(about_it(delete_run), inputs, outputs, js=RECALL, **private).then(
            self.draw, self.store.mine, self.rows, js=RECALL, **private
        )

    @friendly
    def draw(self, stored: object) -> str:
        """A row for each run that is still here, as HTML."""
        kept = [run_id for run_id in Mine.from_browser(stored).runs if self.runs.exists(run_id)]
        rows = [
            row_html(self.runs.folder(run_id), self.runs.look(run_id))
            for run_id in kept[::-1][:MOST]
        ]
        return "".join(rows) or f'<p class="quiet">{texts.NO_HISTORY}</p>'


def row_html(folder: Path, run: RunState) -> str:
    """A run in one row: its newest preview, what it is, and how it went."""
    facts = [texts.HEADLINES[run.state]]
    if run.state == "queued" and run.ahead:
        facts.append(texts.PLACE.format(ahead=run.ahead))
    if best := kept_measurement(run.events):
        facts.append(texts.KID_KEPT.format(kid=view.figure(best.kid * 1000)))
    label = ""
    if run.settings is not None:
        label = title(run.settings)
        since = run.settings.asked if run.state in ACTIVE else ended_at(folder)
        facts.append(texts.AGO.format(time=view.duration(max(0.0, time.time() - since))))
    return (
        f'<div class="past-run">{_thumbnail(folder, run)}<div><b>{html.escape(label)}</b>'
        f"<p>{html.escape(' · '.join(facts))}</p></div>"
        f"{_button('open', texts.OPEN, run.id)}{_button('delete', texts.DELETE, run.id)}</div>"
    )


def _button(order: str, label: str, run_id: str) -> str:
    return f'<button type="button" data-order="{order}" data-run="{run_id}">{label}</button>'


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
