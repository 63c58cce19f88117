"""From what a visitor asked for to a pastiche, and what can be done with it afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import BadPicture, BadSetting
from gan_core.events import Event, Noticed, Pastiche, Planned
from gan_core.files import explain_disk_errors
from gan_core.pictures import encode_png
from gan_core.settings import bounds_of
from gan_core.style.color import keep_colors
from gan_core.style.config import PRESETS, Colors, StyleConfig
from gan_core.style.inputs import Content, Style
from gan_core.style.recipe import Recipe, write_recipe
from gan_core.style.sources import read_picture
from gan_core.style.transfer import stylize
from ui import gpu, texts
from ui.cache import save_to_cache
from ui.errors import require
from ui.hub_networks import require_here

MOST_SECONDS, MOST_STYLES = 600, 24
LENT_SECONDS = gpu.LONGEST - 2 * gpu.READY
_LABELS = {  # of the numbers
    "seconds": texts.STYLE_TIME,
    "size": texts.SIZE,
    "strength": texts.STRENGTH,
    "style_scale": texts.STYLE_SCALE,
    "seed": texts.SEED,
}


@dataclass(frozen=True)
class Asked:
    """Everything for one run: settings, pictures, and the pictures' names."""

    config: StyleConfig
    content: Content
    styles: tuple[Style, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """A finished pastiche in the style's colours, with what is needed to change its colours."""

    painted: NDArray[np.uint8]
    content: NDArray[np.uint8]
    recipe: Recipe

    def image(self, colors: str) -> NDArray[np.uint8]:
        """In the colours of the content ("keep") or as painted."""
        return keep_colors(self.painted, self.content) if colors == "keep" else self.painted

    def png(self, colors: str) -> bytes:
        """With its recipe inside."""
        asked = self.recipe.config.colors
        chosen: Colors = "keep" if colors == "keep" else "style" if asked == "keep" else asked
        told = replace(self.recipe, config=replace(self.recipe.config, colors=chosen))
        return encode_png(self.image(colors), told.to_text())


def read_config(preset: str | None, **asked: Any) -> StyleConfig:
    """Settings from the page or a client of the API. Raises: BadSetting, DiskFull."""
    config = PRESETS[preset].config if preset in PRESETS else StyleConfig()
    given: dict[str, Any] = {}
    for name, value in asked.items():
        if name in _LABELS:
            whole = name in ("size", "seed")
            low, high = bounds_of(StyleConfig, name)
            most = MOST_SECONDS if name == "seconds" else high
            number = require(_LABELS[name], value, low, most, whole=whole)
            given[name] = int(number) if whole else number
        elif value is not None:
            given[name] = value
    require_here(given.get("network"))
    if preset in PRESETS:  # its own size, steps and start; the rest does not apply
        given = {name: given[name] for name in ("network", "colors", "seed") if name in given}
    return replace(config, **given)


def read_asked(
    config: StyleConfig,
    content: str | None,
    styles: Sequence[str],
    weights: str = "",
    protect: NDArray[np.float32] | None = None,
    start: NDArray[np.uint8] | None = None,
) -> Asked:
    """Read the pictures. Raises: BadPicture, BadSetting, BadDataset."""
    if not content:
        raise BadPicture(texts.NO_CONTENT, texts.NO_CONTENT_EXPECTED, texts.NO_CONTENT_ADVICE)
    if not styles and config.objective.style_layers:
        raise BadPicture(texts.NO_STYLE, texts.NO_STYLE_EXPECTED, texts.NO_STYLE_ADVICE)
    if len(styles) > MOST_STYLES:
        raise BadSetting(
            texts.MANY_STYLES.format(n=len(styles)),
            texts.MANY_STYLES_EXPECTED.format(most=MOST_STYLES),
            texts.MANY_STYLES_ADVICE,
        )
    numbers = _read_weights(weights, len(styles))
    picture = Content(read_picture(Path(content)), protect, start)
    read = (read_picture(Path(path)) for path in styles)  # one picture each: no archive of many
    painted = (Style((pixels,), weight) for pixels, weight in zip(read, numbers, strict=True))
    names = (Path(content).name, *(Path(path).name for path in styles))
    return Asked(config, picture, tuple(painted), names)


def paint(asked: Asked, going: Path | None = None) -> Iterator[tuple[Event, Result | None]]:
    """Run it; with the last event comes the result. going: a file; once it is gone, it is to end.

    Where a GPU is lent, it has no more time than that is lent for. Raises: AtelierError.
    """
    if gpu.LENT and asked.config.seconds > LENT_SECONDS:
        yield Noticed(texts.LENT_LESS.format(seconds=LENT_SECONDS)), None
        asked = replace(asked, config=replace(asked.config, seconds=LENT_SECONDS))
    yield from _paint(asked, going)


def _seconds(asked: Asked, going: Path | None) -> float:
    return LENT_SECONDS if asked.config.steps else asked.config.seconds


@gpu.lend(_seconds)
def _paint(asked: Asked, going: Path | None) -> Iterator[tuple[Event, Result | None]]:
    """The same, of values that cross into the process that has the GPU."""
    began = time.monotonic()

    def should_stop() -> bool:
        is_over = gpu.LENT and time.monotonic() - began > LENT_SECONDS + gpu.READY / 2
        return is_over or (going is not None and not going.exists())

    network: str = asked.config.network
    for event in stylize(asked.config, asked.content, asked.styles, should_stop):
        if isinstance(event, Planned):
            network = event.network
        if not isinstance(event, Pastiche):
            yield event, None
            continue
        assert event.painted is not None and event.content is not None
        recipe = write_recipe(
            asked.config, asked.content, asked.styles, network, event, asked.names
        )
        yield event, Result(event.painted, event.content, recipe)


def read_brush(editor: Any) -> NDArray[np.float32] | None:
    """What was painted over in the image editor, float32 [H, W]; None when nothing was."""
    layers = editor.get("layers") if isinstance(editor, dict) else None
    masks = [layer[..., 3] > 0 for layer in layers or [] if getattr(layer, "ndim", 0) == 3]
    if not masks or not np.any(masks):
        return None
    mask: NDArray[np.float32] = np.any(masks, axis=0).astype(np.float32)
    return mask


def save(png: bytes, name: str, folder: str) -> str:
    """Write a file into Gradio's `folder` and give its path. Raises: DiskFull."""
    with explain_disk_errors(Path(folder)):
        return str(save_to_cache(png, name, folder))


class Stops:
    """For each visitor's session, whether Stop was pressed since its run began.

    By files, which a process that a GPU is lent to sees as well.
    """

    def __init__(self) -> None:
        self._under_way: dict[str, Path] = {}

    @contextmanager
    def during(self, session: str) -> Iterator[Path]:
        """While a run goes on: a file that is there as long as it is not to stop."""
        with TemporaryDirectory(prefix="gan-atelier-") as folder:
            going = self._under_way[session] = Path(folder) / "going"
            going.touch()
            try:
                yield going
            finally:
                if self._under_way.get(session) is going:
                    del self._under_way[session]

    def press(self, session: str) -> None:
        """Stop the session's run, if there is one."""
        if going := self._under_way.get(session):
            going.unlink(missing_ok=True)


def _read_weights(text: str, count: int) -> list[float]:
    try:
        numbers = [float(word) for word in text.replace(";", ",").split(",") if word.strip()]
    except ValueError:
        numbers = [float("nan")]
    numbers = numbers or [1.0] * count
    if len(numbers) != count or not all(0 <= number <= 1e6 for number in numbers):
        raise BadSetting(
            texts.WEIGHTS_WRONG.format(text=text, n=count),
            texts.WEIGHTS_EXPECTED,
            texts.WEIGHTS_ADVICE,
        )
    return numbers
