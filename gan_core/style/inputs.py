"""What a style transfer is given: a content, one or more styles; checked and prepared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from gan_core.errors import BadPicture, BadSetting
from gan_core.style.color import match_colors
from gan_core.style.config import StyleConfig
from gan_core.style.sizes import SHORTEST, fit, pyramid

MOST_PICTURES = 32  # of one style; of more, so many are taken at even distances
_ALIKE = 0.05  # of the proportions: a result is a whole number of pixels
_RIM = 1 / 100  # of the longer side: how softly a protected part ends


@dataclass(frozen=True)
class Style:
    """One style: a picture, or a folder's pictures taken together. uint8 [H, W, 3] each."""

    pictures: tuple[NDArray[np.uint8], ...]
    weight: float = 1.0


@dataclass(frozen=True)
class Content:
    """pixels: uint8 [H, W, 3]. protect: float [h, w] in [0, 1], 1 where it must stay as it is;
    it is stretched over the picture. start: uint8 [h, w, 3], for the start "picture".
    """

    pixels: NDArray[np.uint8]
    protect: NDArray[np.float32] | None = None
    start: NDArray[np.uint8] | None = None


def check_inputs(config: StyleConfig, content: Content, styles: Sequence[Style]) -> None:
    pictures = [picture for style in styles for picture in style.pictures]
    starts = [content.start] if content.start is not None else []
    for name, picture in (
        ("The content", content.pixels),
        *(("A style", picture) for picture in pictures),
        *(("The start", picture) for picture in starts),
    ):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise BadPicture(
                f"{name} is {picture.dtype} of shape {list(picture.shape)}.",
                "It must be uint8 [height, width, 3]: RGB, 0 to 255.",
                "Open the file with gan_core.pictures.decode.",
            )
        if min(picture.shape[:2]) < SHORTEST:
            raise BadPicture(
                f"{name} is {picture.shape[1]} × {picture.shape[0]} px.",
                f"Both sides must be at least {SHORTEST} px.",
                "Use a larger copy.",
            )
    if any(not 0 <= style.weight <= 1e6 for style in styles):
        raise BadSetting(
            f"A style's weight is {[style.weight for style in styles]}.",
            "Weights must be numbers from 0 on.",
            "Give for instance 1 and 2.",
        )
    weight = sum(style.weight * len(style.pictures) for style in styles)
    if config.objective.style_layers and not weight:
        raise BadSetting(
            "Every style has the weight 0." if pictures else "There is no style.",
            "One style picture at least is needed, with a weight above 0.",
            "Give a picture, or a folder of pictures, to paint like.",
        )
    _check_start(config, content)
    _check_steps(config, content)


def sizes_of(config: StyleConfig, width: int, height: int) -> list[int]:
    """The longer sides that a result of width x height passes through; one, for a given start."""
    first = config.size if config.start == "picture" else config.first_size
    return pyramid(width, height, min(first, config.size), config.size)


def _check_start(config: StyleConfig, content: Content) -> None:
    if config.start != "picture":
        return
    if content.start is None:
        raise BadSetting(
            "The start is a picture, and there is none.",
            "This start goes on from a picture.",
            "Give one, or choose the start content.",
        )
    (h, w), (height, width) = content.start.shape[:2], content.pixels.shape[:2]
    if abs(w * height - h * width) > _ALIKE * h * width:
        raise BadPicture(
            f"The picture to go on from is {w} × {h} px, and the content {width} × {height} px.",
            "Both must have the same proportions.",
            "Go on with the content that it was painted from, or begin anew.",
        )


def _check_steps(config: StyleConfig, content: Content) -> None:
    height, width = content.pixels.shape[:2]
    sizes = sizes_of(config, *fit(width, height, config.size))
    if len(config.steps) > len(sizes):
        raise BadSetting(
            f"There are {len(config.steps)} numbers of steps.",
            f"This picture passes through {len(sizes)} sizes: {', '.join(map(str, sizes))} px.",
            "Give one number for each, or fewer to end earlier.",
        )


def spread_styles(
    styles: Sequence[Style], content: NDArray[np.uint8] | None
) -> list[tuple[NDArray[np.uint8], float]]:
    """All style pictures, with weights that sum to 1; recoloured to `content` where it is given."""
    whole = sum(style.weight for style in styles)
    found = []
    for style in styles:
        chosen = np.linspace(0, len(style.pictures) - 1, min(MOST_PICTURES, len(style.pictures)))
        for index in chosen.round().astype(int):
            picture = style.pictures[index]
            if content is not None:
                picture = match_colors(picture, content)
            found.append((picture, style.weight / whole / len(chosen)))
    return [(picture, weight) for picture, weight in found if weight > 0]


def feather(protect: NDArray[np.float32] | None, width: int, height: int) -> Tensor | None:
    """The mask at the result's size, [1, 1, H, W], with a soft rim outside of what was painted."""
    if protect is None or not (protect > 0.5).any():
        return None
    painted = Image.fromarray(((protect > 0.5) * 255).astype(np.uint8))
    painted = painted.resize((width, height), Image.Resampling.NEAREST)
    rim = painted.filter(ImageFilter.GaussianBlur(max(width, height) * _RIM))
    mask = np.maximum(np.array(painted), np.array(rim)).astype(np.float32) / 255
    return torch.from_numpy(mask)[None, None]
