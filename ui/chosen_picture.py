"""One of the dropped pictures, whole: where it is cut, and whether it is used."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui import pictures_view as view
from ui import texts
from ui.pictures_view import Shown


class ChosenPicture:
    """Components beside each other, hidden until a picture is chosen."""

    def __init__(self) -> None:
        with gr.Row(visible=False, elem_id="chosen") as self.frame:
            self.picture = gr.Image(
                show_label=False, format="png", interactive=False, buttons=[], min_width=200,
                elem_id="chosen-picture", alt_text=texts.CHOSEN_ALT,
            )  # fmt: skip
            with gr.Column(min_width=200):
                self.title = gr.HTML(elem_id="chosen-name")
                self.position = gr.Slider(
                    0, 100, 50, step=1, label=texts.POSITION, elem_id="position", buttons=[]
                )
                self.toggle = gr.Button(texts.LEAVE_OUT, elem_id="toggle", size="sm")
        self.outputs: list[Any] = [
            self.frame, self.picture, self.title, self.position, self.toggle,
        ]  # fmt: skip

    def show(self, shown: Shown | None, place: int | None) -> list[Any]:
        """Values for `outputs`: the picture at a place of the sheet, or none."""
        if shown is None or place is None or place >= len(shown.report):
            return [gr.update(visible=False), *[gr.skip()] * (len(self.outputs) - 1)]
        entry, is_out = shown.sheet.entries[place], shown.report[place].verdict == "left out"
        position = 100 * shown.choices.position(place, entry)
        return [
            gr.update(visible=True),
            gr.update(value=view.framed(shown, place), visible=entry.strip is not None),
            view.title(shown, place),
            gr.update(value=round(position), visible=view.can_move(shown, [place])),
            gr.update(
                value=texts.USE_ANYWAY if is_out else texts.LEAVE_OUT,
                visible=entry.strip is not None,
            ),
        ]
