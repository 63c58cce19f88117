"""How a pastiche was made, as text in its PNG; and back from the PNG to the settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import BadPicture, BadSetting
from gan_core.events import Pastiche
from gan_core.features import load
from gan_core.pictures.canvas import read_png_metadata
from gan_core.settings import from_dict
from gan_core.style.config import StyleConfig
from gan_core.style.inputs import Content, Style

KEY = "gan-atelier-style"
_FORMAT = 1


@dataclass(frozen=True)
class Recipe:
    """config: as it was asked for. made: what came of it: network, sizes, steps, seconds.
    pictures: of content and styles their names, sizes and hashes; not the pictures themselves.
    """

    config: StyleConfig
    made: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, Any] = field(default_factory=dict)

    def to_text(self) -> dict[str, str]:
        """Text entries for a PNG."""
        return {KEY: json.dumps({"format": _FORMAT, **asdict(self)})}

    def named(self) -> tuple[str, list[tuple[str, float]]]:
        """The content's name, and every style's with its weight; "" and nothing where unknown."""
        styles = [(style["name"], style["weight"]) for style in self.pictures.get("styles", [])]
        return self.pictures.get("content", {"name": ""})["name"], styles

    def repeating(self) -> StyleConfig:
        """Settings that take as many steps again instead of as many seconds."""
        steps = tuple(self.made.get("steps", ()))
        precision = str(self.made.get("precision", self.config.precision))
        return replace(self.config, steps=steps, precision=precision)


def write_recipe(
    config: StyleConfig,
    content: Content,
    styles: Sequence[Style],
    network: str,
    pastiche: Pastiche,
    names: Sequence[str] = (),
) -> Recipe:
    """Put together what a finished style transfer was made of and how.

    names: of the content and the styles, in this order; unnamed without.
    """
    known = [*names, *[""] * (1 + len(styles) - len(names))]
    made = {
        "network": network,
        "sizes": list(pastiche.sizes),
        "steps": list(pastiche.steps),
        "precision": pastiche.precision,
        "stopped": pastiche.stopped,
        "seconds": round(pastiche.seconds, 1),
        "style_matched": round(pastiche.style_matched, 4),
        "content_kept": round(pastiche.content_kept, 4),
    }
    pictures = {
        "content": {"name": known[0], **_describe(content.pixels)},
        "protected": content.protect is not None,
        "styles": [
            {"name": name, "weight": style.weight, "pictures": [*map(_describe, style.pictures)]}
            for name, style in zip(known[1:], styles, strict=True)
        ],
    }
    again = replace(config, network=load.setting_of(network, config.network))
    return Recipe(again, made, pictures)


def read_recipe(source: Path | bytes) -> Recipe:
    """Read the recipe out of a PNG that this program saved.

    Raises: BadPicture when it is no PNG, or carries none that can be used.
    """
    text = read_png_metadata(source).get(KEY)
    if text is None:
        raise BadPicture(
            "The picture carries no recipe.",
            "Only a PNG that was saved by style transfer here has one.",
            "Choose the downloaded file itself, not a copy in another format or a screenshot.",
        )
    try:
        stored = json.loads(text)
        if stored["format"] != _FORMAT:
            raise ValueError(f"format {stored['format']!r}")
        made, pictures = dict(stored["made"]), dict(stored["pictures"])
        _check_pictures(pictures)
        recipe = Recipe(from_dict(StyleConfig, stored["config"]), made, pictures)
        recipe.repeating()  # its steps are checked too
        return recipe
    except (KeyError, TypeError, ValueError, RecursionError, BadSetting) as error:
        raise BadPicture(
            f"The recipe in the picture cannot be used ({error}).",
            "It must be one that this version of GAN Atelier wrote.",
            "Set the settings by hand.",
        ) from error


def _check_pictures(pictures: Mapping[str, Any]) -> None:
    """What `named` reads of it must be of its kind. Raises: KeyError, TypeError."""
    styles = pictures.get("styles", [])
    for entry in (pictures.get("content", {"name": ""}), *styles):
        if not isinstance(entry["name"], str):
            raise TypeError("a name is not text")
    if not all(isinstance(style["weight"], int | float) for style in styles):
        raise TypeError("a weight is not a number")


def _describe(pixels: NDArray[np.uint8]) -> dict[str, Any]:
    return {
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
    }
