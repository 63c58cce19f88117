"""Which square of a picture is used: the middle, where most is to be seen, or where a person says.

A picture is first made a strip: its shorter side is that of the squares, so that a crop can be
moved along the longer one without opening the file again. What is looked for is `smart_position`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Crop = Literal["center", "smart"]
MIDDLE = 0.5
LONGEST = 3  # times the shorter side; of what is longer still, the middle

_BLUR = 1 / 16  # of the shorter side
_PULL = 0.15  # how much less a crop at the very end counts than one in the middle


def fit_strip(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize uint8 [H, W, 3] by Lanczos to a shorter side of `size` and at most 3 times as long."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    longest = LONGEST * side
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    part = pixels[top : top + longest, left : left + longest]
    shape = [max(size, round(length * size / side)) for length in part.shape[:2]]
    if tuple(shape) == part.shape[:2]:
        return part.copy()
    resized = Image.fromarray(part).resize((shape[1], shape[0]), Image.Resampling.LANCZOS)
    return np.array(resized, dtype=np.uint8)


def crop_at(strip: NDArray[np.uint8], position: float) -> NDArray[np.uint8]:
    """The square [S, S, 3] of a strip, as a view: 0 is its left or upper end, 1 the other."""
    size = min(strip.shape[:2])
    top, left = corner(strip, position)
    return strip[top : top + size, left : left + size]


def corner(strip: NDArray[np.uint8], position: float) -> tuple[int, int]:
    """Give the first row and column of the square at `position`."""
    height, width = strip.shape[:2]
    room = max(height, width) - min(height, width)
    offset = round(min(max(position, 0.0), 1.0) * room)
    return (offset, 0) if height > width else (0, offset)


def smart_position(strip: NDArray[np.uint8]) -> float:
    """Find where along the strip the most is to be seen; 0.5 for a square.

    What draws the eye is taken to be what differs from the picture's mean colour (Achanta et al.
    2009, "Frequency-tuned salient region detection") and what has edges; the square is put where it
    holds the most of both (Suh et al. 2003, "Automatic thumbnail cropping"). Things in the middle
    of the square count more than at its edge, so that they are not cut, and of equals the one
    nearest to the picture's middle is taken.
    """
    height, width = strip.shape[:2]
    size = min(height, width)
    if height == width:
        return MIDDLE
    seen = _saliency(strip).sum(axis=1 if height > width else 0)
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    held = np.convolve(seen, window, mode="valid")  # [room + 1], one for every offset
    positions = np.linspace(0, 1, len(held))
    held *= 1 - _PULL * (2 * positions - 1) ** 2
    best = np.flatnonzero(held >= held.max() * (1 - 1e-9))
    return float(positions[best[np.abs(positions[best] - MIDDLE).argmin()]])


def _saliency(strip: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How much each pixel stands out, [H, W]: by its colour and by edges, each with a mean of 1."""
    image = Image.fromarray(strip)
    blurred = image.filter(ImageFilter.GaussianBlur(max(1.0, min(image.size) * _BLUR)))
    smooth = np.asarray(blurred.convert("YCbCr"), dtype=np.float64)
    colour = np.linalg.norm(smooth - smooth.mean(axis=(0, 1)), axis=2)
    edges = np.hypot(*np.gradient(np.asarray(image.convert("L"), dtype=np.float64)))
    parts = [part / max(float(part.mean()), 1e-6) for part in (colour, edges)]
    return np.asarray(parts[0] + parts[1])
