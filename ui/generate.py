"""The Generate tab: pictures from seeds, and one of them kept with its latent."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from gan_core.files import explain_disk_errors
from gan_core.pictures import encode_png, enlarge
from gan_core.style.sizes import resize
from ui import texts
from ui.cache import save_to_cache
from ui.errors import friendly
from ui.hub_field import HubField
from ui.inside import Inside
from ui.models import Models
from ui.nearest import nearest_of
from ui.recipe import (
    MOST_PICTURES,
    Recipe,
    check_recipe,
    keep,
    make_pictures,
    make_wall,
    picture_text,
)

_PAIR_ENLARGED = 2
_SMOOTH_SIDE = 512  # pixels, of a picture that is to be painted in a style
Make: TypeAlias = Callable[[Models, Recipe], NDArray[np.uint8]]
SHARED: dict[str, Any] = {"concurrency_id": "generate", "concurrency_limit": 2}


def picture_files(models: Models, recipe: Recipe, folder: str, make: Make = make_wall) -> list[str]:
    """Write pictures that carry their recipe to Gradio's `folder`, and give their paths.

    Left to Gradio, a full disk would be an error that nobody explains. Raises: DiskFull.
    """
    with explain_disk_errors(Path(folder)):
        return [
            save_to_cache(
                encode_png(pixels, picture_text(models, recipe, index)), f"{index:02d}.png", folder
            )
            for index, pixels in enumerate(make(models, recipe))
        ]


def _throw_dice() -> int:
    return secrets.randbelow(1_000_000)


class GenerateTab:
    """The components of the tab, and the functions that fill them."""

    def __init__(self, models: Models) -> None:
        self.models = models
        with gr.Row(elem_id="generate-grid"):
            self._lay_out_controls()
            self._lay_out_kept()
            with gr.Column(elem_id="wall"):
                self.inside = Inside(models)
                self.gallery = gr.Gallery(
                    format="png", columns=4, allow_preview=False, show_label=False, buttons=[],
                    interactive=False, object_fit="contain", elem_id="gallery", height="auto",
                )  # fmt: skip
        self.recipe, self.chosen = gr.State(None), gr.State(None)
        self.inputs: list[Any] = [
            self.model, self.count, self.seed, self.truncation, *self.inside.dials,
        ]  # fmt: skip
        self.kept: list[Any] = [
            self.hint, self.picked, self.png, self.latent, self.paint, self.nearest, self.beside,
            self.chosen,
        ]  # fmt: skip
        self.outputs: list[Any] = [
            self.gallery, self.recipe, *self.kept, *self.inside.outputs,
        ]  # fmt: skip

    def _lay_out_controls(self) -> None:
        models = self.models
        with gr.Column(elem_id="controls"):
            self.model = gr.Dropdown(
                models.choices([]), value=models.default(), label=texts.MODEL, elem_id="model"
            )
            self.hub = HubField(models)
            self.count = gr.Slider(1, MOST_PICTURES, 16, step=1, label=texts.COUNT, elem_id="count")
            with gr.Row(elem_id="seed-row"):
                self.seed = gr.Number(0, label=texts.SEED, elem_id="seed", min_width=80)
                self.dice = gr.Button(texts.DICE, elem_id="dice", scale=0)
            self.truncation = gr.Slider(
                0, 1, 1, step=0.05, label=texts.TRUNCATION, info=texts.TRUNCATION_INFO
            )
            self.button = gr.Button(texts.GENERATE, variant="primary", elem_id="generate")

    def _lay_out_kept(self) -> None:
        with gr.Column(elem_id="kept"):
            self.hint = gr.Markdown(texts.PICK_HINT, elem_classes="quiet", elem_id="picked")
            self.picked = gr.Image(
                visible=False, format="png", show_label=False, interactive=False, buttons=[],
                container=False, elem_id="picked-picture", alt_text=texts.PICKED_ALT,
            )  # fmt: skip
            with gr.Row():
                self.png, self.latent = (
                    gr.DownloadButton(label, visible=False, size="sm", elem_id=name, min_width=110)
                    for label, name in (
                        (texts.DOWNLOAD_PICTURE, "png"),
                        (texts.DOWNLOAD_LATENT, "latent"),
                    )
                )

            self.paint = gr.Button(texts.PAINT_IT, visible=False, size="sm", elem_id="paint-it")
            self.nearest = gr.Button(texts.NEAREST, visible=False, size="sm", elem_id="nearest")
            with gr.Column(visible=False, elem_id="beside") as self.beside:
                self.pair = gr.Image(
                    format="png", show_label=False, interactive=False, buttons=[],
                    container=False, elem_id="pair", alt_text=texts.NEAREST_ALT,
                )  # fmt: skip
                self.how_near = gr.Markdown(elem_classes="quiet", elem_id="how-near")

    def wire(self, demo: gr.Blocks) -> None:
        """Connect the controls and the page's opening."""
        private: dict[str, Any] = {"api_visibility": "private", **SHARED}
        showing: dict[str, Any] = {
            "inputs": self.inputs, "outputs": self.outputs,
            "show_progress": "minimal", "show_progress_on": self.gallery, **private,
        }  # fmt: skip
        gr.on([self.button.click, self.model.input, self.seed.submit], self.show, **showing)
        # What was said of another model does not stay beside this one.
        self.model.input(
            lambda: "", None, self.hub.said, queue=False, show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip
        demo.load(self.open, **showing)
        rolled = self.dice.click(
            _throw_dice, None, self.seed, queue=False, api_visibility="private"
        )
        rolled.then(self.show, **showing)
        self.gallery.select(
            self.pick, [self.recipe, *self.inside.dials], [*self.kept, *self.inside.outputs],
            show_progress="hidden", **private,
        )  # fmt: skip
        self.inside.wire(self.recipe, self.chosen, SHARED)
        self.nearest.click(
            self.show_nearest, self.chosen, [self.beside, self.pair, self.how_near],
            show_progress="minimal", **private,
        )  # fmt: skip

    @friendly
    def show(
        self, model: str, count: float, seed: float, truncation: float, fine: float, level: float
    ) -> list[Any]:
        """Fill the wall; what was chosen before is put away."""
        return self._fill(make_wall, check_recipe(model, count, seed, truncation), fine, level)

    @friendly
    def open(
        self, model: str, count: float, seed: float, truncation: float, fine: float, level: float
    ) -> list[Any]:
        """The same as the page opens: who only looks in is not charged for a GPU."""
        return self._fill(make_pictures, check_recipe(model, count, seed, truncation), fine, level)

    def _fill(self, make: Make, wanted: Recipe, fine: float, level: float) -> list[Any]:
        hidden = [gr.update(visible=False)] * 6
        return [
            picture_files(self.models, wanted, self.gallery.GRADIO_CACHE, make),
            wanted,
            texts.PICK_HINT,
            *hidden,
            None,
            *self.inside.show(wanted, 0, fine, level),
        ]

    @friendly
    def pick(
        self, shown: Recipe | None, fine: float, level: float, event: gr.SelectData
    ) -> list[Any]:
        """Show one picture of the wall, and offer it and its latent as files."""
        if shown is None:
            return [gr.skip()] * len([*self.kept, *self.inside.outputs])
        index = int(event.index)
        buttons = (self.png, self.latent)
        made = keep(self.models, shown, index)
        with explain_disk_errors(Path(self.png.GRADIO_CACHE)):
            files = [
                save_to_cache(data, name, button.GRADIO_CACHE)
                for button, (name, data) in zip(buttons, made, strict=True)
            ]
        told = texts.PICKED.format(
            index=index,
            seed=shown.seed,
            model=self.models.title(shown.model or ""),
            truncation=shown.truncation,
        )
        shown_files = [gr.update(value=file, visible=True) for file in (files[0], *files)]
        is_own = self.models.learned_from(shown.model) is not None
        return [
            told,
            *shown_files,
            gr.update(visible=True),
            gr.update(visible=is_own),
            gr.update(visible=False),
            (shown, index),
            *self.inside.show(shown, index, fine, level),
        ]

    @friendly
    def show_nearest(self, chosen: tuple[Recipe, int] | None) -> list[Any]:
        """Show the chosen picture beside the nearest of those that its model learned from."""
        folder = self.models.learned_from(chosen[0].model) if chosen is not None else None
        if chosen is None or folder is None:
            return [gr.update(visible=False), gr.skip(), gr.skip()]
        (pair,) = nearest_of(folder, self._as_made(*chosen)[None])
        return [
            gr.update(visible=True),
            enlarge(pair.side_by_side, _PAIR_ENLARGED),
            texts.NEAREST_SAID.format(how=pair.sentence),
        ]

    def _as_made(self, recipe: Recipe, index: int) -> NDArray[np.uint8]:
        """One picture of a recipe at the model's own size, uint8 [S, S, 3]."""
        pixels = make_pictures(self.models, recipe, index, 1)[0]
        factor = len(pixels) // self.models.load(recipe.model).network.resolution
        small: NDArray[np.uint8] = pixels[::factor, ::factor]
        return small

    @friendly
    def as_content(self, chosen: tuple[Recipe, int] | None) -> str | None:
        """The chosen picture enlarged smoothly, as a file: squares would be painted as squares."""
        if chosen is None:
            return None
        recipe, index = chosen
        smooth = resize(self._as_made(recipe, index), _SMOOTH_SIDE, _SMOOTH_SIDE)
        png = encode_png(smooth, picture_text(self.models, recipe, index))
        name = f"seed-{recipe.seed}-{index}.png"
        with explain_disk_errors(Path(self.png.GRADIO_CACHE)):
            return str(save_to_cache(png, name, self.png.GRADIO_CACHE))
