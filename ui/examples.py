"""Examples for the Style tab, all our own: paintings and scenes drawn by code, faces by our GAN.

They lie in `ui/examples/` as small files, so that a page opens at once; `write` makes them
again, and a test compares.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_core.events import Pastiche
from gan_core.gan.latents import sample
from gan_core.gan.snapshot import load_snapshot
from gan_core.models import resolve
from gan_core.pictures.canvas import to_uint8
from gan_core.pictures.paintings import PAINTINGS
from gan_core.pictures.scenes import SCENES
from gan_core.style.config import StyleConfig
from gan_core.style.inputs import Content, Style
from gan_core.style.sizes import resize
from gan_core.style.sources import read_picture
from gan_core.style.transfer import stylize

FOLDER = Path(__file__).parent / "examples"
_FACES = {"face 1": (1, 14), "face 2": (2, 3)}  # name -> seed and index, chosen by eye
_SIDE = 512


def contents() -> list[Path]:
    """Pictures to paint again, the first of them shown when the page opens."""
    return [_path(name) for name in (*SCENES, *_FACES)]


def styles() -> list[Path]:
    """Pictures to paint like."""
    return [_path(name) for name in PAINTINGS]


def pastiche() -> Path:
    """The first content in the manner of the first style, as `stylize` painted it."""
    return FOLDER / "pastiche.jpg"


def draw() -> Iterator[tuple[Path, NDArray[np.uint8]]]:
    """Every example with its path, drawn afresh, uint8 [H, W, 3]."""
    for name, picture in (SCENES | PAINTINGS).items():
        yield _path(name), picture()
    snapshot = load_snapshot(resolve("dcgan-kaokore-64"))
    for name, (seed, index) in _FACES.items():
        made = to_uint8(sample(snapshot, 1, seed, first=index))[0]
        yield _path(name), resize(made, _SIDE, _SIDE)


def write() -> None:
    """Draw and save them all."""
    for path, pixels in draw():
        Image.fromarray(pixels).save(path, quality=88, subsampling=0)
    painted = [read_picture(path) for path in (contents()[0], styles()[0])]
    *_, end = stylize(StyleConfig(seconds=30), Content(painted[0]), [Style((painted[1],))])
    assert isinstance(end, Pastiche) and end.image is not None
    Image.fromarray(end.image).save(pastiche(), quality=88, subsampling=0)


def _path(name: str) -> Path:
    return FOLDER / f"{name.replace(' ', '-')}.jpg"
