"""Where tensors and uint8 pictures meet: ranges, grids, enlarging without blur, PNG.

The PNGs of this program carry their settings as text. Untrusted pictures go through `decode`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from gan_core.errors import BadPicture
from gan_core.files import write_atomically


def to_uint8(x: Tensor) -> NDArray[np.uint8]:
    """Turn [N, 3, H, W] in [-1, 1] into uint8 [N, H, W, 3], rounded; beyond the range, clamped.

    NaN becomes mid-grey, so that a broken network shows as grey and not as noise.
    """
    levels = torch.nan_to_num(x.detach().float(), posinf=1.0, neginf=-1.0).add(1).mul(127.5)
    pixels: NDArray[np.uint8] = (
        levels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
    )
    return pixels


def to_tensor(pixels: Tensor) -> Tensor:
    """Turn uint8 [N, H, W, 3] into float32 [N, 3, H, W] in [-1, 1]; `to_uint8` undoes it.

    The result is channels_last in memory, as the pixels were.
    """
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def make_grid(
    images: NDArray[np.uint8], columns: int | None = None, gap: int = 2, background: int = 255
) -> NDArray[np.uint8]:
    """Lay uint8 [N, H, W, 3] out row by row as one picture, uint8 [H', W', 3].

    columns: as square as possible by default. `gap` pixels of grey level `background` lie
    between the pictures, none around them; unused cells are background.

    Raises: ValueError when there is no picture or no column.
    """
    n, height, width = images.shape[:3]
    if n == 0 or (columns is not None and columns < 1):
        raise ValueError(f"a grid needs a picture and a column, not {n} in {columns} columns")
    columns = min(n, columns or math.ceil(math.sqrt(n)))
    rows = math.ceil(n / columns)
    grid = np.full(
        (rows * (height + gap) - gap, columns * (width + gap) - gap, 3), background, np.uint8
    )
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        grid[top : top + height, left : left + width] = image
    return grid


def enlarge(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Repeat every pixel of [..., H, W, 3] `factor` times each way: larger, not blurred."""
    return image.repeat(factor, axis=-3).repeat(factor, axis=-2)


def encode_png(image: NDArray[np.uint8], metadata: Mapping[str, str] | None = None) -> bytes:
    """Encode uint8 [H, W, 3] as PNG with `metadata` as text entries (any Unicode)."""
    text = PngInfo()
    for key, value in (metadata or {}).items():
        text.add_itxt(key, value)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", pnginfo=text)
    return buffer.getvalue()


def save_png(
    path: Path, image: NDArray[np.uint8], metadata: Mapping[str, str] | None = None
) -> None:
    """Write `encode_png` to a file, whole or not at all.

    Raises: DiskFull.
    """
    with write_atomically(path) as temporary:
        temporary.write_bytes(encode_png(image, metadata))


def read_png_metadata(source: Path | bytes) -> dict[str, str]:
    """Read the text entries that stand before the pixels; pixels are not unpacked.

    Raises: BadPicture when it is not a PNG.
    """
    name = source.name if isinstance(source, Path) else "The picture"
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            return {
                str(key): str(text) for key, text in image.info.items() if isinstance(text, str)
            }
    except Exception as error:  # the decoder lets out SyntaxError, struct.error, ValueError ...
        raise BadPicture(
            f"{name} cannot be read as a PNG.",
            "A PNG file that was saved by this program was expected.",
            "Choose the original file, not a screenshot or a copy in another format.",
        ) from error
