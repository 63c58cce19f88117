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
    if not policy or share == 0:
        return x
    with torch.autocast(x.device.type, enabled=False):
        x = unchanged = x.float()
        for name in ("color", "translation", "cutout"):
            if name in policy:
                x = _CHANGES[name](x, rng)
        if share < 1:
            is_changed = torch.rand(len(x), 1, 1, 1, generator=rng) < share
            x = torch.where(is_changed.to(x.device), x, unchanged)
    return x


def mirror(x: Tensor, rng: torch.Generator) -> Tensor:
    """Flip each picture left to right with probability 1/2. x: [N, 3, H, W]."""
    flip = torch.rand(len(x), 1, 1, 1, generator=rng).to(x.device) < 0.5
    return torch.where(flip, x.flip(3), x)


def _uniform(x: Tensor, low: float, high: float, rng: torch.Generator) -> Tensor:
    """One number a picture, [N, 1, 1, 1], uniform in [low, high]."""
    numbers = torch.rand(len(x), 1, 1, 1, generator=rng) * (high - low) + low
    return numbers.to(x.device)


def _color(x: Tensor, rng: torch.Generator) -> Tensor:
    """Brightness b, then saturation s, then contrast c, which together are one linear change.

    Step by step: x + b; grey + s (x - grey) with each pixel's grey; mean + c (x - mean) with the
    picture's mean, which saturation leaves alone. So one pass over the colours does.
    """
    brightness = _uniform(x, -_BRIGHTNESS, _BRIGHTNESS, rng)
    saturation, contrast = _uniform(x, *_SATURATION, rng), _uniform(x, *_CONTRAST, rng)
    grey = x.mean(dim=1, keepdim=True)  # [N, 1, H, W]
    mean = grey.mean(dim=(2, 3), keepdim=True)
    rest = torch.addcmul(brightness + (1 - contrast) * mean, contrast * (1 - saturation), grey)
    return torch.addcmul(rest, contrast * saturation, x)


def _translation(x: Tensor, rng: torch.Generator) -> Tensor:
    """Shift each picture; what comes in from outside is 0, mid-grey, as in the paper."""
    shifts = [_shifts(len(x), side, rng) for side in x.shape[2:]]
    shifted: Tensor = _Shift.apply(x, *shifts)
    return shifted


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


def _cutout(x: Tensor, rng: torch.Generator) -> Tensor:
    """Blank a square, placed so that its centre is anywhere in the picture."""
    height, width = x.shape[2:]
    inside = _band(len(x), height, rng).unsqueeze(2) & _band(len(x), width, rng).unsqueeze(1)
    return x * (~inside).unsqueeze(1).to(x.device, x.dtype)


def _band(n: int, side: int, rng: torch.Generator) -> Tensor:
    """[n, side] bool: True in a run of side * _CUTOUT around a random centre."""
    centre = torch.randint(0, side, (n, 1), generator=rng)
    distance = torch.arange(side) - centre
    half = round(side * _CUTOUT / 2)
    return (distance >= -half) & (distance < half)


_CHANGES: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
}
