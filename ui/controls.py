"""What can be done with a run itself: pause, stop, go on, more time, delete."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui import run_texts as texts
from ui import view
from ui.look import Look
from ui.request import MOST_MINUTES, SHORTEST_MINUTES, USUAL_MINUTES


class Controls:
    """Few buttons on top; time and deletion further down, laid out when their place has come."""

    def __init__(self) -> None:
        with gr.Row(elem_id="controls-row") as self.row:
            self.pause = gr.Button(texts.PAUSE, elem_id="pause", scale=0, min_width=150)
            self.stop = gr.Button(texts.STOP, elem_id="stop", scale=0, min_width=150)
            self.go_on = gr.Button(
                texts.CONTINUE, elem_id="go-on", scale=0, min_width=150, variant="primary",
                visible=False,
            )  # fmt: skip
        self.outputs: list[Any] = [self.row, self.pause, self.stop, self.go_on]

    def lay_out_time(self) -> None:
        """Lay out the field and the button that give a run more minutes."""
        with gr.Row(visible=False, elem_id="time-row") as self.time:
            self.minutes = gr.Number(
                USUAL_MINUTES, label=texts.MORE_MINUTES, elem_id="minutes", minimum=None, step=1,
                scale=0, min_width=150,
                info=texts.MORE_MINUTES_INFO.format(low=SHORTEST_MINUTES, high=MOST_MINUTES),
            )  # fmt: skip
            self.more = gr.Button(texts.ADD_TIME, elem_id="more", scale=0, min_width=180)
        self.outputs += [self.time, self.minutes, self.more]

    def lay_out_deletion(self) -> None:
        """Lay out the button that deletes, and the question it asks first."""
        self.forget = gr.Button(texts.FORGET, elem_id="forget", size="sm")
        with gr.Row(visible=False, elem_id="forget-row") as self.question:
            gr.Markdown(texts.FORGET_ASK)
            self.delete = gr.Button(
                texts.FORGET_YES, variant="stop", size="sm", scale=0, min_width=150,
                elem_id="delete",
            )  # fmt: skip
            self.keep = gr.Button(
                texts.FORGET_NO, size="sm", scale=0, min_width=120, elem_id="keep"
            )
        self.outputs += [self.forget, self.question]

    def wire(self) -> None:
        """Connect what asks before it deletes."""
        private: dict[str, Any] = {
            "api_visibility": "private", "show_progress": "hidden", "queue": False,
        }  # fmt: skip
        for button, is_asking in ((self.forget, True), (self.keep, False)):
            button.click(
                lambda is_asking=is_asking: _ask(is_asking), None,
                [self.forget, self.question], **private,
            )  # fmt: skip

    def show(self, look: Look) -> list[Any]:
        """Values for `outputs`."""
        if not look.moved("state", "ahead"):
            return [gr.skip()] * len(self.outputs)
        run, can_end = look.run, look.can_end
        stop = texts.LEAVE_QUEUE if run.state == "queued" and run.ahead else texts.STOP
        label = view.go_on_label(run)
        can_have_more = run.state in ("starting", "running") or (run.can_resume and not label)
        minutes: Any = gr.skip()
        if look.is_new and run.settings is not None:
            minutes = gr.update(value=run.settings.minutes)
        return [
            gr.update(visible=can_end or bool(label)),
            gr.update(visible=run.state in ("starting", "running")),
            gr.update(value=stop, visible=can_end),
            gr.update(value=label or texts.CONTINUE, visible=bool(label)),
            gr.update(visible=can_have_more),
            minutes,
            texts.TRAIN_ON if look.is_over else texts.ADD_TIME,
            *(_ask(False) if look.is_new else [gr.skip()] * 2),
        ]


def _ask(is_asking: bool) -> list[Any]:
    return [gr.update(visible=not is_asking), gr.update(visible=is_asking)]
