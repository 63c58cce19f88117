"""What style transfer makes small: content, style and total-variation losses, pure.

Gatys, Ecker & Bethge 2016 (CVPR; arXiv:1508.06576) for content and style; the total variation is
Mahendran & Vedaldi's (2015, arXiv:1412.0035, section 3). Shapes [1, C, H, W]; all return scalars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

_TINY = 1e-8
_LESSON_CHANNELS = 512  # of VGG-16 at relu4_2


def gram_matrix(features: Tensor, where: Tensor | None = None) -> Tensor:
    """Which features occur together, and how strongly, wherever that is: F F^T / (H W).

    features: [1, C, H, W]. where: [1, 1, H, W] in [0, 1], how much each place counts.
    Returns float32 [C, C], symmetric and positive semi-definite; the same for any order of places.
    """
    flat = features.float().flatten(2)[0]
    if where is None:
        return flat @ flat.T / flat.shape[1]
    weight = where.float().flatten()
    return (flat * weight) @ flat.T / weight.sum().clamp_min(_TINY)


def content_loss(features: Tensor, target: Tensor, form: str = "relative") -> Tensor:
    """How far the features are from the content's.

    "relative": squared distance as a share of the target's own square; 0 at the content.
    "lesson": half the sum of squared differences, as if there were 512 channels, VGG's number.
    """
    gap = (features.float() - target.float()).square().sum()
    if form == "lesson":
        return gap / 2 * (_LESSON_CHANNELS / features.shape[1])
    return gap / target.float().square().sum().clamp_min(_TINY)


def style_loss(
    grams: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    form: str = "relative",
    weights: Sequence[float] = (),
) -> Tensor:
    """How far Gram matrices are from the style's, by layer name; the mean over layers.

    weights: of the layers in the order of `targets`; all alike without.

    "relative": squared distance as a share of the target's own square, so that every layer, size
    and network counts alike (Cheng et al. 2021, arXiv:2104.10064, name unequal scales as the main
    cause of failures). "lesson": mean of squared differences.
    """
    parts = []
    weights = weights or [1.0] * len(targets)
    for (layer, target), weight in zip(targets.items(), weights, strict=True):
        gap = (grams[layer] - target).square()
        norm = gap.numel() if form == "lesson" else target.square().sum().clamp_min(_TINY)
        parts.append(weight * gap.sum() / norm)
    return torch.stack(parts).sum() / sum(weights)


def tv_loss(x: Tensor, form: str = "squared") -> Tensor:
    """How much neighbouring pixels differ. x: [1, 3, H, W] in [0, 1].

    "squared": mean of squared differences (a checkerboard of 0 and 1 gives 2).
    "absolute": sum of absolute differences, as in the lesson's first notebook.
    "power": sum of (dx^2 + dy^2)^1.25 in levels of 0 to 255, as in its second.
    """
    dx, dy = x[..., :, 1:] - x[..., :, :-1], x[..., 1:, :] - x[..., :-1, :]
    if form == "absolute":
        return dx.abs().sum() + dy.abs().sum()
    if form == "power":
        squared = dx[..., :-1, :].square() + dy[..., :, :-1].square()
        return (squared * 255**2 + _TINY).pow(1.25).sum()  # _TINY: its slope at 0 is finite
    return dx.square().mean() + dy.square().mean()
