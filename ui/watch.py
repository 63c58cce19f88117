"""The Train tab, once a run was started: how it goes, Stop, and what to do with the result.

The run does not know of this page. The page looks at the run's folder once a second, and any page
of the same browser can do so, also after a reload.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.processing_utils import save_file_to_cache
from numpy.typing import NDArray
from PIL import Image

from gan_core.gan.package import pack
from gan_core.gan.train import SCRATCH
from gan_core.pictures import enlarge
from ui import texts, view
from ui.errors import friendly
from ui.generate import SHARED, GenerateTab
from ui.models import Models
from ui.run_folder import PACKED_FILE, RunState

# Fixed, so that what a browser keeps is still read after a restart. It guards nothing: the store
# is the visitor's own, and a run's id in it is checked like any other input.
_STORAGE_KEY, _STORAGE_SECRET = "gan-atelier-runs", "not-a-secret-only-a-constant"
_ENLARGED = 2  # a preview is a grid already
_G_COLOUR, _D_COLOUR = "#4c6c91", "#c07f4a"


@dataclass(frozen=True)
class Mine:
    """What a browser remembers: the run it watches ("" for none), and all runs it started."""

    run: str = ""
    runs: tuple[str, ...] = ()

    @classmethod
    def from_browser(cls, stored: object) -> Mine:
        """Read the browser's store, which may hold anything."""
        if not isinstance(stored, dict):
            return cls()
        runs = stored.get("runs")
        kept = tuple(str(run_id) for run_id in runs) if isinstance(runs, list) else ()
        return cls(str(stored.get("run") or ""), kept)

    def to_browser(self) -> dict[str, Any]:
        """Plain values for the browser's store."""
        return {"run": self.run, "runs": list(self.runs)}

    def with_run(self, run_id: str) -> Mine:
        """Watch a new run."""
        return Mine(run_id, (*self.runs, run_id))


class Store:
    """What works unseen: the browser's memory and the clock. Outside of all tabs, because what
    is in a tab does not live until the tab is opened.
    """

    def __init__(self) -> None:
        self.mine = gr.BrowserState(
            Mine().to_browser(), storage_key=_STORAGE_KEY, secret=_STORAGE_SECRET
        )
        self.timer = gr.Timer(1.0, active=False)
        self.seen = gr.State(None)


