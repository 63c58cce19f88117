"""What came of a run: to use, to download, and whether it repeats what it was shown."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.processing_utils import save_file_to_cache

from gan_core.gan.run import kept_measurement, pack
from ui import run_texts as texts
from ui.look import Look
from ui.run_folder import PACKED_FILE, RunState

MANY_COPIES = 0.1  # of the made pictures; from there on there is a warning


class Result:
    """The buttons for what an ended run has made, and a word on memorisation above them."""

    def __init__(self) -> None:
        with gr.Column(visible=False, elem_id="result") as self.frame:
            self.memorised = gr.HTML(elem_id="memorised")
            with gr.Row():
                self.use = gr.Button(texts.USE, variant="primary", elem_id="use", min_width=150)
                self.download = gr.DownloadButton(
                    texts.DOWNLOAD_RUN, elem_id="download", min_width=150, size="lg"
                )
                self.again = gr.Button(texts.AGAIN, elem_id="again", min_width=150)
        self.outputs: list[Any] = [self.frame, self.memorised, self.use, self.download]

    def show(self, look: Look) -> list[Any]:
        """Values for `outputs`; the zip is made when the run has ended."""
        if not look.moved("state"):
            return [gr.skip()] * len(self.outputs)
        has_model = look.is_over and look.run.has_model
        return [
            gr.update(visible=look.is_over),
            gr.update(value=say_memorised(look.run) if has_model else "", visible=has_model),
            gr.update(visible=has_model),
            gr.update(value=self._packed(look) if has_model else None, visible=has_model),
        ]

    def _packed(self, look: Look) -> str:
        target = look.folder / PACKED_FILE
        if not target.exists():
            pack(look.folder, target)
        return str(save_file_to_cache(target, self.download.GRADIO_CACHE))


def say_memorised(run: RunState) -> str:
    """How many of the kept model's pictures look like copies, as HTML; "" if not measured."""
    kept = kept_measurement(run.events)
    if kept is None:
        return ""
    is_many = kept.memorised >= MANY_COPIES
    text = texts.MEMORISED_MANY if is_many else texts.MEMORISED_FEW
    return f'<p class="{"warning" if is_many else "note"}">{text.format(share=kept.memorised)}</p>'
