"""A field that takes a model from the Hugging Face Hub: what is typed, how far it is, what came.

What came stands in the pickers of this visitor; which they are, whoever wires it knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import gradio as gr

from gan_core.errors import AtelierError
from ui import texts
from ui.arrivals import Coming
from ui.errors import friendly_stream
from ui.under_way import LOOKS, note, warning

_LONGEST = 200  # characters of a name
# So many wait at the same time, visitors and programs.
WAITING: dict[str, Any] = {"concurrency_id": "hub", "concurrency_limit": 24}


class Source(Protocol):
    """Where it comes from."""

    def fetch(self, name: str) -> Coming:
        """Begin to fetch one, or wait for it with others. Raises: AtelierError."""
        ...

    def describe(self, name: str) -> str:
        """Say in a sentence or two what has come. Raises: AtelierError."""
        ...


class HubField:
    """The components, and the function that fills them. Laid out where it is made.

    of: begins their names on the page.
    """

    def __init__(self, source: Source, label: str = texts.HUB_MODEL, of: str = "hub") -> None:
        self.source = source
        with gr.Row(elem_id=f"{of}-row"):
            self.name = gr.Textbox(
                label=label, placeholder=texts.HUB_PLACEHOLDER, max_lines=1,
                max_length=_LONGEST, elem_id=f"{of}-name", min_width=80,
            )  # fmt: skip
            self.button = gr.Button(texts.HUB_FETCH, elem_id=f"{of}-fetch", scale=0)
        self.said = gr.HTML(elem_id=f"{of}-said")
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
            coming = self.source.fetch(name)
            while (came := coming.within(LOOKS)) is None:
                yield [note(say_coming(name, coming)), gr.skip()]
            yield [note(self.source.describe(came)), came]
        except AtelierError as error:
            yield [warning(str(error)), gr.skip()]
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
