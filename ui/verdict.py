"""What the run doctor says, one button that does what it advises, and the autopilot."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from gan_core.gan.doctor import last_diagnosis
from ui import run_texts as texts
from ui.look import Look
from ui.run_log import say_change, say_state
from ui.settings_form import from_json, settings_now

SETTLED = "settled"  # more time would change little: what is offered is to stop
TOO_EARLY = "learning"  # nothing can be said yet, and once a run has ended, nothing was said


class Verdict:
    """A calm line with state, evidence and advice."""

    def __init__(self) -> None:
        with gr.Column(visible=False, elem_id="doctor") as self.frame:
            self.words = gr.HTML(elem_id="verdict")
            with gr.Row():
                self.do = gr.Button(
                    texts.DO_THIS, elem_id="do-this", scale=0, min_width=220, size="sm"
                )
                self.end = gr.Button(texts.STOP, elem_id="end", scale=0, min_width=180, size="sm")
                self.autopilot = gr.Checkbox(
                    False, label=texts.AUTOPILOT, info=texts.AUTOPILOT_INFO, elem_id="autopilot",
                    min_width=240, container=False,
                )  # fmt: skip
        self.outputs: list[Any] = [self.frame, self.words, self.do, self.end, self.autopilot]

    def show(self, look: Look) -> list[Any]:
        """Values for `outputs`; nothing while nothing changes."""
        if not look.moved("state", "verdicts", "adjusted"):
            return [gr.skip()] * len(self.outputs)
        found, now = last_diagnosis(look.run.events), settings_now(look.folder, look.run)
        if found is not None and look.is_over and found.state == TOO_EARLY:
            found = None
        change = remedy(look)
        is_settled = found is not None and found.state == SETTLED and look.can_end
        words = ""
        if found is not None:
            words = (
                f'<p class="verdict"><b>{html.escape(say_state(found))}.</b>'
                f" {html.escape(found.evidence)} {html.escape(found.advice)}</p>"
            )
        return [
            gr.update(visible=found is not None or look.run.state in ("starting", "running")),
            gr.update(value=words, visible=bool(words)),
            gr.update(
                value=texts.DO_THIS.format(what=say_change({}, change)), visible=bool(change)
            ),
            gr.update(visible=is_settled),
            gr.update(value=now is not None and now.autopilot, visible=look.can_end),
        ]


def remedy(look: Look) -> dict[str, Any]:
    """What the button turns: the advised change, as far as nobody does it; {} for none."""
    found, now = last_diagnosis(look.run.events), settings_now(look.folder, look.run)
    if found is None or now is None or now.autopilot or not look.can_end:
        return {}
    change = from_json(found.change)
    return {name: value for name, value in change.items() if getattr(now, name, value) != value}
