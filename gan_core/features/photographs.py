"""Labelled photographs in one file, as StyleNet learns from them.

An .npz with three arrays: `data` uint8, the JPEGs end to end; `offsets` int64 [n + 1], picture i
being data[offsets[i]:offsets[i+1]]; `labels` int16 [n], from 0.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from gan_core.errors import BadDataset
from gan_core.features.network import standardise
from gan_core.pictures.decode import decode

_SMALLEST_CROP = 0.5  # of the side
# What a crop is shown at: filters meet the same thing coarse and smooth. Small ones come first,
# for they are quick (progressive resizing, as in fast.ai's entry to DAWNBench, 2018).
_EARLY_SIDES, _LATE_SIDES = (32, 48, 48, 64), (48, 64, 64, 80)


@dataclass(frozen=True)
class Photographs:
    """images: uint8 [N, S, S, 3]; labels: int64 [N]."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> int:
        return int(self.labels.max()) + 1


def load_photographs(path: Path) -> Photographs:
    """Read and decode them all. Raises: BadDataset, BadPicture."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            data, offsets = arrays["data"], arrays["offsets"].astype(np.int64)
            labels = arrays["labels"].astype(np.int64)
        if len(offsets) != len(labels) + 1 or not len(labels) or labels.min() < 0:
            raise ValueError(f"{len(offsets)} offsets for {len(labels)} labels")
    except (OSError, EOFError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise BadDataset(
            f"{path.name} does not hold labelled photographs ({error}).",
            "It must be an .npz with the arrays data, offsets and labels: JPEGs end to end, where"
            " each begins, and its class.",
            "Check the file's name, or pack the pictures so.",
        ) from error
    # Thousands of small arrays from one: `tobytes` of a slice copies only that slice.
    pictures = [
        decode(data[begin:end].tobytes(), f"picture {index} of {path.name}").pixels
        for index, (begin, end) in enumerate(zip(offsets, offsets[1:], strict=False))
    ]
    if len({picture.shape for picture in pictures}) > 1:
        raise BadDataset(
            f"The pictures of {path.name} differ in size.",
            "All must have one size.",
            "Scale them alike before packing.",
        )
    return Photographs(np.stack(pictures), labels)


def normalise(pixels: Tensor) -> Tensor:
    """uint8 [N, H, W, 3] -> float32 [N, 3, H, W] in units of ImageNet's standard deviation."""
    return standardise(pixels.permute(0, 3, 1, 2).float() / 255)


def random_crops(x: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Cut every picture to a random square, perhaps mirrored; vary its light a little.

    x: [N, 3, S, S], normalised. share: how much of the run is over, in [0, 1].
    Returns [N, 3, R, R]; R is one for the whole batch, so that a
    feature is met at several scales: a small crop shown large is smooth, as enlarged pictures are.
    Colours move only weakly, for a style's features must see colour.
    """
    n = len(x)
    sides = _EARLY_SIDES if share < 0.5 else _LATE_SIDES
    side = sides[int(torch.randint(len(sides), (1,), generator=rng))]
    scale = torch.empty(n).uniform_(_SMALLEST_CROP, 1, generator=rng)
    shift = torch.empty(n, 2).uniform_(-1, 1, generator=rng) * (1 - scale).unsqueeze(1)
    mirrored = torch.randint(0, 2, (n,), generator=rng) * 2 - 1
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = scale * mirrored, scale, shift
    grid = affine_grid(theta, [n, 3, side, side], align_corners=False)
    crops = grid_sample(x, grid, padding_mode="border", align_corners=False)
    gain = torch.empty(n, 1, 1, 1).uniform_(0.8, 1.2, generator=rng)
    tint = torch.empty(n, 3, 1, 1).uniform_(-0.1, 0.1, generator=rng)
    return crops * gain + tint
