"""One G and one D with colours at every scale, 8 to 256 px: to grow, or to be judged at all sizes.

Two ways past the sizes at which a plain GAN learns, of the same layers:

- one scale, which may grow (`gan.growth`): Karras et al. 2018, "Progressive Growing of GANs"
  (arXiv:1710.10196), below PG;
- all scales at once, so that G hears of every one of them directly: Karnewar and Wang 2020,
  "MSG-GAN" (arXiv:1903.06048), below MSG.

Differs from both: one convolution a doubling or halving instead of two. G's is fused with the
resampling before it (`fuse`). D's is a plain one of stride 2: a mean of 2x2 pixels right after it
would make D blind to the finest pattern, and G free to draw it. Pictures end in a tanh. What a
layer is like depends on its own side alone, so a small network is a part of a large one, and can
be grown further.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812

from gan_core.gan.config import NetworkConfig
from gan_core.gan.growth import Growing, enlarge, reduce
from gan_core.gan.networks.equalised import (
    GAIN,
    LEAK,
    EqualConv,
    EqualLinear,
    fuse,
    with_spread,
)
from gan_core.gan.networks.strided import double

_FEWEST = 8  # channels
_MEAN_KEPT = 0.998  # a step
# Spread of the first colours; 1 in PG, whose first pictures are noise from end to end of the range,
# which had to be unlearned before anything else.
_FAINT = 0.1


class Generator(Growing):
    """Turn latents into pictures: z [N, z_dim] -> float [N, 3, S, S] in [-1, 1]."""

    mean: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(sides(config.resolution))
        self.config = config
        at = {side: channels(side, config.width_G) for side in (4, *self.sides)}
        self.opening = EqualLinear(config.z_dim, 16 * at[4], GAIN)
        self.register_buffer("mean", torch.zeros(at[4], 4, 4))
        self.doublings = by_side({s: Doubling(at[s // 2], at[s]) for s in self.sides})
        self.heads = by_side({s: EqualConv(at[s], 3, 1) for s in self.sides})
        for head in self.heads.values():
            nn.init.normal_(head.weight, std=_FAINT)  # type: ignore[arg-type]

    def forward(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """z: [N, z_dim]; truncation: see `truncate`.

        Returns [N, 3, S, S] in [-1, 1]; while it grows, enlarged to S.
        """
        x = self.truncate(self.begin(z), truncation)
        return enlarge(self._paint(x, [self.side])[0], self.config.resolution)

    def scales(self, z: Tensor, truncation: float = 1.0) -> list[Tensor]:
        """What D judges: pictures of the present side, or of all sides up to it."""
        wanted = present(self) if self.config.scales == "all" else [self.side]
        return self._paint(self.truncate(self.begin(z), truncation), wanted)

    def begin(self, z: Tensor) -> Tensor:
        """What a picture begins with: z [N, z_dim] -> [N, C, 4, 4]. Learning, it keeps the mean."""
        x = self.opening(unit(z)).view(len(z), 4, 4, -1).permute(0, 3, 1, 2)
        x = unit(F.leaky_relu(x, LEAK))
        if self.training:
            self.mean.lerp_(x.detach().float().mean(0), 1 - _MEAN_KEPT)
        return x

    def truncate(self, x: Tensor, truncation: float) -> Tensor:
        """Draw what `begin` makes towards its mean: 1 leaves it, 0 gives the average picture.

        As StyleGAN does (Karras et al. 2019, section 2.1 and appendix B). A smaller z would do
        nothing here, as it is normalised.
        """
        return x if truncation == 1 else self.mean.to(x.dtype).lerp(x, truncation)

    def _paint(self, x: Tensor, wanted: list[int]) -> list[Tensor]:
        before = self.side // 2  # what a side that fades in is mixed with
        asked = {*wanted, *([before] if self.fade < 1 else [])}
        pictures: dict[int, Tensor] = {}
        for side in present(self):
            x = self.doublings[str(side)](x)
            if side in asked:
                pictures[side] = torch.tanh(self.heads[str(side)](x))
        if self.fade < 1:  # PG, figure 2
            old, new = enlarge(pictures[before], self.side), pictures[self.side]
            pictures[self.side] = torch.lerp(old, new, self.fade)
        return [pictures[side] for side in wanted]


class Discriminator(Growing):
    """Score pictures -> logits [N], above 0 for "real"."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(sides(config.resolution))
        self.config = config
        at = {side: channels(side, config.width_D) for side in (4, *self.sides)}
        self.readers = by_side({s: EqualConv(3, at[s], 1) for s in self.sides})
        self.halvings = by_side({s: EqualConv(at[s], at[s // 2], 4, GAIN) for s in self.sides})
        self.closing = EqualLinear(16 * (at[4] + 1), at[4], GAIN)
        self.verdict = EqualLinear(at[4], 1)

    def forward(self, x: Tensor | list[Tensor]) -> Tensor:
        """x: all scales, smallest first, or one picture: of the present side or of the full one.

        Each [N, 3, s, s] in [-1, 1]. Returns logits [N]. Raises: ValueError for other sizes.
        """
        scales = self._scales(x)
        side = self.side
        h = self._read(scales, side)
        while side > 4:
            h = F.leaky_relu(self.halvings[str(side)](h), LEAK, inplace=True)
            side //= 2
            if side in scales:
                fade = self.fade if 2 * side == self.side else 1.0
                h = self._join(self._read(scales, side), h, fade)
        h = with_spread(h).permute(0, 2, 3, 1).flatten(1)
        h = F.leaky_relu(self.closing(h), LEAK)
        logits: Tensor = self.verdict(h)
        return logits.flatten()

    def blocks(self) -> list[list[nn.Parameter]]:
        """All parameters: those of each side, the largest first, then those of the last layers."""
        parts = [
            [*self.readers[str(s)].parameters(), *self.halvings[str(s)].parameters()]
            for s in reversed(self.sides)
        ]
        return [*parts, [*self.closing.parameters(), *self.verdict.parameters()]]

    def _scales(self, x: Tensor | list[Tensor]) -> dict[int, Tensor]:
        """Pictures by side, as many as are looked at; those that are not given are made."""
        given = x if isinstance(x, list) else [x]
        shapes = [tuple(each.shape[1:]) for each in given]
        wanted = present(self) if self.config.scales == "all" else [self.side]
        fitting = ([self.side], [self.config.resolution], wanted)
        if shapes not in [[(3, side, side) for side in fits] for fits in fitting]:
            raise ValueError(f"D takes pictures of {wanted} px, not {[*map(list, shapes)]}")
        by = {each.shape[2]: each for each in given}
        asked = {*wanted, *([self.side // 2] if self.fade < 1 else [])}
        return {side: by[side] if side in by else reduce(given[-1], side) for side in asked}

    def _read(self, scales: dict[int, Tensor], side: int) -> Tensor:
        return F.leaky_relu(self.readers[str(side)](scales[side]), LEAK, inplace=True)

    def _join(self, read: Tensor, above: Tensor, fade: float) -> Tensor:
        """Put together what was read at a side and what comes from the larger ones.

        One scale: PG, figure 2. All: a sum. MSG, section 3.1, has the colours as more channels, of
        which the next convolution makes such a sum. Its variance is kept at that of one.
        """
        if self.config.scales == "one":
            return torch.lerp(read, above, fade)
        return (read + fade * above) / math.sqrt(1 + fade**2)


def sides(resolution: int) -> list[int]:
    """Sides that have colours: 8, 16, ..., resolution."""
    return [2**k for k in range(3, resolution.bit_length())]


def present(network: Growing) -> list[int]:
    """The sides up to that which a network works at."""
    return [side for side in network.sides if side <= network.side]


def channels(side: int, width: int) -> int:
    """Channels at a side: `width` at 64 px, twice as many at half the side, and so on."""
    return max(_FEWEST, 64 * width // side)


def by_side(layers: dict[int, nn.Module]) -> nn.ModuleDict:
    """Layers under the names of their sides."""
    return nn.ModuleDict({str(side): layer for side, layer in layers.items()})


def unit(x: Tensor) -> Tensor:
    """Bring each pixel's channels, or each latent, to a mean square of 1. x: [N, C, ...].

    Pixel norm: PG, section 4.2. Without it the two networks can escalate each other.
    """
    y: Tensor = _Unit.apply(x)
    return y


class _Unit(torch.autograd.Function):
    """`unit`, two to three times as fast as by torch's own gradient; it has no second one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        precise = torch.promote_types(x.dtype, torch.float32)
        length = torch.linalg.vector_norm(x, dim=1, keepdim=True, dtype=precise)
        factor = (length * x.shape[1] ** -0.5 + 1e-4).reciprocal_()
        y = x.to(precise) * factor
        ctx.save_for_backward(y, factor)
        rounded: Tensor = y.to(x.dtype)
        return rounded

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        y, factor = ctx.saved_tensors
        slope = dy.to(y.dtype)
        along = (slope * y).mean(dim=1, keepdim=True)
        return torch.addcmul(slope, y, along, value=-1).mul_(factor).to(dy.dtype)


class Doubling(nn.Module):
    """[N, n_in, n, n] -> [N, n_out, 2n, 2n]: pixels repeated, a 3x3 convolution, activated."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out, 3, 3))
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.scale = GAIN / math.sqrt(9 * n_in)

    def forward(self, x: Tensor) -> Tensor:
        x = double(x, fuse(self.weight * self.scale), self.bias)
        return unit(F.leaky_relu(x, LEAK, inplace=True))


def build(config: NetworkConfig, seed: int) -> tuple[Generator, Discriminator]:
    """Make G and D with fresh weights that depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Generator(config), Discriminator(config)
