"""What a model has made, each with the nearest of the pictures it learned from: for its owner."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_core.gan.copies import CopyFinder, Neighbour, worst_first
from gan_core.gan.latents import sample
from gan_core.gan.run import BEST_FOLDER, DATASET_FILE
from gan_core.gan.snapshot import load_snapshot
from gan_core.pictures import encode_png, make_grid, read_dataset, to_uint8
from ui import run_texts as texts
from ui.view import thin

_MOST_REAL = 2000  # as many as a run learns from

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Pair:
    """A made picture, the nearest real one, both uint8 [S, S, 3], and how near that is."""

    made: Pixels
    real: Pixels
    found: Neighbour

    @property
    def sentence(self) -> str:
        """How near, by how near the real ones are to one another."""
        farther = 1 - self.found.rank  # so many real ones lie farther from their own nearest
        near = texts.NEARER.format(share=farther) if farther > 0 else texts.FARTHER
        return f"{texts.LIKE_A_COPY} {near}" if self.found.is_copy else near

    @property
    def side_by_side(self) -> Pixels:
        """Made, left, and real."""
        return make_grid(np.stack([self.made, self.real]), 2)

    def as_html(self) -> str:
        """The two with the sentence below, inside the page itself: a run's folder is not served."""
        png = base64.b64encode(encode_png(self.side_by_side)).decode()
        return (
            f'<figure><img alt="{texts.PAIR_ALT}" src="data:image/png;base64,{png}">'
            f"<figcaption>{self.sentence}</figcaption></figure>"
        )


def nearest_of(folder: Path, made: Pixels) -> list[Pair]:
    """Find the nearest of a run's pictures to each of `made`, uint8 [N, S, S, 3] of their size.

    Raises: BadDataset when they are not here.
    """
    images = read_dataset(folder / DATASET_FILE).images
    real = images[thin(range(len(images)), _MOST_REAL)]
    found = CopyFinder(real).nearest(made)
    return [
        Pair(each, real[neighbour.index], neighbour)
        for each, neighbour in zip(made, found, strict=True)
    ]


def worst_pairs(folder: Path, most: int = 8, n_made: int = 64, seed: int = 0) -> Sequence[Pair]:
    """Of the pictures that a run's model makes, those most like one it learned from; copies first.

    Raises: BadWeights without a model, BadDataset without the pictures.
    """
    snapshot = load_snapshot(folder / BEST_FOLDER)
    made = to_uint8(sample(snapshot, n_made, seed))
    pairs = nearest_of(folder, made)
    return [pairs[index] for index in worst_first([pair.found for pair in pairs])[:most]]