class Watch:
    """The components that show a run, and the functions that fill them."""

    def __init__(self, models: Models, generate: GenerateTab, store: Store) -> None:
        self.models, self.generate = models, generate
        self.mine, self.timer, self.seen = store.mine, store.timer, store.seen
        self.start_from = gr.Dropdown(
            self._starts([]), value=models.default() or SCRATCH, label=texts.START_FROM,
            render=False, elem_id="start-from",
        )  # fmt: skip
        self.setup = gr.Column(elem_id="setup")
        self._lay_out()
        self.outputs: list[Any] = [
            self.mine, self.seen, self.timer, self.setup, self.panel, self.status,
            self.before_side, self.before, self.now_side, self.now, self.plots, self.losses,
            self.scores, self.details, self.stop, self.after, self.use, self.download, self.more,
            self.forget, self.start_from, generate.model,
        ]  # fmt: skip

    def _lay_out(self) -> None:
        with gr.Column(visible=False, elem_id="run") as self.panel:
            self.status = gr.HTML(elem_id="status")
            with gr.Row():
                self.stop = gr.Button(texts.STOP, elem_id="stop", scale=0, min_width=180)
            with gr.Row(visible=False) as self.after:
                self.use = gr.Button(texts.USE, variant="primary", elem_id="use", min_width=150)
                self.download = gr.DownloadButton(
                    texts.DOWNLOAD_RUN, elem_id="download", min_width=150, size="lg"
                )
                self.more = gr.Button(texts.MORE_TIME, elem_id="more", min_width=150)
                self.again = gr.Button(texts.AGAIN, elem_id="again", min_width=150)
            with gr.Row(elem_id="grids"):
                self.before_side, self.before = _grid(texts.BEFORE, texts.BEFORE_ALT, "before")
                self.now_side, self.now = _grid(texts.AFTER, texts.AFTER_ALT, "now")
            with gr.Row(visible=False) as self.plots:
                self.losses = _plot(texts.LOSSES, "network", ("G", "D"), "losses")
                self.scores = _plot(texts.SCORES, "pictures", ("real", "made"), "scores")
            with gr.Accordion(texts.MORE, open=False):
                self.details = gr.Markdown(elem_classes="quiet", elem_id="details")
            self.forget = gr.Button(texts.FORGET, elem_id="forget", size="sm", visible=False)

    def wire(self, demo: gr.Blocks, tabs: gr.Tabs) -> None:
        """Connect buttons, clock and page opening; called once everything is laid out."""
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        demo.load(self.reattach, self.mine, self.outputs, **private)
        # Not queued: a full line of other work must not freeze the progress that people watch.
        self.timer.tick(self.poll, [self.mine, self.seen], self.outputs, queue=False, **private)
        self.stop.click(self.ask_stop, self.mine, self.outputs, **private)
        self.more.click(self.go_on, self.mine, self.outputs, **private)
        self.again.click(self.leave, self.mine, self.outputs, **private)
        self.forget.click(self.delete, self.mine, self.outputs, **private)
        generate = self.generate
        self.use.click(self.choose, self.mine, [tabs, generate.model], **private).then(
            generate.show, generate.inputs, generate.outputs,
            **SHARED, **private,
        )  # fmt: skip

    @friendly
    def reattach(self, stored: object) -> list[Any]:
        """Find the browser's run again when the page opens; forget those that are gone."""
        mine, runs = Mine.from_browser(stored), self.models.runs
        kept = tuple(run_id for run_id in mine.runs if runs.exists(run_id))
        shown = self.show(Mine(mine.run if runs.exists(mine.run) else "", kept))
        if kept != mine.runs:  # a picker may still stand on a run that is gone
            default = self.models.default()
            shown[-2]["value"], shown[-1]["value"] = default or SCRATCH, default
        return shown

    @friendly
    def poll(self, stored: object, seen: object) -> list[Any]:
        """Look again, and send only what has changed."""
        mine = Mine.from_browser(stored)
        if not self.models.runs.exists(mine.run):
            return self.reattach(stored)
        run = self.models.runs.look(mine.run)
        if seen == _mark(run):
            return [gr.skip()] * len(self.outputs)
        return self.show(mine, seen if isinstance(seen, tuple) else None)

    @friendly
    def ask_stop(self, stored: object) -> list[Any]:
        """Ask the run to end; it keeps what it has learnt."""
        mine = Mine.from_browser(stored)
        self.models.runs.stop(mine.run)
        return self.show(mine)

    @friendly
    def go_on(self, stored: object) -> list[Any]:
        """Train an ended run for as long again, from where it ended or, if need be, anew."""
        mine = Mine.from_browser(stored)
        self.models.runs.resume(mine.run)
        return self.show(mine)

    @friendly
    def leave(self, stored: object) -> list[Any]:
        """Go back to the pictures; the finished run stays in the list of models."""
        return self.show(Mine("", Mine.from_browser(stored).runs))

    @friendly
    def delete(self, stored: object) -> list[Any]:
        """Delete the run and its pictures now."""
        mine = Mine.from_browser(stored)
        self.models.runs.forget(mine.run)
        return self.reattach(stored)

    @friendly
    def choose(self, stored: object) -> list[Any]:
        """Open Generate with the run's model."""
        mine = Mine.from_browser(stored)
        choices = self.models.choices(list(mine.runs))
        return [gr.Tabs(selected="generate"), gr.update(choices=choices, value=mine.run)]

    def show(self, mine: Mine, seen: tuple[Any, ...] | None = None) -> list[Any]:
        """Values for `outputs`. `seen`: what the page shows already, and need not be sent again."""
        if not mine.run:
            nothing = [gr.skip()] * 15
            return [
                mine.to_browser(), None, gr.Timer(active=False), gr.update(visible=True),
                gr.update(visible=False), *nothing, *self._pickers(mine),
            ]  # fmt: skip
        folder = self.models.runs.folder(mine.run)
        run = self.models.runs.look(mine.run)
        shown = view.show_run(run)
        mark = _mark(run)
        before = seen if seen is not None else (None,) * len(mark)
        is_new, is_over = seen is None, not shown.is_active
        pickers = self._pickers(mine) if is_new or is_over else [gr.skip()] * 2
        packed = self._pack(folder) if is_over and run.has_model else None
        figures_moved = before[2] != mark[2]
        return [
            mine.to_browser() if is_new else gr.skip(),
            mark,
            gr.Timer(active=shown.is_active),
            gr.update(visible=False),
            gr.update(visible=True),
            shown.status,
            gr.update(visible=shown.before is not None),
            gr.update(value=_pixels(folder, shown.before))
            if is_new or before[3] is None
            else gr.skip(),
            gr.update(visible=shown.now is not None),
            gr.update(value=_pixels(folder, shown.now))
            if is_new or before[4] != shown.now
            else gr.skip(),
            gr.update(visible=shown.losses is not None),
            shown.losses if figures_moved else gr.skip(),
            shown.scores if figures_moved else gr.skip(),
            shown.details,
            gr.update(value=shown.stop_label, visible=shown.is_active, interactive=shown.can_stop),
            gr.update(visible=is_over),
            gr.update(visible=run.has_model),
            gr.update(value=packed, visible=packed is not None),
            gr.update(value=shown.more_label, visible=run.can_resume or run.can_restart),
            gr.update(visible=is_over),
            *pickers,
        ]

    def _pack(self, folder: Path) -> str:
        target = folder / PACKED_FILE
        if not target.exists():
            pack(folder, target)
        return str(save_file_to_cache(target, self.download.GRADIO_CACHE))

    def _pickers(self, mine: Mine) -> list[Any]:
        own = list(mine.runs)
        return [
            gr.update(choices=self._starts(own)),
            gr.update(choices=self.models.choices(own)),
        ]

    def _starts(self, own: list[str]) -> list[tuple[str, str]]:
        return [*self.models.choices(own), (texts.SCRATCH, SCRATCH)]


