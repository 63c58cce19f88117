"""Finding the real picture that a made one repeats, by thumbnails.

Two pictures are compared as 8 x 8 colour thumbnails, each less its mean level and brought to one
length: 0 apart when equal, about 1.4 when they have nothing in common. Noise, blur, JPEG and light
hardly reach a thumbnail. Mirroring and shifts do, so that each real picture is compared in 18
forms and the nearest counts. Deep features found fewer copies (docs/experiments.md, Memorisation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, pad

Images: TypeAlias = NDArray[np.uint8]  # [N, S, S, 3]

MOST_REAL = 2000  # to look among: the distances between them take 16 MB
_SIDE = 8
_SHIFT = 1 / 32  # of the picture's side, a quarter of a thumbnail's pixel
_FLAT = 0.02  # of the range: a picture of less contrast is not raised to full length
_COPY = 0.55  # of the distance to the second-nearest real picture ...
_LEAST = 0.4  # ... or of this share of a usual distance, where the real ones have twins
_USUAL = 5  # neighbours away
_BATCH = 64


@dataclass(frozen=True)
class Neighbour:
    """The real picture nearest to a made one.

    distance: between thumbnails, in [0, 2]; 0 = equal up to brightness, contrast, a small shift and
    mirroring. rank: the share of the real pictures that lie nearer to another real one than this;
    0.5 is as far as they usually are. is_copy: whether it lies so much nearer than any other real
    picture that it must repeat this one.
    """

    index: int
    distance: float
    rank: float
    is_copy: bool


class CopyFinder:
    """Looks for made pictures among real ones. real: uint8 [N, S, S, 3], at least 2.

    A made picture is a copy when it lies nearer to a real one than 0.55 of its distance to the
    second-nearest (as Lowe 2004, section 7.1, tells keypoints apart). The second counts as 0.4 of
    a usual distance between real ones at least, for where these have twins.

    It finds all photographs and paintings that were shifted by 1/32 of the side, mirrored, blurred,
    compressed, made noisy, darker or brighter; 98 % of warped ones, 94 % of those cut by a tenth;
    of icons on white all or half. Of other pictures of a kind it accuses 0 to 3 %, of icons that
    differ by an eyebrow 10 %, of other kinds none (docs/experiments.md, Memorisation).
    """

    def __init__(self, real: Images) -> None:
        self._forms = _forms(real)
        between = self._distances(self._forms[0]).fill_diagonal_(torch.inf)
        usual = min(_USUAL, len(real) - 1)
        nearest = between.topk(usual, largest=False).values
        self._alone = nearest[:, 0].sort().values
        self._least = _LEAST * float(nearest[:, -1].median())

    def nearest(self, made: Images) -> list[Neighbour]:
        """For each picture, uint8 [M, S, S, 3], the nearest of the real ones."""
        two = self._distances(_level(_shrink(_planar(made)))).topk(2, largest=False)
        distance = two.values[:, 0].contiguous()
        rank = torch.searchsorted(self._alone, distance) / len(self._alone)
        is_copy = distance <= _COPY * two.values[:, 1].clamp_min(self._least)
        columns = (two.indices[:, 0], distance, rank, is_copy)
        return [
            Neighbour(*row) for row in zip(*(column.tolist() for column in columns), strict=True)
        ]

    def _distances(self, thumbnails: Tensor) -> Tensor:
        """[M, F] -> [M, N], to the nearest form of each real picture."""
        nearest = torch.cdist(thumbnails, self._forms[0])
        for form in self._forms[1:]:
            torch.minimum(nearest, torch.cdist(thumbnails, form), out=nearest)
        return nearest


def worst_first(found: Sequence[Neighbour]) -> list[int]:
    """The order in which to look at them: copies, then by distance."""
    return sorted(range(len(found)), key=lambda i: (not found[i].is_copy, found[i].distance))


def _forms(real: Images) -> Tensor:
    """Thumbnails of all pictures in all forms: [18, N, F]; the first is the picture as it is."""
    size = real.shape[1]
    step = max(1, round(size * _SHIFT))
    steps = list(product((step, 0, 2 * step), repeat=2))  # begins with the middle
    parts = []
    for start in range(0, len(real), _BATCH):
        batch = _planar(real[start : start + _BATCH])
        wide = pad(batch, (step,) * 4, mode="replicate")
        small = [_shrink(wide[:, :, y : y + size, x : x + size]) for y, x in steps]
        parts.append(torch.stack([_level(form) for s in small for form in (s, s.flip(3))]))
    return torch.cat(parts, dim=1)


def _planar(pictures: Images) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous().float() / 255


def _shrink(x: Tensor) -> Tensor:
    return adaptive_avg_pool2d(x, _SIDE)


def _level(small: Tensor) -> Tensor:
    """[N, 3, 8, 8] in [0, 1] -> [N, F], each of mean 0 and of length 1 or less."""
    flat = small.flatten(1)
    flat = flat - flat.mean(dim=1, keepdim=True)
    length = torch.linalg.vector_norm(flat, dim=1, keepdim=True)
    levelled: Tensor = flat / length.clamp_min(_FLAT * flat.shape[1] ** 0.5)
    return levelled
