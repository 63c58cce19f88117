"""What only some networks can do: all sizes of one latent, and the styles of two in one picture.

Both are above the wall, for its first picture or the chosen one; what a model cannot do is hidden.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from gan_core.settings import LAST_SEED
from ui import texts
from ui.errors import friendly, require
from ui.models import Models
from ui.recipe import Recipe, crossings, has_scales, make_mix, make_scales

_FINE_SEED = 1  # another than the one that the page begins with


class Inside:
    """The components, and the functions that fill them. Laid out where it is made."""

    def __init__(self, models: Models) -> None:
        self.models = models
        with gr.Column(visible=False, elem_id="scales-row") as self.scales_row:
            self.scales_said = gr.HTML()
            self.scales = _strip("all-scales", texts.ALL_SCALES_ALT)
        with gr.Column(visible=False, elem_id="mixing") as self.mixing:
            self.mix_said = gr.HTML()
            self.mixed = _strip("mixed", texts.MIXED_ALT)
            with gr.Row(elem_id="mixing-row"):
                self.fine = gr.Number(
                    _FINE_SEED, label=texts.FINE_SEED, precision=0, elem_id="fine-seed",
                    min_width=120, scale=0,
                )  # fmt: skip
                self.crossing = gr.Slider(
                    1, 2, 1, step=1, label=texts.CROSSING, info=texts.CROSSING_INFO,
                    elem_id="crossing", show_label=True, buttons=[],
                )  # fmt: skip
        self.outputs: list[Any] = [
            self.scales_row, self.scales_said, self.scales,
            self.mixing, self.mix_said, self.mixed, self.crossing,
        ]  # fmt: skip
        self.dials: list[Any] = [self.fine, self.crossing]

    def wire(self, recipe: gr.State, chosen: gr.State, shared: dict[str, Any]) -> None:
        """Let the dials mix anew, of the chosen picture or the wall's first."""
        gr.on(
            [self.fine.input, self.crossing.input], self.mix, [recipe, chosen, *self.dials],
            [self.mix_said, self.mixed], trigger_mode="always_last", show_progress="hidden",
            api_visibility="private", **shared,
        )  # fmt: skip

    def show(self, recipe: Recipe, index: int, fine: float | None, level: float) -> list[Any]:
        """Values for `outputs`. index: of the picture. Raises: BadWeights, BadRun, BadSetting."""
        snapshot = self.models.load(recipe.model)
        values: list[Any] = [gr.update(visible=False), gr.skip(), gr.skip()]
        if has_scales(snapshot):
            picture, sides = make_scales(self.models, recipe, index)
            said = texts.ALL_SCALES.format(sides=_listed(sides), index=index)
            values = [gr.update(visible=True), _caption(said), picture]
        sides = crossings(snapshot)
        if not sides:
            return [*values, gr.update(visible=False), *[gr.skip()] * 3]
        level = min(max(1, int(level)), len(sides))
        said, mixed = self._mix(recipe, index, fine, level)
        slider = gr.update(maximum=len(sides), value=level)
        return [*values, gr.update(visible=True), said, mixed, slider]

    @friendly
    def mix(
        self, recipe: Recipe | None, chosen: tuple[Recipe, int] | None, fine: float | None,
        level: float,
    ) -> list[Any]:  # fmt: skip
        """The mixed picture and what it is made of."""
        if recipe is None or not crossings(self.models.load(recipe.model)):
            return [gr.skip(), gr.skip()]
        return list(self._mix(*(chosen or (recipe, 0)), fine, level))

    def _mix(self, recipe: Recipe, index: int, fine: float | None, level: float) -> tuple[str, Any]:
        sides = crossings(self.models.load(recipe.model))
        seed = int(require(texts.FINE_SEED, fine, 0, LAST_SEED, whole=True))
        number = int(require(texts.CROSSING, level, 1, len(sides), whole=True))
        side = sides[number - 1]
        said = texts.MIXED.format(
            index=index, seed=recipe.seed, fine=seed, coarse=_listed([4, *sides[: number - 1]]),
            last=_listed(sides[number - 1 :]),
        )  # fmt: skip
        return _caption(said), make_mix(self.models, recipe, index, seed, side)


def _strip(name: str, alt: str) -> gr.Image:
    return gr.Image(
        format="png", show_label=False, interactive=False, buttons=["download"], container=False,
        elem_id=name, alt_text=alt,
    )  # fmt: skip


def _caption(text: str) -> str:
    return f'<p class="caption">{text}</p>'


def _listed(sides: list[int]) -> str:
    return ", ".join(map(str, sides))
