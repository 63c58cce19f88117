"""The pictures of a run: before and now, of the same latents, and every moment in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from gan_core.files import explain_disk_errors
from gan_core.pictures import encode_png, enlarge
from ui import run_texts as texts
from ui import view
from ui.cache import save_to_cache
from ui.errors import friendly
from ui.jobs import Runs
from ui.look import Look
from ui.mine import Mine, Store

_ENLARGED = 2  # a preview is a grid already


class Wall:
    """Before and now, large; and, folded, a slider through all previews."""

    def __init__(self, runs: Runs, store: Store) -> None:
        self.runs, self.mine = runs, store.mine
        with gr.Row(elem_id="grids"):
            self.before_side, self.before = _grid(texts.BEFORE, texts.BEFORE_ALT, "before")
            self.now_side, self.now = _grid(texts.AFTER, texts.AFTER_ALT, "now")
        with gr.Accordion(texts.LAPSE, open=False, visible=False, elem_id="lapse") as self.lapse:
            self.moment = gr.Slider(
                1, 2, 1, step=1, label=texts.FRAME, elem_id="moment", show_label=True, buttons=[]
            )
            self.caption = gr.HTML(elem_classes="caption", elem_id="frame-caption")
            self.frame = gr.Image(
                show_label=False, format="png", interactive=False, elem_id="frame",
                buttons=["download", "fullscreen"], alt_text=texts.FRAME_ALT,
            )  # fmt: skip
            with gr.Row():
                self.mp4, self.gif = (
                    gr.DownloadButton(
                        label, visible=False, size="sm", scale=0, min_width=140, elem_id=name
                    )
                    for label, name in ((texts.FILM_MP4, "mp4"), (texts.FILM_GIF, "gif"))
                )
        self.outputs: list[Any] = [
            self.before_side, self.before, self.now_side, self.now, self.lapse, self.moment,
        ]  # fmt: skip

    def wire(self) -> None:
        """Only the chosen preview is sent, never more than one at a time, and none while folded."""
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        chosen: dict[str, Any] = {
            "fn": self.show_moment, "inputs": [self.mine, self.moment],
            "outputs": [self.frame, self.caption], "queue": False, **private,
        }  # fmt: skip
        # Not "input": the slider of a run that trains follows the newest.
        self.moment.change(trigger_mode="always_last", **chosen)
        self.lapse.expand(**chosen)

    def show(self, look: Look) -> list[Any]:
        """Values for `outputs`; pictures only when they are others than before."""
        mark, count = look.mark, look.mark.frames
        moment = gr.skip()
        if look.is_new:
            moment = self.at_newest(look)
        elif look.moved("frames") and count > 1:
            moment = gr.update(maximum=count)
        frame: dict[str, Any] = {"open": False} if look.is_new else {}
        return [
            gr.update(visible=mark.before is not None),
            self._picture(look.folder, mark.before) if look.moved("before") else gr.skip(),
            gr.update(visible=mark.now is not None),
            self._picture(look.folder, mark.now) if look.moved("now") else gr.skip(),
            gr.update(visible=count > 1, **frame),
            moment,
        ]

    def at_newest(self, look: Look) -> Any:
        """The value for the slider that puts it at the newest preview."""
        count = look.mark.frames
        if count < 2 or not look.moved("frames"):
            return gr.skip()
        return gr.update(maximum=count, value=count)

    @friendly
    def show_moment(self, stored: object, moment: float) -> list[Any]:
        """One preview, by its number from 1 on, and when it was made."""
        run_id = Mine.from_browser(stored).run
        found = view.frames(self.runs.look(run_id))
        if not found:
            return [None, ""]
        chosen = found[min(len(found), max(1, int(moment or 1))) - 1]
        said = texts.FRAME_AT.format(shown=view.shown(chosen.kimg))
        picture = self._picture(self.runs.folder(run_id), chosen.file)
        return [picture, f'<p class="caption">{said}</p>']

    def _picture(self, folder: Path, file: str | None) -> str | None:
        """A preview that the run itself wrote, enlarged, as a file; None without one, or when it
        was just deleted. A file of ours: several who watch a run are sent the same one."""
        if file is None or not (folder / file).is_file():
            return None
        with Image.open(folder / file, formats=("PNG",)) as image:
            pixels = enlarge(np.array(image.convert("RGB")), _ENLARGED)
        with explain_disk_errors(Path(self.now.GRADIO_CACHE)):
            return save_to_cache(encode_png(pixels), "picture.png", self.now.GRADIO_CACHE)


def _grid(label: str, alt: str, name: str) -> tuple[gr.Column, gr.Image]:
    with gr.Column(visible=False, min_width=150) as side:
        gr.HTML(f'<p class="caption">{label}</p>')
        image = gr.Image(
            show_label=False, format="png", interactive=False, elem_id=name, min_width=150,
            buttons=["download", "fullscreen"], alt_text=alt,
        )  # fmt: skip
    return side, image
