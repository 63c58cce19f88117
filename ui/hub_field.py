"""The field that takes a model from the Hugging Face Hub: what is typed, how far it is, what came.

What came stands in the pickers of this visitor; which they are, `watch` knows.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from concurrent.futures import wait
from typing import Any

import gradio as gr

from gan_core.errors import AtelierError
from ui import texts
from ui.errors import friendly_stream
from ui.hub_models import Coming
from ui.models import Models

_LOOKS = 0.3  # seconds between two looks at how far it is
_LONGEST = 200  # characters of a name
# So many wait at the same time, visitors and programs.
WAITING: dict[str, Any] = {"concurrency_id": "hub", "concurrency_limit": 24}


class HubField:
    """The components, and the function that fills them. Laid out where it is made."""

    def __init__(self, models: Models) -> None:
        self.models = models
        with gr.Row(elem_id="hub-row"):
            self.name = gr.Textbox(
                label=texts.HUB_MODEL, placeholder=texts.HUB_PLACEHOLDER, max_lines=1,
                max_length=_LONGEST, elem_id="hub-name", min_width=80,
            )  # fmt: skip
            self.button = gr.Button(texts.HUB_FETCH, elem_id="hub-fetch", scale=0)
        self.said = gr.HTML(elem_id="hub-said")
        self.came = gr.State("")

    def wire(self) -> Any:
        """Connect field and button. Returns what happens, to go on from when a model has come."""
        return gr.on(
            [self.name.submit, self.button.click], self.fetch, self.name, [self.said, self.came],
            show_progress="hidden", api_visibility="private", **WAITING,
        )  # fmt: skip

    @friendly_stream
    def fetch(self, typed: str | None) -> Iterator[list[Any]]:
        """Values for `said` and `came`, as a model comes. What a visitor can mend is said there."""
        name = (typed or "").strip()
        try:
            coming = self.models.hub.fetch(name)
            while (came := _within(_LOOKS, coming)) is None:
                yield [_note(say_coming(name, coming)), gr.skip()]
            yield [_note(self.models.describe(came)), came]
        except AtelierError as error:
            yield [f'<p class="warning">{html.escape(str(error))}</p>', gr.skip()]
            # Said already, and in its place: this only keeps from happening what would follow.
            raise gr.Error(str(error), visible=False, print_exception=False) from error
        except Exception:
            yield ["", gr.skip()]
            raise


def say_coming(name: str, coming: Coming) -> str:
    """How far a model is, in words."""
    if not coming.total:
        return texts.HUB_ASKING.format(name=name)
    return texts.HUB_COMING.format(
        name=name,
        done=coming.done / 1e6,
        total=coming.total / 1e6,
        share=coming.done / coming.total,
    )


def _within(seconds: float, coming: Coming) -> str | None:
    """The name of what has come; None if it has not after so long. Raises what its fetching did."""
    wait([coming.outcome], seconds)
    return coming.outcome.result() if coming.outcome.done() else None


def _note(text: str) -> str:
    return f'<p class="note">{html.escape(text)}</p>'
