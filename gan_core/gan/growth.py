"""Progressive growing: which side a network works at, by the number of pictures shown so far.

Source: Karras et al. 2018, "Progressive Growing of GANs" (arXiv:1710.10196), section 2 and appendix
A: learning begins with small pictures; then the side is doubled again and again, and each time the
new layers fade in, so that they do not upset those that have learned already.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan_core.gan.config import TrainConfig

_FADES = 1000  # steps of fading that are told apart


@dataclass(frozen=True)
class Stage:
    """How far growing is. fade: what the layers of this side count, in [0, 1]; 1 = grown."""

    side: int
    fade: float = 1.0


def stage_at(nimg: int, config: TrainConfig) -> Stage | None:
    """The stage after `nimg` pictures, a pure function of images seen; None without growing.

    Each side has `grow_kimg`: in the first half its layers fade in, in the second they are whole.
    The first side has nothing to fade in from, and so but the second half.
    """
    if not config.grow_from:
        return None
    stages, share = divmod(nimg / (config.grow_kimg * 1000) + 0.5, 1)
    side = config.grow_from * 2 ** int(min(stages, 10))
    if side > config.network.resolution:
        return Stage(config.network.resolution)
    if side == config.grow_from:
        return Stage(side)
    return Stage(side, min(1.0, int(2 * share * _FADES) / _FADES))


def what_lacks(nimg: int, config: TrainConfig) -> str:
    """What is to be said of a run that ends after `nimg` pictures; "" if all is grown, or none."""
    stage, whole = stage_at(nimg, config), config.network.resolution
    if stage is None or stage == Stage(whole):
        return ""
    needed = config.grow_kimg * math.log2(whole / config.grow_from)
    return (
        f"It ends at {stage.side} of {whole} px, faded in by {stage.fade:.0%}, after"
        f" {nimg / 1000:.1f} thousand pictures. It is grown after {needed:g}, and can go on."
    )


class Growing(nn.Module):
    """A network that works at one side of `sides` at a time. The stage travels with its weights."""

    def __init__(self, sides: Sequence[int]) -> None:
        super().__init__()
        self.sides, self.side, self.fade = tuple(sides), sides[-1], 1.0

    def grow(self, side: int, fade: float) -> None:
        """Work at this side, whose layers count `fade` in [0, 1]. Raises: ValueError."""
        can_fade = side != self.sides[0]
        if side not in self.sides or not 0 <= fade <= 1 or (fade < 1 and not can_fade):
            raise ValueError(f"a side of {side}, faded in by {fade:g}, is none of {self.sides}")
        self.side, self.fade = side, fade

    def get_extra_state(self) -> Tensor:
        """The stage in whole numbers, as a tensor of the state dict."""
        return torch.tensor([self.side, round(self.fade * _FADES)])

    def set_extra_state(self, state: Tensor) -> None:
        """Take the stage from a state dict."""
        side, fade = state.tolist()
        self.grow(side, fade / _FADES)


def learned_side(G: nn.Module, resolution: int) -> int:
    """The largest side that G makes whole. resolution: that of its network."""
    if not isinstance(G, Growing):
        return resolution
    return G.side if G.fade == 1 else G.side // 2


def begins_at(G: nn.Module, have: int, resolution: int) -> int:
    """The side at which a run of `resolution` begins to grow out of G, 0 if it need not grow.

    have: the resolution of G's network, which may have been kept before it was grown.
    """
    learned = learned_side(G, have)
    return learned if learned < resolution else 0


def enlarge(x: Tensor, side: int) -> Tensor:
    """[N, C, s, s] -> [N, C, side, side] by repeating pixels; side: a multiple of s."""
    return x if x.shape[2] == side else interpolate(x, size=(side, side), mode="nearest")


def reduce(x: Tensor, side: int) -> Tensor:
    """[N, C, S, S] -> [N, C, side, side] by averaging areas."""
    return x if x.shape[2] == side else interpolate(x, size=(side, side), mode="area")


def like(x_fake: list[Tensor], x_real: Tensor, fade: float = 1.0) -> list[Tensor]:
    """Real pictures of the sizes of the made ones. x_real: [N, 3, S, S], of the full size.

    While a side fades in, its pictures are between the last side's and their own, as the made ones
    are (Karras et al. 2018, figure 2): else D would know them by their fine detail.
    """
    scales = [reduce(x_real, made.shape[2]) for made in x_fake]
    if fade < 1:
        side = scales[-1].shape[2]
        scales[-1] = torch.lerp(enlarge(reduce(scales[-1], side // 2), side), scales[-1], fade)
    return scales
