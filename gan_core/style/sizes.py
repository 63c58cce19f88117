"""From small to large: which sizes a picture passes through, and resizing between them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_core.errors import BadPicture

SHORTEST = 16  # pixels; below, the deeper layers see nothing
_STEP = math.sqrt(2)  # crowsonkb/style-transfer-pytorch: a factor of sqrt 2 from size to size


def fit(width: int, height: int, longer: int) -> tuple[int, int]:
    """Width and height with `longer` as the longer side, the aspect ratio kept.

    Raises: BadPicture when the shorter side would be of less than SHORTEST pixels.
    """
    scale = longer / max(width, height)
    fitted = max(1, round(width * scale)), max(1, round(height * scale))
    if min(fitted) < SHORTEST:
        raise BadPicture(
            f"The content is {width} × {height} px; at {longer} px it would be"
            f" {fitted[0]} × {fitted[1]} px.",
            f"The shorter side must keep at least {SHORTEST} px.",
            "Crop the picture, or choose a larger size.",
        )
    return fitted


def pyramid(width: int, height: int, first: int, last: int) -> list[int]:
    """Longer sides from about `first` to exactly `last`, in steps of about sqrt 2.

    A narrow picture begins larger, so that its shorter side is never below 2 * SHORTEST
    (or what it has at `last`).
    """
    narrow = max(width, height) / min(width, height)
    first = min(last, max(first, math.ceil(2 * SHORTEST * narrow)))
    count = max(1, round(math.log(last / first, _STEP)))
    if first == last:
        return [last]
    ratio = (last / first) ** (1 / count)
    return [*(round(first * ratio**i) for i in range(count)), last]


def resize(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """uint8 [H, W, 3] -> uint8 [height, width, 3], by Lanczos with anti-aliasing."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.array(
        Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS), dtype=np.uint8
    )


def resize_area(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Resize to about side * side pixels, the aspect ratio kept."""
    height, width = pixels.shape[:2]
    scale = side / (width * height) ** 0.5
    return resize(pixels, max(SHORTEST, round(width * scale)), max(SHORTEST, round(height * scale)))
