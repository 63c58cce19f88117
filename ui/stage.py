"""The stage of the Style tab: the picture as it grows, and what can be done with it at the end."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from gan_core.errors import BadPicture
from gan_core.events import Event, Painted
from gan_core.style.sizes import fit, resize
from ui import examples, style_view, texts
from ui.errors import friendly
from ui.painting import Asked, Result, paint, save

REFINE = 15.0  # seconds
_COLOURS = {"content": "#4c6c91", "style": "#c07f4a", "total variation": "#8a8a8a"}


class Stage:
    """Its components, and what they show before, while and after something is painted."""

    def __init__(self) -> None:
        self.hint = gr.Markdown(texts.STYLE_HINT, elem_classes="quiet", elem_id="style-hint")
        self.status = gr.HTML(visible=False, elem_id="style-status")
        self.stop = gr.Button(texts.STYLE_STOP, visible=False, elem_id="style-stop")
        self.live = gr.Image(
            visible=False, show_label=False, interactive=False, format="jpeg", buttons=[],
            elem_id="live", alt_text=texts.STAGE_ALT,
        )  # fmt: skip
        shown = (str(examples.contents()[0]), str(examples.pastiche()))
        self.slider = gr.ImageSlider(
            shown, label=texts.BEFORE_AFTER, show_label=False, format="png",
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
                texts.REFINE.format(seconds=REFINE), elem_id="refine", min_width=150
            )
        with gr.Accordion(texts.CURVES, open=False, visible=False, elem_id="curves") as self.curves:
            self.losses = _plot(texts.STYLE_LOSSES, "loss", _COLOURS, "style-losses")
            colours = dict(zip(("style matched", "content kept"), _COLOURS.values(), strict=False))
            self.shares = _plot(texts.STYLE_SHARES, "share", colours, "style-shares")
            self.details = gr.Markdown(elem_classes="quiet")
        self.result = gr.State(None)
        self.outputs: list[Any] = [
            self.hint, self.status, self.stop, self.live, self.slider, self.after, self.kept_colors,
            self.download, self.curves, self.losses, self.shares, self.details, self.result,
        ]  # fmt: skip

    def play(self, asked: Asked, going: Path) -> Iterator[list[Any]]:
        """Values for `outputs` from the start to the end. going: as `paint`.

        Raises: AtelierError.
        """
        events: list[Event] = []
        hidden, shown = gr.update(visible=False), gr.update(visible=True)
        stop = gr.update(visible=True, interactive=True)
        before = _before(asked)
        first = gr.update(value=before, visible=True)
        yield [
            hidden, gr.update(value=style_view.status_html(events), visible=True), stop, first,
            hidden, hidden, *[gr.skip()] * 2, hidden, *[gr.skip()] * 3, None,
        ]  # fmt: skip
        result = None
        for event, made in paint(asked, going):
            result = made
            image = None
            if isinstance(event, Painted):
                image, event = event.image, replace(event, image=None)
            events.append(event)
            live = gr.skip()
            if image is not None:  # of one size throughout, so that the page does not jump
                live = gr.update(value=resize(image, before.shape[1], before.shape[0]))
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

    def clear(self) -> list[Any]:
        """After an error: nothing is under way any more."""
        hidden = gr.update(visible=False)
        return [gr.skip(), *[hidden] * 3, *[gr.skip()] * 9]

    @friendly
    def recolor(self, colors: str, result: Result | None) -> list[Any]:
        """Show the finished picture with other colours; nothing is painted anew."""
        return self._finished(require_result(result), colors)

    def _finished(self, result: Result, colors: str) -> list[Any]:
        file = save(result.png(colors), "pastiche.png", self.download.GRADIO_CACHE)
        pair = (result.content, result.image(colors))
        return [gr.update(value=pair, visible=True), gr.update(value=file)]


def _before(asked: Asked) -> NDArray[np.uint8]:
    """What the stage shows until the first stroke."""
    pixels = asked.content.start if asked.content.start is not None else asked.content.pixels
    return resize(pixels, *fit(pixels.shape[1], pixels.shape[0], asked.config.size))


def require_result(result: object) -> Result:
    if not isinstance(result, Result):
        raise BadPicture(texts.NO_PASTICHE, texts.NO_PASTICHE_EXPECTED, texts.NO_PASTICHE_ADVICE)
    return result


def _plot(title: str, colour: str, colours: dict[str, str], name: str) -> gr.LinePlot:
    return gr.LinePlot(
        x="step", y="value", color=colour, color_map=colours, label=title, height=260,
        elem_id=name, min_width=280, x_title=texts.STEP, y_title=" ", buttons=[],
    )  # fmt: skip
