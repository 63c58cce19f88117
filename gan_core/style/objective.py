"""At one size: what the optimised picture is compared with, and the weighted sum of the terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from gan_core.features.network import FeatureNet
from gan_core.style.config import Objective, layer_weights
from gan_core.style.losses import content_loss, gram_matrix, style_loss, tv_loss

# At strength 50 a whole unit of style loss counts this many times a whole unit of content loss;
# 25 more (less) on the dial, ten times as much (as little). Chosen by eye on StyleNet.
_BALANCE, _DECADE = 3.0, 25.0


@dataclass(frozen=True)
class Terms:
    """The three losses (unweighted, each in the objective's form), and their weighted sum."""

    content: Tensor
    style: Tensor
    tv: Tensor
    total: Tensor


@dataclass(frozen=True)
class Weights:
    """Factors of the three terms in the sum."""

    content: float
    style: float
    tv: float


def weigh(objective: Objective, strength: float) -> Weights:
    """The factors of the terms. In the relative form content and style sum to 1, by `strength`."""
    if objective.form == "lesson":
        return Weights(objective.content_weight, objective.style_weight, objective.tv_weight)
    ratio = _BALANCE * 10 ** ((strength - 50) / _DECADE)
    ratio *= objective.style_weight / max(objective.content_weight, 1e-9)
    return Weights(1 / (1 + ratio), ratio / (1 + ratio), objective.tv_weight)


class Target:
    """Content features and style Gram matrices at one size.

    content: float [1, 3, H, W] in [0, 1]. grams: the style's, by layer. protect: [1, 1, H, W],
    1 where the content stays, or None.
    """

    def __init__(
        self,
        network: FeatureNet,
        objective: Objective,
        weights: Weights,
        content: Tensor,
        grams: Mapping[str, Tensor],
        protect: Tensor | None = None,
    ) -> None:
        self._network, self._objective, self._weights = network, objective, weights
        self._content, self._grams, self._protect = content, grams, protect
        self._layers = layers_of(objective)
        with torch.no_grad():
            found = self._network(content, self._layers)
            self._where = {
                layer: None if protect is None else adaptive_avg_pool2d(1 - protect, h.shape[2:])
                for layer, h in found.items()
            }
            self._features = {layer: found[layer] for layer in objective.content_layers}
            # How far the content is from the style: "0 % matched".
            self.style_gap = float(self._style(found, "relative")) if grams else 0.0

    def shown(self, x: Tensor) -> Tensor:
        """x with the protected part of the content laid over it."""
        if self._protect is None:
            return x
        return self._protect * self._content + (1 - self._protect) * x

    def evaluate(self, x: Tensor) -> Terms:
        """The losses of x [1, 3, H, W] in [0, 1]; differentiable."""
        x = self.shown(x)
        found = self._network(x, self._layers)
        form = self._objective.form
        zero = x.new_zeros(())
        content = [content_loss(found[k], f, form) for k, f in self._features.items()]
        terms = (
            torch.stack(content).mean() if content else zero,
            self._style(found, form) if self._grams else zero,
            tv_loss(x, self._objective.tv),
        )
        w = self._weights
        return Terms(*terms, w.content * terms[0] + w.style * terms[1] + w.tv * terms[2])

    @torch.no_grad()
    def judge(self, x: Tensor) -> tuple[float, float]:
        """Share of the style gap closed and of the content's features kept by x, as it is shown."""
        found = self._network(x, self._layers)
        kept = [1 - float(content_loss(found[k], f)) for k, f in self._features.items()]
        left = float(self._style(found, "relative")) if self._grams else 0.0
        matched = 1 - left / self.style_gap if self.style_gap > 1e-6 else 1.0
        return max(0.0, matched), max(0.0, sum(kept) / len(kept) if kept else 0.0)

    def _style(self, found: Mapping[str, Tensor], form: str) -> Tensor:
        grams = {layer: gram_matrix(found[layer], self._where[layer]) for layer in self._grams}
        return style_loss(grams, self._grams, form, layer_weights(self._objective))


def layers_of(objective: Objective) -> tuple[str, ...]:
    """Every layer that the objective looks at."""
    return tuple(dict.fromkeys((*objective.content_layers, *objective.style_layers)))


@torch.no_grad()
def mean_grams(
    network: FeatureNet, objective: Objective, pictures: Iterable[tuple[Tensor, float]]
) -> dict[str, Tensor]:
    """Gram matrices of style pictures [1, 3, H, W], averaged by their weights, which sum to 1."""
    grams: dict[str, Tensor] = {}
    for picture, weight in pictures:
        found = network(picture, objective.style_layers) if objective.style_layers else {}
        for layer in objective.style_layers:  # in its order, for its weights
            part = gram_matrix(found[layer]) * weight
            grams[layer] = grams[layer] + part if layer in grams else part
    return grams


def to_unit(pixels: NDArray[np.uint8]) -> Tensor:
    """uint8 [H, W, 3] -> float32 [1, 3, H, W] in [0, 1]."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).unsqueeze(0).float() / 255


def from_unit(x: Tensor) -> NDArray[np.uint8]:
    """[1, 3, H, W] in [0, 1] -> uint8 [H, W, 3], rounded, clamped."""
    levels = x.detach()[0].float().mul(255).round().clamp(0, 255).to(torch.uint8)
    pixels: NDArray[np.uint8] = levels.permute(1, 2, 0).contiguous().cpu().numpy()
    return pixels
