"""What other programs may call: named endpoints of the page, for Gradio's clients, HTTP and MCP.

What they are told of an endpoint is its docstring, in the form that Gradio reads. A file counts
only if it was uploaded, and only a File component checks that: so `api` is for plain values alone.
What they do with runs is in `run_programs`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.events import api

from gan_core.style.config import StyleConfig
from ui import texts
from ui.errors import friendly
from ui.generate import SHARED, picture_files
from ui.hub_field import WAITING
from ui.models import Models
from ui.painting import paint, read_asked, read_config, save
from ui.recipe import check_recipe
from ui.style import SHARED as STYLING


class Programs:
    """The endpoints; declared where it is made."""

    def __init__(self, models: Models) -> None:
        self.models = models
        declare_plain(self.list_models, queue=False)
        declare_plain(self.fetch_model, **WAITING)
        basic = StyleConfig()
        self.pictures = gr.Gallery(format="png", label=texts.GALLERY, visible=False)
        asked = [*words(model=models.default()), *numbers(count=16, seed=0, truncation=1)]
        declare(self.generate, asked, self.pictures, **SHARED)
        self.pastiche = gr.File(label=texts.STYLE_DOWNLOAD, visible=False)
        style = [
            file("content"),
            files("styles"),
            *numbers(
                seconds=basic.seconds, size=basic.size, strength=basic.strength, seed=basic.seed
            ),
            *words(network=basic.network, colors=basic.colors),
        ]
        declare(self.stylize, style, self.pastiche, **STYLING)

    @friendly
    def list_models(self) -> list[dict[str, Any]]:
        """List the models that come with the program, the default first.

        Returns:
            For each what `fetch_model` gives.
        """
        return [self._about(name) for name in self.models.bundled_names()]

    @friendly
    def fetch_model(self, name: str) -> dict[str, Any]:
        """Fetch a model from the Hugging Face Hub; what was fetched before is there at once.

        Args:
            name: "owner/repo" or "owner/repo@revision". A path is never taken.

        Returns:
            Its `model`, the name for `generate` and `train`, with the commit that it has now;
            `network`; `size` of its pictures in pixels; `can_train`, whether a run can start
            from it.
        """
        came = self.models.hub.fetch(str(name).strip()).outcome.result()
        self.models.load(came)
        return self._about(came)

    @friendly
    def generate(self, model: str, count: float, seed: float, truncation: float) -> list[str]:
        """Make pictures. The same seed and model give the same pictures.

        Args:
            model: a bundled one (`list_models`), one from the Hub (`fetch_model`), or a run's id.
            count: how many, 1 to 64.
            seed: 0 to 2147483647; the latents of the pictures depend on it alone.
            truncation: 0 to 1; less gives more typical pictures, and less variety.

        Returns:
            PNGs, small ones enlarged to about 256 pixels without blur. Their text entries say how
            each was made.
        """
        recipe = check_recipe(model, count, seed, truncation)
        return picture_files(self.models, recipe, self.pictures.GRADIO_CACHE)

    @friendly
    def stylize(
        self, content: str, styles: list[str], seconds: float, size: float, strength: float,
        seed: float, network: str, colors: str,
    ) -> str:  # fmt: skip
        """Paint a picture in the manner of others, within a given time.

        Args:
            content: the picture to paint again.
            styles: pictures to paint like, at most 24.
            seconds: 1 to 600.
            size: the longer side, 64 to 1024 pixels.
            strength: of the style, 0 to 100.
            seed: 0 to 2147483647.
            network: "stylenet", or "vgg19", which is fetched from the Hub once; or "owner/repo"
                of the Hub, once it was fetched on the page.
            colors: "style", "keep" those of the picture, or "match": the style recoloured first.

        Returns:
            A PNG that carries its recipe.
        """
        config = read_config(
            None, seconds=seconds, size=size, strength=strength, seed=seed, network=network,
            colors=colors,
        )  # fmt: skip
        asked = read_asked(config, content, styles or [])
        *_, (_, result) = paint(asked)
        assert result is not None
        return save(result.png(colors), "pastiche.png", self.pastiche.GRADIO_CACHE)

    def _about(self, name: str) -> dict[str, Any]:
        network = self.models.network(name)
        told = {"model": name, "network": network.kind, "size": network.resolution}
        return {**told, "can_train": self.models.can_train(name)}


def declare(endpoint: Callable[..., Any], inputs: Sequence[Any], output: Any, **how: Any) -> None:
    """Declare an endpoint that takes or gives files. how: options of the event."""
    gr.Button(visible=False).click(
        endpoint, list(inputs), output, api_name=endpoint.__name__,
        api_description=inspect.getdoc(endpoint), **how,
    )  # fmt: skip


def declare_plain(endpoint: Callable[..., Any], **how: Any) -> None:
    """Declare an endpoint that takes and gives plain values only."""
    api(endpoint, api_name=endpoint.__name__, api_description=inspect.getdoc(endpoint), **how)


def numbers(**defaults: float) -> list[Any]:
    """Inputs that are numbers, by what they are called."""
    return [gr.Number(value, label=name, visible=False) for name, value in defaults.items()]


def words(**defaults: str | None) -> list[Any]:
    """Inputs that are text, by what they are called."""
    return [gr.Textbox(value, label=name, visible=False) for name, value in defaults.items()]


def file(name: str) -> Any:
    """An input that is a file."""
    return gr.File(label=name, visible=False)


def files(name: str) -> Any:
    """An input that is one file or several.

    Gradio's MCP server (6.31) refuses any: it looks for the schema of one where that is not. To
    write the schema out is no remedy, for then it reads any path of this machine that it is given.
    """
    return gr.File(label=name, file_count="multiple", visible=False)
