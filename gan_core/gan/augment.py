"""Differentiable augmentation for small data: the same kind of change on real and fake pictures.

Source: Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training"
(arXiv:2006.10738); the strengths are theirs. D then never sees
an unchanged picture, so it cannot win by learning a small set by heart, and because every change
is differentiable, G learns through it without drawing the changes into its own pictures.

Differs: translation is a product with shifted identity matrices instead of an index gather, which
on a CPU has a far cheaper backward pass.
"""

from collections.abc import Callable, Sequence

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
    x = x + _uniform(x, -_BRIGHTNESS, _BRIGHTNESS, rng)
    grey = x.mean(dim=1, keepdim=True)
    x = torch.lerp(grey, x, _uniform(x, *_SATURATION, rng))
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(mean, x, _uniform(x, *_CONTRAST, rng))


def _translation(x: Tensor, rng: torch.Generator) -> Tensor:
    """Shift each picture; what comes in from outside is 0, mid-grey, as in the paper."""
    down = _shift_matrix(len(x), x.shape[2], rng).to(x.device)  # [N, 1, H, H]
    right = _shift_matrix(len(x), x.shape[3], rng).to(x.device)  # [N, 1, W, W]
    return down @ x @ right.transpose(2, 3)


def _shift_matrix(n: int, side: int, rng: torch.Generator) -> Tensor:
    """[n, 1, side, side]: row i picks column i + shift, or nothing when that lies outside."""
    limit = round(side * _SHIFT)
    shift = torch.randint(-limit, limit + 1, (n, 1, 1, 1), generator=rng)
    row, column = torch.arange(side).view(1, 1, -1, 1), torch.arange(side).view(1, 1, 1, -1)
    return (column == row + shift).float()


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
