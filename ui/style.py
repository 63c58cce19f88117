"""The Style tab: a picture painted again in the manner of others, growing before one's eyes."""

import html
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.components.image_editor import EditorValue
from numpy.typing import NDArray

from gan_core.errors import BadPicture
from gan_core.settings import bounds_of
from gan_core.style.config import PRESETS, StyleConfig
from gan_core.style.recipe import read_recipe
from gan_core.style.sizes import resize
from gan_core.style.sources import read_picture
from ui import examples, texts
from ui.errors import friendly, friendly_stream
from ui.generate import GenerateTab
from ui.hub_field import HubField
from ui.hub_networks import HubNetworks, choices
from ui.painting import Asked, Stops, read_asked, read_brush, read_config
from ui.stage import REFINE, Stage, require_result

SHARED: dict[str, Any] = {"concurrency_id": "style", "concurrency_limit": 1}
_SHORTEST, _LONGEST = 5, 180  # seconds on the dial
_EDITED = 384  # pixels: longer side of the picture that is painted over to protect a part


class StyleTab:
    """The components of the tab, and the functions that fill them."""

    def __init__(self) -> None:
        self._stops = Stops()
        with gr.Row(elem_id="style-grid"):
            with gr.Column(elem_id="style-controls"):
                self._lay_out_pictures()
                self._lay_out_settings()
            with gr.Column(elem_id="stage"):
                self.stage = Stage()
        self.settings: list[Any] = [
            self.strength, self.seconds, self.size, self.colors, self.network, self.scale,
            self.weights, self.start, self.optimizer, self.preset, self.seed,
        ]  # fmt: skip
        self.inputs: list[Any] = [self.content, self.styles, self.editor, *self.settings]

    def _lay_out_pictures(self) -> None:
        contents, styles = examples.contents(), examples.styles()
        gr.HTML(f'<p class="caption">{texts.STYLE_CONTENT}</p>')
        self.content = gr.Image(
            str(contents[0]), label=texts.STYLE_CONTENT, show_label=False, height=140, buttons=[],
            sources=["upload", "clipboard"], elem_id="content", alt_text=texts.STYLE_CONTENT_ALT,
        )  # fmt: skip
        # The file is handed on as it is: Gradio would decode it before our door, and what cannot
        # be decoded would be a bare "Error".
        self.content.preprocess = lambda payload: payload and payload.path  # type: ignore
        self.content_examples = _strip(contents, "content-examples")
        gr.HTML(f'<p class="caption">{texts.STYLE_STYLES}</p>')
        self.styles = gr.Gallery(
            [str(styles[0])], label=texts.STYLE_STYLES, show_label=False, type="filepath",
            interactive=True, columns=3, height=140, object_fit="contain", elem_id="styles",
            buttons=[], allow_preview=False, file_types=["image"], format="png",
        )  # fmt: skip
        self.style_examples = _strip(styles, "style-examples")

    def _lay_out_settings(self) -> None:
        basic = StyleConfig()
        self.strength = gr.Slider(
            *bounds_of(StyleConfig, "strength"),
            basic.strength,
            step=1,
            label=texts.STRENGTH,
            elem_id="strength",
        )
        self.seconds = gr.Slider(
            _SHORTEST, _LONGEST, basic.seconds, step=1, label=texts.STYLE_TIME, elem_id="style-time"
        )
        self.button = gr.Button(texts.PAINT, variant="primary", elem_id="paint")
        with gr.Accordion(texts.PROTECT, open=False, elem_id="protect"):
            gr.Markdown(texts.PROTECT_INFO, elem_classes="quiet")
            self.editor = gr.ImageEditor(
                type="numpy", sources=(), transforms=(), layers=False, show_label=False,
                value=_editable(read_picture(examples.contents()[0])),
                brush=gr.Brush(default_size=30, colors=["#d03030"], color_mode="fixed"),
                buttons=[], elem_id="editor", height=320,
            )  # fmt: skip
        with gr.Accordion(texts.ADVANCED, open=False, elem_id="style-advanced"):
            self._lay_out_advanced(basic)

    def _lay_out_advanced(self, basic: StyleConfig) -> None:
        self.size = gr.Slider(
            *bounds_of(StyleConfig, "size"), basic.size, step=1, label=texts.SIZE,
            elem_id="style-size",
        )  # fmt: skip
        self.colors = gr.Radio(
            list(texts.COLORS_BEFORE_CHOICES), value=basic.colors, label=texts.COLORS_BEFORE
        )
        self.scale = gr.Slider(
            *bounds_of(StyleConfig, "style_scale"), basic.style_scale, step=0.05,
            label=texts.STYLE_SCALE,
            info=texts.STYLE_SCALE_INFO,
        )  # fmt: skip
        self.weights = gr.Textbox(
            "", label=texts.STYLE_WEIGHTS, info=texts.STYLE_WEIGHTS_INFO, elem_id="weights"
        )
        self.network = gr.Radio(
            choices(basic.network), value=basic.network, label=texts.NETWORK,
            info=texts.NETWORK_INFO, elem_id="feature-network",
        )  # fmt: skip
        self.hub = HubField(HubNetworks(), texts.NETWORK_HUB, "eyes")
        self.start = gr.Dropdown(
            list(texts.STYLE_STARTS), value=basic.start, label=texts.STYLE_START
        )
        self.optimizer = gr.Radio(
            list(texts.OPTIMIZERS), value=basic.optimizer, label=texts.OPTIMIZER
        )
        self.preset = gr.Dropdown(
            [texts.NO_PRESET, *((preset.about, name) for name, preset in PRESETS.items())],
            value="", label=texts.PRESET, info=texts.PRESET_INFO, elem_id="preset",
        )  # fmt: skip
        self.seed = gr.Number(basic.seed, label=texts.SEED, precision=0)

    def wire(self, tabs: gr.Tabs, generate: GenerateTab) -> None:
        """Connect everything."""
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        stage = self.stage
        running = {
            "outputs": stage.outputs, "scroll_to_output": True, **SHARED, **private,
            "show_progress": "minimal", "show_progress_on": stage.hint,  # the place in the line
        }  # fmt: skip
        for started in (
            self.button.click(self.paint, self.inputs, **running),
            stage.refine.click(self.refine, [*self.inputs, stage.result], **running),
        ):
            started.failure(stage.clear, None, stage.outputs, queue=False, **private)
        self.hub.wire().success(_choose, self.hub.came, self.network, queue=False, **private)
        stage.stop.click(self.ask_stop, None, stage.stop, queue=False, **private)
        stage.kept_colors.input(
            stage.recolor,
            [stage.kept_colors, stage.result],
            [stage.slider, stage.download],
            **private,
        )
        looked = self.content.change(
            self.look_at, [self.content, self.styles], [self.editor, *self.settings], **private
        )
        # A mask of the picture before must not protect a part of one that could not be read.
        looked.failure(lambda: None, None, self.editor, queue=False, **private)
        for strip, target, files in (
            (self.content_examples, self.content, examples.contents()),
            (self.style_examples, self.styles, examples.styles()),
        ):
            strip.select(_chooser(files, target), None, target, queue=False, **private)
        generate.paint.click(generate.as_content, generate.chosen, self.content, **private).success(
            lambda: gr.Tabs(selected="style"), None, tabs, queue=False, **private
        )

    @friendly_stream
    def paint(self, request: gr.Request, *inputs: Any) -> Iterator[list[Any]]:
        """Paint, and show it as it grows."""
        yield from self._play(self._read(list(inputs)), request)

    @friendly_stream
    def refine(self, request: gr.Request, *inputs: Any) -> Iterator[list[Any]]:
        """Go on from the picture on the stage."""
        result = require_result(inputs[-1])
        asked = self._read(list(inputs[:-1]))
        # Its own content, whatever was chosen meanwhile.
        content = replace(asked.content, pixels=result.content, start=result.painted)
        config = replace(asked.config, start="picture", seconds=REFINE, steps=())
        yield from self._play(replace(asked, config=config, content=content), request)

    def _play(self, asked: Asked, request: gr.Request) -> Iterator[list[Any]]:
        with self._stops.during(str(request.session_hash)) as going:
            yield from self.stage.play(asked, going)

    @friendly
    def ask_stop(self, request: gr.Request) -> Any:
        """Ask this visitor's run to end, and to keep what it has."""
        self._stops.press(str(request.session_hash))
        return gr.update(interactive=False)

    @friendly
    def look_at(self, path: str | None, chosen: list[Any] | None) -> list[Any]:
        """A new picture: show it for painting a mask; if it carries a recipe, take its settings."""
        nothing = [gr.skip()] * len(self.settings)
        if not path:
            return [None, *nothing]
        editor = _editable(read_picture(Path(path)))
        try:
            recipe = read_recipe(Path(path))
        except BadPicture:
            return [editor, *nothing]
        config, (name, styles) = recipe.config, recipe.named()
        weights = ", ".join(f"{weight:g}" for _, weight in styles)
        if len(styles) != len(chosen or []):  # they would not fit the styles on the page
            weights = ""
        restored = texts.RESTORED.format(content=name, styles=", ".join(of for of, _ in styles))
        gr.Info(html.escape(restored))  # strangers choose the names of files
        same = (name for name, each in PRESETS.items() if each.config.objective == config.objective)
        seconds = min(max(config.seconds, _SHORTEST), _LONGEST)
        return [
            editor, config.strength, seconds, config.size, config.colors, _choose(config.network),
            config.style_scale, weights if "," in weights else "",
            "content" if config.start == "picture" else config.start, config.optimizer,
            next(same, ""), config.seed,
        ]  # fmt: skip

    def _read(self, inputs: list[Any]) -> Asked:
        (
            content, styles, editor, strength, seconds, size, colors, network, scale, weights,
            start, optimizer, preset, seed,
        ) = inputs  # fmt: skip
        config = read_config(
            preset, seconds=seconds, size=size, strength=strength, style_scale=scale, seed=seed,
            colors=colors, network=network, start=start, optimizer=optimizer,
        )  # fmt: skip
        paths = [str(item[0]) for item in styles or []]
        return read_asked(config, content, paths, weights or "", read_brush(editor))


def _choose(network: str) -> Any:
    """Let a network be the chosen one; one of the Hub stands beside ours."""
    return gr.update(choices=choices(network), value=network)


def _strip(files: list[Path], name: str) -> gr.Gallery:
    """A row of small pictures to choose from."""
    return gr.Gallery(
        [str(file) for file in files], columns=len(files), show_label=False, allow_preview=False,
        interactive=False, buttons=[], height="auto", object_fit="cover", elem_id=name,
        elem_classes="strip",
    )  # fmt: skip


def _chooser(files: list[Path], target: Any) -> Callable[[gr.SelectData], Any]:
    """What a click on a strip puts in place."""

    def choose(event: gr.SelectData) -> Any:
        path = str(files[int(event.index)])
        return [path] if isinstance(target, gr.Gallery) else path

    return choose


def _editable(pixels: NDArray[np.uint8]) -> EditorValue:
    """A picture for the image editor, small: a mask needs no detail."""
    side = min(_EDITED, max(pixels.shape[:2]))
    scale = side / max(pixels.shape[:2])
    height, width = (max(1, round(each * scale)) for each in pixels.shape[:2])
    small = resize(pixels, width, height)
    return EditorValue(background=small, layers=[], composite=small)
