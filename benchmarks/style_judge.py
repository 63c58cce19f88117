"""A judge of pastiches that no network was trained for and no transfer was optimised against.

Style: Gram matrices of random filters. One layer of random filters of several sizes carries texture
about as well as a trained network does (Ustyuzhaninov et al. 2016, arXiv:1606.00021).
Structure: SSIM of luminance (Wang et al. 2004). Neither needs a download.
Below, the judgements of many pastiches as tables, networks side by side.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, pad, relu
from torchmetrics.functional.image import structural_similarity_index_measure

from gan_core.style.color import luminance
from gan_core.style.objective import to_unit
from gan_core.style.sizes import resize, resize_area

Pixels = NDArray[np.uint8]  # [H, W, 3]
_SIZES, _EACH, _OCTAVES, _SEED = (3, 5, 7), 32, 4, 2016
_COLOUR = 1.5  # brings the colours' part of a Gram matrix to about the size of the filters' part
_TINY = 1e-9
_LEVELS = np.arange(2, 10) / 10  # of SSIM, at which networks are compared


class FilterBank(nn.Module):
    """Random filters with ReLU at every octave of an average pyramid, and the raw colours.

    Each filter sums to 0 in every colour and has length 1: it answers to texture alone, and what
    colours there are is told by the three raw channels beside it.
    """

    def __init__(self) -> None:
        super().__init__()
        rng = np.random.default_rng(_SEED)  # PCG64 is specified: the same judge on every machine
        for size in _SIZES:
            filters = rng.standard_normal((_EACH, 3, size, size))
            filters -= filters.mean((2, 3), keepdims=True)
            filters /= np.linalg.norm(filters.reshape(_EACH, -1), axis=1)[:, None, None, None]
            self.register_buffer(f"filters_{size}", torch.from_numpy(filters).float())

    @torch.no_grad()
    def forward(self, x: Tensor) -> list[Tensor]:
        """x: [1, 3, H, W] in [0, 1]. Returns a Gram matrix [99, 99] for each octave."""
        grams = []
        for octave in range(_OCTAVES):
            if octave and min(x.shape[2:]) >= 2 * max(_SIZES):  # else: the octave before, again
                x = avg_pool2d(x, 2)
            answers = [_COLOUR * (x - 0.5)]
            for size in _SIZES:
                framed = pad(x, (size // 2,) * 4, mode="replicate")
                answers.append(relu(conv2d(framed, self.get_buffer(f"filters_{size}"))))
            flat = torch.cat(answers, 1)[0].flatten(1)
            grams.append(flat @ flat.T / flat.shape[1])
        return grams


def style_gap_closed(pastiche: Pixels, content: Pixels, style: Pixels) -> float:
    """Which share of the way from the content's Gram matrices to the style's was gone.

    1 at the style, 0 at the content, negative beyond it; the mean over octaves. The style is
    brought to the pastiche's area, as `stylize` does, and the content to its size.
    """
    height, width = pastiche.shape[:2]
    reached = _grams(pastiche)
    begun, aimed = (
        _grams(resize(content, width, height)),
        _grams(resize_area(style, (height * width) ** 0.5)),
    )
    shares = [
        1 - _norm(now - end) / max(_norm(start - end), _TINY)
        for now, start, end in zip(reached, begun, aimed, strict=True)
    ]
    return sum(shares) / len(shares)


def nearest_style(pastiche: Pixels, styles: Sequence[Pixels]) -> int:
    """Index of the style whose Gram matrices are the nearest, each distance by the two's size."""
    side = (pastiche.shape[0] * pastiche.shape[1]) ** 0.5
    reached = _grams(pastiche)
    distances = [
        sum(
            _norm(now - end) / max(_norm(now) + _norm(end), _TINY)
            for now, end in zip(reached, _grams(resize_area(style, side)), strict=True)
        )
        for style in styles
    ]
    return distances.index(min(distances))


def structure_kept(pastiche: Pixels, content: Pixels) -> float:
    """SSIM of luminance, 1 for equal pictures; the content is brought to the pastiche's size."""
    height, width = pastiche.shape[:2]
    pair = [_luminance(each) for each in (pastiche, resize(content, width, height))]
    similarity = structural_similarity_index_measure(pair[0], pair[1], data_range=1.0)
    assert isinstance(similarity, Tensor)  # a pair only where the whole map was asked for
    return float(similarity)