def _mark(run: RunState) -> tuple[Any, ...]:
    """What tells two looks at a run apart: state, place, figures, first and newest preview."""
    return (run.state, run.ahead, len(run.events), *view.previews(run))


def _pixels(folder: Path, file: str | None) -> NDArray[np.uint8] | None:
    """Read a preview that the run itself wrote."""
    if file is None:
        return None
    with Image.open(folder / file, formats=("PNG",)) as image:
        return enlarge(np.array(image.convert("RGB")), _ENLARGED)


def _grid(label: str, alt: str, name: str) -> tuple[gr.Column, gr.Image]:
    with gr.Column(visible=False, min_width=150) as side:
        gr.HTML(f'<p class="caption">{label}</p>')
        image = gr.Image(
            show_label=False, format="png", interactive=False, elem_id=name, min_width=150,
            buttons=["download", "fullscreen"], alt_text=alt,
        )  # fmt: skip
    return side, image


def _plot(title: str, colour: str, lines: tuple[str, str], name: str) -> gr.LinePlot:
    return gr.LinePlot(
        x="kimg", y="value", color=colour, label=title, height=280, elem_id=name, min_width=280,
        color_map=dict(zip(lines, (_G_COLOUR, _D_COLOUR), strict=True)),
        x_title=texts.THOUSANDS, y_title=" ", buttons=[],
    )  # fmt: skip
