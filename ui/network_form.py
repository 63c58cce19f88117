"""Which network a run trains, how large, from which start: the controls, and what they come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from gan_core.gan.config import NetworkConfig
from gan_core.gan.networks.families import FAMILIES
from gan_core.models import newer_models
from ui import texts
from ui.choice import Choice, explain, first_sides, fits, is_usual, settle, sizes_of, usual
from ui.errors import friendly
from ui.models import Models


class NetworkForm:
    """Size beside the time; the rest under Advanced; below Start's row, what the choice means."""

    def __init__(self, models: Models, start_from: gr.Dropdown) -> None:
        self.models, self.start_from = models, start_from
        # Laid out by what is here: a newer model is looked for when somebody opens the page.
        self.here = replace(models, newer=False)
        self.first = usual(self.here)

    def lay_out_size(self) -> None:
        """Lay out the dial for the size."""
        self.size = gr.Radio(
            sizes_of(self.first, self.here), value=self.first.resolution,
            label=texts.SIZE_OF_PICTURES, info=texts.SIZE_INFO, elem_id="size",
            min_width=300,
        )  # fmt: skip

    def lay_out_meaning(self) -> None:
        """Lay out what the choice means, and what it costs."""
        self.note = gr.HTML(explain(self.here, self.first), elem_id="choice")
        self.clock = gr.HTML(elem_id="clock")
        self.estimate = gr.Button(texts.ESTIMATE, size="sm", elem_id="estimate")

    def lay_out_kind(self) -> None:
        """Lay out the network and what can be chosen of it."""
        with gr.Row():
            self.kind = gr.Dropdown(
                [(f"{kind}: {family.about}", kind) for kind, family in FAMILIES.items()],
                value=self.first.kind, label=texts.NETWORK_KIND, elem_id="network", min_width=320,
                scale=2,
            )  # fmt: skip
            self.scales = gr.Radio(
                list(texts.SCALES_CHOICES), value=self.first.scales, label=texts.SCALES,
                elem_id="scales", visible=_has_scales(self.first.kind), min_width=200,
            )  # fmt: skip
            self.grow = gr.Dropdown(
                _shown_sides(self.first), value=0, label=texts.GROW_FROM,
                info=texts.GROW_FROM_INFO, elem_id="grow-from", min_width=200,
                visible=bool(first_sides(self.first)),
            )  # fmt: skip
        self.fields: list[Any] = [self.size, self.kind, self.scales, self.grow, self.start_from]

    def wire(self, demo: gr.Blocks, then: Callable[[Any], Any]) -> None:
        """Let each choice settle the others. then: connects what is to follow on an event."""
        quick: dict[str, Any] = {
            "api_visibility": "private", "show_progress": "hidden", "queue": False,
            # A second event of the same change may still bring a size that is no choice any more.
            "preprocess": False,
        }  # fmt: skip
        outputs = [*self.fields, self.note, self.clock]
        for event, moved in (
            (self.size.input, "resolution"),
            (self.kind.input, "kind"),
            (self.scales.input, "scales"),
            (self.grow.input, "grow_from"),
            (self.start_from.input, "start"),
        ):
            then(event(partial(self.follow, moved), self.fields, outputs, **quick))
        # The start may be taken away from outside: its run was deleted.
        then(self.start_from.change(self.mend, self.fields, outputs, **quick))
        if newer_models() is not None:  # the newer one may have another network
            then(demo.load(self.mend, self.fields, outputs, **quick))

    def follow(self, moved: str, *values: Any) -> list[Any]:
        """Values for the fields and the notes, after a visitor has chosen something."""
        return self._follow(moved, choice_of(*values))

    def announce(self, *values: Any) -> str:
        """What the clock shows while it measures; nothing for what is not timed."""
        return self._announced(choice_of(*values))

    def _announced(self, choice: Choice) -> str:
        is_timed = not is_usual(self.models, choice)
        return f'<p class="note">{texts.ESTIMATING}</p>' if is_timed else ""

    @friendly
    def mend(self, *values: Any) -> list[Any]:
        """The same after the start has changed by itself; nothing if all fits together."""
        choice = choice_of(*values)
        if fits(self.models, choice):
            return [gr.skip()] * (len(self.fields) + 2)
        return self._follow("start", choice)

    @friendly
    def _follow(self, moved: str, asked: Choice) -> list[Any]:
        choice, said = settle(self.models, asked, moved)
        has_scales = _has_scales(choice.kind)
        return [
            gr.update(choices=sizes_of(choice, self.models), value=choice.resolution),
            choice.kind,
            gr.update(value=choice.scales, visible=has_scales),
            gr.update(
                choices=_shown_sides(choice), value=choice.grow_from,
                visible=bool(first_sides(choice)),
            ),
            choice.start,
            explain(self.models, choice, said),
            self._announced(choice),
        ]  # fmt: skip


def choice_of(
    size: float | None, kind: str | None, scales: str | None, grow: float | None, start: str
) -> Choice:
    """The controls' values as a choice."""
    kind = kind or NetworkConfig.kind
    return Choice(kind, int(size or 0), scales or "one", start, int(grow or 0))


def _has_scales(kind: str) -> bool:
    return len(FAMILIES[kind].allowed()["scales"]) > 1


def _shown_sides(choice: Choice) -> list[tuple[str, int]]:
    sides = first_sides(choice) or [0]
    return [(f"{side} px" if side else texts.NO_GROWING, side) for side in sides]
