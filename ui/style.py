"""The Style tab: a picture painted again in the manner of others, growing before one's eyes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.components.image_editor import EditorValue
from numpy.typing import NDArray

from gan_core.errors import BadPicture
from gan_core.events import Event, Painted
from gan_core.style.config import PRESETS, StyleConfig
from gan_core.style.recipe import read_recipe
from gan_core.style.sizes import fit, resize
from gan_core.style.sources import read_picture
from ui import examples, style_view, texts
from ui.errors import friendly, friendly_stream
from ui.generate import GenerateTab
from ui.painting import Asked, Result, Stops, paint, read_asked, read_brush, read_config, save

_SHARED: dict[str, Any] = {"concurrency_id": "style", "concurrency_limit": 1}
_EDITED = 384  # pixels: longer side of the picture that is painted over to protect a part
_REFINE = 15.0  # seconds
_COLOURS = {"content": "#4c6c91", "style": "#c07f4a", "total variation": "#8a8a8a"}


class StyleTab:
    """The components of the tab, and the functions that fill them."""

    def __init__(self) -> None:
        self._stops = Stops()
        with gr.Row(elem_id="style-grid"):
            with gr.Column(elem_id="style-controls"):
                self._lay_out_pictures()
                self._lay_out_settings()
            with gr.Column(elem_id="stage"):
                self._lay_out_stage()
        self.result = gr.State(None)
        self.inputs: list[Any] = [
            self.content, self.styles, self.strength, self.seconds, self.size, self.colors,
            self.network, self.scale, self.weights, self.start, self.optimizer, self.preset,
            self.seed, self.editor,
        ]  # fmt: skip
        self.outputs: list[Any] = [
            self.hint, self.status, self.stop, self.live, self.slider, self.after, self.kept_colors,
            self.download, self.curves, self.losses, self.shares, self.details, self.result,
        ]  # fmt: skip

    def _lay_out_pictures(self) -> None:
        contents, styles = examples.contents(), examples.styles()
        gr.HTML(f'<p class="caption">{texts.STYLE_CONTENT}</p>')
        self.content = gr.Image(
            str(contents[0]), label=texts.STYLE_CONTENT, show_label=False, height=170, buttons=[],
            sources=["upload", "clipboard"], elem_id="content", alt_text=texts.STYLE_CONTENT_ALT,
        )  # fmt: skip
        # The file is handed on as it is: Gradio would decode it before our door, and what cannot
        # be decoded would be a bare "Error".
        self.content.preprocess = lambda payload: payload and payload.path  # type: ignore
        self.content_examples = _strip(contents, "content-examples")
        gr.HTML(f'<p class="caption">{texts.STYLE_STYLES}</p>')
        self.styles = gr.Gallery(
            [str(styles[0])], label=texts.STYLE_STYLES, show_label=False, type="filepath",
            interactive=True, columns=3, height=170, object_fit="contain", elem_id="styles",
            buttons=[], allow_preview=False, file_types=["image"], format="png",
        )  # fmt: skip
        self.style_examples = _strip(styles, "style-examples")

    def _lay_out_settings(self) -> None:
        basic = StyleConfig()
        self.strength = gr.Slider(
            0, 100, basic.strength, step=1, label=texts.STRENGTH, elem_id="strength"
        )
        self.seconds = gr.Radio(
            list(texts.STYLE_TIMES), value=20, label=texts.STYLE_TIME, elem_id="style-time"
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
        self.size = gr.Radio([256, 384, 512, 768, 1024], value=basic.size, label=texts.SIZE)
        self.colors = gr.Radio(
            list(texts.COLORS_BEFORE_CHOICES), value=basic.colors, label=texts.COLORS_BEFORE
        )
        self.scale = gr.Slider(
            0.25, 4, basic.style_scale, step=0.05, label=texts.STYLE_SCALE,
            info=texts.STYLE_SCALE_INFO,
        )  # fmt: skip
        self.weights = gr.Textbox(
            "", label=texts.STYLE_WEIGHTS, info=texts.STYLE_WEIGHTS_INFO, elem_id="weights"
        )
        self.network = gr.Radio(
            list(texts.NETWORKS), value=basic.network, label=texts.NETWORK, info=texts.NETWORK_INFO
        )
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

    def _lay_out_stage(self) -> None:
        self.hint = gr.Markdown(texts.STYLE_HINT, elem_classes="quiet", elem_id="style-hint")
        self.status = gr.HTML(visible=False, elem_id="style-status")
        self.stop = gr.Button(texts.STYLE_STOP, visible=False, elem_id="style-stop")
        self.live = gr.Image(
            visible=False, show_label=False, interactive=False, format="jpeg", buttons=[],
            elem_id="live", alt_text=texts.STAGE_ALT,
        )  # fmt: skip
        self.slider = gr.ImageSlider(
            visible=False, label=texts.BEFORE_AFTER, show_label=False, format="png",
            interactive=False, elem_id="before-after", slider_position=50, buttons=["fullscreen"],
        )  # fmt: skip
        with gr.Row(visible=False, elem_id="style-after") as self.after:
            self.kept_colors = gr.Radio(
                list(texts.COLOR_CHOICES), value="style", label=texts.COLORS, elem_id="colors",
                min_width=200,
            )  # fmt: skip
            self.download = gr.DownloadButton(
                texts.STYLE_DOWNLOAD, variant="primary", elem_id="style-download", min_width=150
            )
            self.refine = gr.Button(
                texts.REFINE.format(seconds=_REFINE), elem_id="refine", min_width=150
            )
        with gr.Accordion(texts.CURVES, open=False, visible=False, elem_id="curves") as self.curves:
            self.losses = _plot(texts.STYLE_LOSSES, "loss", _COLOURS, "style-losses")
            colours = dict(zip(("style matched", "content kept"), _COLOURS.values(), strict=False))
            self.shares = _plot(texts.STYLE_SHARES, "share", colours, "style-shares")
            self.details = gr.Markdown(elem_classes="quiet")

    def wire(self, tabs: gr.Tabs, generate: GenerateTab) -> None:
        """Connect everything; declare the endpoint `stylize`."""
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        running = {"outputs": self.outputs, "scroll_to_output": True, **private, **_SHARED}
        self.button.click(self.paint, self.inputs, **running)
        self.refine.click(self.refine_it, [*self.inputs, self.result], **running)
        self.stop.click(self.ask_stop, None, self.stop, queue=False, **private)
        self.kept_colors.input(
            self.recolor, [self.kept_colors, self.result], [self.slider, self.download], **private
        )
        restored = [self.editor, self.strength, self.seconds, self.size, self.scale, self.seed]
        self.content.change(self.look_at, self.content, restored, **private)
        for strip, target, files in (
            (self.content_examples, self.content, examples.contents()),
            (self.style_examples, self.styles, examples.styles()),
        ):
            strip.select(_chooser(files, target), None, target, queue=False, **private)
        generate.paint.click(generate.as_content, generate.chosen, self.content, **private).success(
            lambda: gr.Tabs(selected="style"), None, tabs, queue=False, **private
        )
        self._declare_endpoint()

    def _declare_endpoint(self) -> None:
        files = [
            gr.File(label=texts.STYLE_CONTENT, visible=False),
            gr.File(label=texts.STYLE_STYLES, file_count="multiple", visible=False),
        ]
        numbers = [
            gr.Number(value, label=label, visible=False)
            for label, value in (
                (texts.STYLE_TIME, 20), (texts.SIZE, 512), (texts.STRENGTH, 50), (texts.SEED, 0)
            )
        ]  # fmt: skip
        words = [
            gr.Textbox(value, label=label, visible=False)
            for label, value in ((texts.NETWORK, "stylenet"), (texts.COLORS, "style"))
        ]
        picture = gr.File(label=texts.STYLE_DOWNLOAD, visible=False)
        gr.Button(visible=False).click(
            self.stylize, [*files, *numbers, *words], picture, api_name="stylize", **_SHARED
        )

    @friendly
    def stylize(
        self,
        content: str,
        styles: list[str],
        seconds: float,
        size: float,
        strength: float,
        seed: float,
        network: str,
        colors: str,
    ) -> str:
        """Paint `content` in the manner of `styles` within `seconds` (1 to 600), its longer side
        `size` pixels (64 to 1024), with `strength` 0 to 100. network: stylenet or vgg19. colors:
        style, keep or match. Gives a PNG that carries its recipe."""
        config = read_config(
            None, seconds=seconds, size=size, strength=strength, seed=seed, network=network,
            colors=colors,
        )  # fmt: skip
        asked = read_asked(config, content, styles or [])
        *_, (_, result) = paint(asked, lambda: False)
        assert result is not None
        return save(result.png(colors), "pastiche.png", self.download.GRADIO_CACHE)

    @friendly_stream
    def paint(self, request: gr.Request, *inputs: Any) -> Iterator[list[Any]]:
        """Paint, and show it as it grows."""
        yield from self._show(self._read(list(inputs)), request)

    @friendly_stream
    def refine_it(self, request: gr.Request, *inputs: Any) -> Iterator[list[Any]]:
        """Go on from the picture on the stage."""
        asked = self._read(list(inputs[:-1]))
        content = replace(asked.content, start=_require_result(inputs[-1]).painted)
        config = replace(asked.config, start="picture", seconds=_REFINE, steps=())
        yield from self._show(replace(asked, config=config, content=content), request)

    @friendly
    def ask_stop(self, request: gr.Request) -> Any:
        """Ask this visitor's run to end, and to keep what it has."""
        self._stops.press(str(request.session_hash))
        return gr.update(interactive=False)

    @friendly
    def recolor(self, colors: str, result: Result | None) -> list[Any]:
        """Show the finished picture with other colours; nothing is painted anew."""
        return self._finished(_require_result(result), colors)

    @friendly
    def look_at(self, path: str | None) -> list[Any]:
        """A new picture: show it for painting a mask; if it carries a recipe, take its settings."""
        if not path:
            return [None, *[gr.skip()] * 5]
        editor = _editable(read_picture(Path(path)))
        try:
            recipe = read_recipe(Path(path))
        except BadPicture:
            return [editor, *[gr.skip()] * 5]
        made, config = recipe.pictures, recipe.config
        names = [str(style.get("name", "")) for style in made.get("styles", [])]
        name = str(made.get("content", {}).get("name", ""))
        gr.Info(texts.RESTORED.format(content=name, styles=", ".join(names)))
        return [
            editor, config.strength, config.seconds, config.size, config.style_scale, config.seed
        ]  # fmt: skip

    def _read(self, inputs: list[Any]) -> Asked:
        (
            content, styles, strength, seconds, size, colors, network, scale, weights, start,
            optimizer, preset, seed, editor,
        ) = inputs  # fmt: skip
        config = read_config(
            preset, seconds=seconds, size=size, strength=strength, style_scale=scale, seed=seed,
            colors=colors, network=network, start=start, optimizer=optimizer,
        )  # fmt: skip
        paths = [str(item[0]) for item in styles or []]
        return read_asked(config, content, paths, weights or "", read_brush(editor))

    def _show(self, asked: Asked, request: gr.Request) -> Iterator[list[Any]]:
        events: list[Event] = []
        hidden, shown = gr.update(visible=False), gr.update(visible=True)
        with self._stops.during(str(request.session_hash)) as should_stop:
            stop = gr.update(visible=True, interactive=True)
            first = gr.update(value=_on_stage(asked), visible=True)
            yield [
                hidden, gr.update(value=style_view.status_html(events), visible=True), stop, first,
                hidden, hidden, *[gr.skip()] * 2, hidden, *[gr.skip()] * 3, None,
            ]  # fmt: skip
            result = None
            for event, made in paint(asked, should_stop):
                result = made
                events.append(event)
                image = event.image if isinstance(event, Painted) else None
                live = gr.skip() if image is None else gr.update(value=image)
                nothing = [gr.skip()] * 9
                yield [gr.skip(), style_view.status_html(events), gr.skip(), live, *nothing]
        assert result is not None
        colors = "keep" if asked.config.colors == "keep" else "style"
        slider, download = self._finished(result, colors)
        yield [
            hidden, style_view.status_html(events), hidden, hidden, slider, shown, colors,
            download, shown, style_view.loss_curves(events), style_view.share_curves(events),
            style_view.details(events), result,
        ]  # fmt: skip

    def _finished(self, result: Result, colors: str) -> list[Any]:
        file = save(result.png(colors), "pastiche.png", self.download.GRADIO_CACHE)
        pair = (result.content, result.image(colors))
        return [gr.update(value=pair, visible=True), gr.update(value=file)]


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
    small = resize(pixels, *fit(pixels.shape[1], pixels.shape[0], side))
    return EditorValue(background=small, layers=[], composite=small)


def _on_stage(asked: Asked) -> NDArray[np.uint8]:
    """What the stage shows until the first stroke."""
    pixels = asked.content.start if asked.content.start is not None else asked.content.pixels
    return resize(pixels, *fit(pixels.shape[1], pixels.shape[0], asked.config.size))


def _require_result(result: object) -> Result:
    if not isinstance(result, Result):
        raise BadPicture(texts.NO_PASTICHE, texts.NO_PASTICHE_EXPECTED, texts.NO_PASTICHE_ADVICE)
    return result


def _plot(title: str, colour: str, colours: dict[str, str], name: str) -> gr.LinePlot:
    return gr.LinePlot(
        x="step", y="value", color=colour, color_map=colours, label=title, height=260,
        elem_id=name, min_width=280, x_title=texts.STEP, y_title=" ", buttons=[],
    )  # fmt: skip
