"""Differentiable augmentation for small data: the same kind of change on real and fake pictures.

Source: Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training"
(arXiv:2006.10738); the strengths are theirs. D then never sees
an unchanged picture, so it cannot win by learning a small set by heart, and because every change
is differentiable, G learns through it without drawing the changes into its own pictures.

Differs: translation copies rectangles, there and back, instead of an index gather, whose backward
pass is slow on a CPU; and the three changes of colour are made in one.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

_BRIGHTNESS = 0.5  # added, uniform in +- 0.5 on the [-1, 1] range
_SATURATION = (0.0, 2.0)
_CONTRAST = (0.5, 1.5)
_SHIFT = 1 / 8  # of the side, either way
_CUTOUT = 1 / 2  # side of the grey square, as a share of the picture's


def augment(x: Tensor, policy: Sequence[str], rng: torch.Generator, share: float = 1.0) -> Tensor:
    """Change each picture by random amounts, in the order color, translation, cutout.

    share: of the pictures, that are changed at all (ADA's p, Karras et al. 2020, for all changes
    together).

    x: float [N, 3, H, W] in [-1, 1]. policy: names among config.AUGMENTATIONS; empty = unchanged.
    rng: a CPU generator; all random numbers come from it. Returns the same shape, float32, not
    clamped: brightness and contrast may leave [-1, 1].
    """
    return augment_scales([x], policy, rng, share)[0]


def augment_scales(
    scales: list[Tensor], policy: Sequence[str], rng: torch.Generator, share: float = 1.0
) -> list[Tensor]:
    """Change all sizes of a picture alike. scales: as x of `augment`, the smallest first.

    Places are drawn in pixels of the largest, and are rounded to those of the others.
    """
    if not policy or share == 0:
        return scales
    device = scales[0].device
    with torch.autocast(device.type, enabled=False):
        scales = unchanged = [x.float() for x in scales]
        for name in ("color", "translation", "cutout"):
            if name in policy:
                scales = _CHANGES[name](scales, rng)
        if share < 1:
            is_changed = torch.rand(len(scales[0]), 1, 1, 1, generator=rng).to(device) < share
            pairs = zip(scales, unchanged, strict=True)
            scales = [torch.where(is_changed, x, before) for x, before in pairs]
    return scales


def mirror(x: Tensor, rng: torch.Generator) -> Tensor:
    """Flip each picture left to right with probability 1/2. x: [N, 3, H, W]."""
    flip = torch.rand(len(x), 1, 1, 1, generator=rng).to(x.device) < 0.5
    return torch.where(flip, x.flip(3), x)


def _uniform(x: Tensor, low: float, high: float, rng: torch.Generator) -> Tensor:
    """One number a picture, [N, 1, 1, 1], uniform in [low, high]."""
    numbers = torch.rand(len(x), 1, 1, 1, generator=rng) * (high - low) + low
    return numbers.to(x.device)


def _color(scales: list[Tensor], rng: torch.Generator) -> list[Tensor]:
    """Brightness b, then saturation s, then contrast c, which together are one linear change.

    Step by step: x + b; grey + s (x - grey) with each pixel's grey; mean + c (x - mean) with the
    picture's mean, which saturation leaves alone. So one pass over the colours does.
    """
    largest = scales[-1]
    brightness = _uniform(largest, -_BRIGHTNESS, _BRIGHTNESS, rng)
    saturation, contrast = (_uniform(largest, *by, rng) for by in (_SATURATION, _CONTRAST))

    def change(x: Tensor) -> Tensor:
        grey = x.mean(dim=1, keepdim=True)  # [N, 1, H, W]
        mean = grey.mean(dim=(2, 3), keepdim=True)
        rest = torch.addcmul(brightness + (1 - contrast) * mean, contrast * (1 - saturation), grey)
        return torch.addcmul(rest, contrast * saturation, x)

    return [change(x) for x in scales]


def _translation(scales: list[Tensor], rng: torch.Generator) -> list[Tensor]:
    """Shift each picture; what comes in from outside is 0, mid-grey, as in the paper."""
    n, _, height, width = scales[-1].shape
    down, right = _shifts(n, height, rng), _shifts(n, width, rng)
    return [
        _Shift.apply(
            x,
            [round(shift * x.shape[2] / height) for shift in down],
            [round(shift * x.shape[3] / width) for shift in right],
        )
        for x in scales
    ]


def _shifts(n: int, side: int, rng: torch.Generator) -> list[int]:
    limit = round(side * _SHIFT)
    shifts: list[int] = (
        torch.randint(-limit, limit + 1, (n, 1, 1, 1), generator=rng).flatten().tolist()
    )
    return shifts


class _Shift(torch.autograd.Function):
    """Pixel (i, j) of picture n becomes that at (i + down[n], j + right[n]), or 0 outside."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, down: list[int], right: list[int]) -> Tensor:
        ctx.shifts = down, right
        shifted = torch.zeros_like(x)
        for before, after, i, j in zip(x, shifted, down, right, strict=True):
            (to_rows, rows), (to_columns, columns) = _overlap(i), _overlap(j)
            after[:, to_rows, to_columns].copy_(before[:, rows, columns])
        return shifted

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        back = [[-shift for shift in shifts] for shifts in ctx.shifts]
        return _Shift.apply(gradient, *back), None, None


def _overlap(shift: int) -> tuple[slice, slice]:
    """Where pixels go and where they come from, along one axis."""
    kept = slice(None, -abs(shift) or None), slice(abs(shift), None)
    return kept if shift >= 0 else (kept[1], kept[0])


def _cutout(scales: list[Tensor], rng: torch.Generator) -> list[Tensor]:
    """Blank a square, placed so that its centre is anywhere in the picture."""
    n, _, height, width = scales[-1].shape
    down, right = (torch.randint(0, side, (n, 1), generator=rng) for side in (height, width))

    def change(x: Tensor) -> Tensor:
        rows = _band(down * x.shape[2] // height, x.shape[2])
        columns = _band(right * x.shape[3] // width, x.shape[3])
        inside = rows.unsqueeze(2) & columns.unsqueeze(1)
        return x * (~inside).unsqueeze(1).to(x.device, x.dtype)

    return [change(x) for x in scales]


def _band(centre: Tensor, side: int) -> Tensor:
    """centre: whole [n, 1]. Returns [n, side] bool: True in a run of side * _CUTOUT around it."""
    distance = torch.arange(side) - centre
    half = round(side * _CUTOUT / 2)
    return (distance >= -half) & (distance < half)


_CHANGES: dict[str, Callable[[list[Tensor], torch.Generator], list[Tensor]]] = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
}
