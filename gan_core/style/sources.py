"""Files into contents and styles. A folder or an archive is one style, of all its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import BadPicture
from gan_core.pictures.archive import Limits, read_files
from gan_core.pictures.decode import decode
from gan_core.style.color import luminance
from gan_core.style.inputs import MOST_PICTURES, Style
from gan_core.style.sizes import resize

_LONGEST, _LONGEST_STYLE = 2048, 1024  # pixels; no result is larger, no style looked at larger
_LIMITS = Limits(max_files=5000)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read one picture file, upright RGB, uint8 [H, W, 3]; a huge one comes out smaller.

    Raises: BadPicture, BadDataset when there is no such file.
    """
    if path.is_dir() or path.suffix.lower() in (".zip", ".tar"):
        raise BadPicture(
            f"{path.name} is a folder or an archive.", "One picture was expected.", "Choose a file."
        )
    ((name, found),) = read_files(path, _LIMITS)
    if isinstance(found, BadPicture):
        raise found
    return _decode(found, name)


def read_mask(path: Path) -> NDArray[np.float32]:
    """Read a mask as float32 [H, W] in [0, 1]: 1 where the picture is white. Raises: BadPicture."""
    mask: NDArray[np.float32] = luminance(read_picture(path)) / np.float32(255)
    return mask


def read_style(path: Path, weight: float = 1.0) -> tuple[Style, int]:
    """Read one style: a picture, or a folder, zip or tar of pictures. Gives also how many files
    were no pictures and left out. Of very many pictures, some are taken.

    Raises: BadPicture or BadDataset when there is no picture at all.
    """
    kept: list[NDArray[np.uint8]] = []
    every, count, left_out, reason = 1, 0, 0, None
    for name, found in read_files(path, _LIMITS):
        try:
            if isinstance(found, BadPicture):
                raise found
            if count % every == 0:
                kept.append(_decode(found, name, _LONGEST_STYLE))
            count += 1
        except BadPicture as error:
            left_out, reason = left_out + 1, error
        if len(kept) > 2 * MOST_PICTURES:  # halve what is held, and take every second from now on
            kept, every = kept[::2], every * 2
    if kept:
        return Style(tuple(kept), weight), left_out
    if reason is not None and left_out == 1:
        raise reason
    raise BadPicture(
        f"{path.name} holds no picture ({left_out} files that are none).",
        "A style is a picture, or a folder or zip of pictures.",
        "Choose another.",
    )


def _decode(data: bytes, name: str, longest: int = _LONGEST) -> NDArray[np.uint8]:
    pixels = decode(data, name, at_least=longest).pixels
    height, width = pixels.shape[:2]
    scale = min(1.0, longest / max(width, height))
    if scale == 1.0:
        return pixels
    return resize(pixels, max(1, round(width * scale)), max(1, round(height * scale)))