@lru_cache(maxsize=1)
def _bank() -> FilterBank:
    return FilterBank()


def _grams(pixels: Pixels) -> list[Tensor]:
    found: list[Tensor] = _bank()(to_unit(pixels))
    return found


def _norm(x: Tensor) -> float:
    return float(torch.linalg.matrix_norm(x))


def _luminance(pixels: Pixels) -> Tensor:
    return torch.from_numpy(luminance(pixels) / np.float32(255))[None, None]


@dataclass(frozen=True)
class Judged:
    """One pastiche and what the judge says of it. fade: how much of it lies over its content, and
    1 for the pastiche itself; faded ones tell what is to be had beyond the least strength.
    """

    network: str
    pair: tuple[str, str]  # names of content and style
    strength: float
    closed: float
    kept: float
    is_right: bool
    image: Pixels
    fade: float = 1.0


def judge(
    network: str,
    pair: tuple[str, str],
    strength: float,
    image: Pixels,
    content: Pixels,
    styles: Mapping[str, Pixels],
    fade: float = 1.0,
) -> Judged:
    """All that the judge says of one pastiche; its style is among `styles`."""
    closed = style_gap_closed(image, content, styles[pair[1]])
    nearest = list(styles)[nearest_style(image, list(styles.values()))]
    kept = structure_kept(image, content)
    return Judged(network, pair, strength, closed, kept, nearest == pair[1], image, fade)


def blend(content: Pixels, pastiche: Pixels, share: float) -> Pixels:
    """`share` of the pastiche over its content."""
    mixed: Pixels = (share * pastiche + (1.0 - share) * content).round().astype(np.uint8)
    return mixed


def closed_at(judged: Sequence[Judged], label: str, pair: tuple[str, str], kept: float) -> float:
    """Style gap closed by one network for one pair, interpolated at an SSIM; NaN beyond its reach.

    Strength 0 is the content itself: SSIM 1, nothing closed. Between it and the least strength
    lie the faded pastiches.
    """
    points = [
        (each.kept, each.closed) for each in judged if (each.network, each.pair) == (label, pair)
    ]
    x, y = zip(*sorted([*points, (1.0, 0.0)]), strict=True)
    return float(np.interp(kept, x, y, left=np.nan))


def table_by_strength(judged: Sequence[Judged], labels: Sequence[str]) -> list[str]:
    """Markdown: a line for every network and strength."""
    lines = ["| network | strength | style gap closed | structure (SSIM) | right style |"]
    lines.append("|---|---:|---:|---:|---:|")
    for label in labels:
        for strength in sorted({each.strength for each in judged}):
            these = [e for e in judged if (e.network, e.strength, e.fade) == (label, strength, 1)]
            closed, kept = [e.closed for e in these], [e.kept for e in these]
            lines.append(
                f"| {label} | {strength:g} | {_spread(closed)} | {_spread(kept)}"
                f" | {sum(e.is_right for e in these)} of {len(these)} |"
            )
    return lines


def table_at_equal_structure(judged: Sequence[Judged], labels: Sequence[str]) -> list[str]:
    """Markdown: a line for every network; only pairs for which all networks reach the level."""
    pairs = sorted({each.pair for each in judged})
    rows = {label: [] for label in labels}  # type: dict[str, list[str]]
    head = []
    for level in _LEVELS:
        values = np.array([[closed_at(judged, k, pair, level) for pair in pairs] for k in labels])
        reached = ~np.isnan(values).any(0)
        if 2 * reached.sum() < len(pairs):
            continue
        head.append(f"SSIM {level:.1f} ({reached.sum()} of {len(pairs)} pairs)")
        for label, row in zip(labels, values[:, reached], strict=True):
            rows[label].append(_spread(row.tolist()))
    lines = [f"| network | {' | '.join(head)} | right style |", "|---" * (len(head) + 2) + "|"]
    for label in labels:
        rights = [e.is_right for e in judged if e.network == label and e.fade == 1]
        share = f"{statistics.mean(rights):.0%} of {len(rights)}"
        lines.append(f"| {label} | {' | '.join([*rows[label], share])} |")
    return lines


def _spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.3f} ± {statistics.pstdev(values):.3f}"
