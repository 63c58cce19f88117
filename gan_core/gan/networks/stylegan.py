"""A compact style-based GAN: z is first mapped to a style w, which then steers every layer.

Source: Karras et al. 2019 (arXiv:1812.04948) for mapping network, constant, noise, style mixing and
truncation in w; Karras et al. 2020 (arXiv:1912.04958, "StyleGAN2") for modulation, skip RGB heads
and the residual D. Differs, to be trained on a CPU: one convolution a side instead of two, in both
networks; D begins with a strided convolution of the picture; G ends with tanh; no path-length
regularisation.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, leaky_relu

from gan_core.gan.config import NetworkConfig
from gan_core.gan.networks.equalised import GAIN, LEAK, EqualConv, EqualLinear, with_spread
from gan_core.gan.networks.modulated import StyledConv, ToRGB, enlarged

_MAPPING_LAYERS = 2  # as Karras et al. 2020 (ADA, arXiv:2006.06676) have for small sets; 8 before
_MAPPING_LR = 0.01  # Karras et al. 2019, appendix C
_MIXED = 0.9  # share of the pictures, while learning: Karras et al. 2019, appendix C
_MEAN_KEPT = 0.995  # of w's moving average, a step: the value in StyleGAN2's code


def channels(width: int, side: int, resolution: int) -> int:
    """`width` at half the resolution, twice as many each time the side halves; 8 widths at most."""
    return min(8 * width, max(1, width * resolution // (2 * side)))


def sides(resolution: int) -> Iterator[int]:
    """4, 8, ... up to the resolution."""
    return (1 << power for power in range(2, resolution.bit_length()))


class Mapping(nn.Module):
    """z [N, z_dim] -> w [N, z_dim]. Only z's direction counts."""

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        layers = (EqualLinear(z_dim, z_dim, GAIN, _MAPPING_LR) for _ in range(_MAPPING_LAYERS))
        self.layers = nn.ModuleList(layers)

    def forward(self, z: Tensor) -> Tensor:
        with torch.autocast(z.device.type, enabled=False):
            w = z.float() * (z.float().square().mean(1, keepdim=True) + 1e-8).rsqrt()
            for layer in self.layers:
                w = leaky_relu(layer(w), LEAK)
        return w


class Generator(nn.Module):
    """Turn latents into pictures: z [N, z_dim] -> float [N, 3, S, S] in [-1, 1].

    In training, noise and style mixing come from `rng` (a CPU generator; None: torch's own), and
    the average of w is kept. In eval mode a picture depends on its z alone.
    """

    w_mean: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.rng: torch.Generator | None = None
        self.mapping = Mapping(config.z_dim)
        self.register_buffer("w_mean", torch.zeros(config.z_dim))
        numbers = [
            channels(config.width_G, side, config.resolution) for side in sides(config.resolution)
        ]
        self.constant = nn.Parameter(torch.randn(1, numbers[0], 4, 4))
        self.convs, self.heads = nn.ModuleList(), nn.ModuleList()
        # All heads are summed: so that tanh is not driven to its ends from the start.
        gain = 0.5 / len(numbers) ** 0.5
        for level, side in enumerate(sides(config.resolution)):
            n_in, n_out = numbers[max(level - 1, 0)], numbers[level]
            self.convs.append(StyledConv(n_in, n_out, config.z_dim, side, doubles=level > 0))
            self.heads.append(ToRGB(n_out, config.z_dim, gain))

    def forward(self, z: Tensor, truncation: float = 1.0) -> Tensor:
        """z: [N, z_dim]; truncation: see `truncate`, in eval mode. Returns [N, 3, S, S]."""
        w = self.mapping(z)
        if not self.training:
            return self.synthesis(self.truncate(w, truncation))
        self.w_mean.lerp_(w.detach().mean(0), 1 - _MEAN_KEPT)
        return self.synthesis(self._mixed_at_random(w))

    def synthesis(self, w: Tensor) -> Tensor:
        """w: [N, z_dim], or one for each of the L sides, [N, L, z_dim]. Returns [N, 3, S, S]."""
        styles = self.for_each_side(w)
        x = self.constant.expand(len(w), -1, -1, -1)
        rgb: Tensor | None = None
        for conv, head, style in zip(self.convs, self.heads, styles.unbind(1), strict=True):
            x = conv(x, style, self.rng)
            rgb = head(x, style) if rgb is None else enlarged(rgb) + head(x, style)
        assert rgb is not None
        return torch.tanh(rgb)

    def for_each_side(self, w: Tensor) -> Tensor:
        """[N, z_dim] -> [N, L, z_dim]; what has a w for each side already stays as it is."""
        return w if w.dim() == 3 else w[:, None].expand(-1, len(self.convs), -1)

    def truncate(self, w: Tensor, truncation: float) -> Tensor:
        """Draw w towards its average: 1 leaves it, 0 gives the average picture.

        Less variety, more typical pictures (Karras et al. 2019, section 2.1 and appendix B).
        """
        return self.w_mean.lerp(w, truncation)

    def mix(self, coarse: Tensor, fine: Tensor, side: int) -> Tensor:
        """Style mixing: sides below `side` by one w, the others by another. Returns [N, L, z_dim].

        coarse, fine: [N, z_dim] or [N, L, z_dim].
        """
        is_coarse = torch.tensor([s < side for s in sides(self.config.resolution)])
        parts = self.for_each_side(coarse), self.for_each_side(fine)
        return torch.where(is_coarse[None, :, None].to(coarse.device), *parts)

    def _mixed_at_random(self, w: Tensor) -> Tensor:
        """Give most pictures a second style from a random side on, so that G relies on no pair."""
        n, last = len(w), len(self.convs)
        z = torch.randn(n, self.config.z_dim, generator=self.rng).to(w.device)
        begin = torch.randint(1, last, (n, 1), generator=self.rng)
        is_mixed = torch.rand(n, 1, generator=self.rng) < _MIXED
        is_second = (is_mixed & (torch.arange(last) >= begin)).to(w.device)  # [N, L]
        return torch.where(is_second[:, :, None], self.mapping(z)[:, None], w[:, None])


class Residual(nn.Module):
    """Half the side, by a convolution and past it: [N, n_in, 2n, 2n] -> [N, n_out, n, n]."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        # The sum of both is to have the spread of each: a half of the mean square comes from here,
        self.conv = EqualConv(n_in, n_out, 4, GAIN / 2**0.5)
        self.skip = EqualConv(n_in, n_out, 1, 1 / 2**0.5, bias=False)  # and from there.

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = leaky_relu(self.conv(x), LEAK) + self.skip(avg_pool2d(x, 2))
        return y


class Discriminator(nn.Module):
    """Score pictures: x [N, 3, S, S] in [-1, 1] -> logits [N], above 0 for "real"."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        numbers = [
            channels(config.width_D, side, config.resolution) for side in sides(config.resolution)
        ]
        numbers = numbers[-2::-1]  # from half the resolution down to 4 px
        self.first = EqualConv(3, numbers[0], 4, GAIN)
        self.halving = nn.ModuleList(map(Residual, numbers[:-1], numbers[1:]))
        self.last = EqualConv(numbers[-1] + 1, numbers[-1], 3, GAIN)
        self.score = EqualLinear(numbers[-1] * 16, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x: [N, 3, S, S] in [-1, 1]. Returns logits [N]. Raises: ValueError for another S."""
        side = self.config.resolution
        if x.shape[1:] != (3, side, side):
            raise ValueError(f"D takes pictures [3, {side}, {side}], not {list(x.shape[1:])}")
        x = leaky_relu(self.first(x), LEAK)
        for block in self.halving:
            x = block(x)
        x = leaky_relu(self.last(with_spread(x)), LEAK)
        logits: Tensor = self.score(x.flatten(1))
        return logits.flatten()

    def blocks(self) -> list[list[nn.Parameter]]:
        """The parameters of each stage, the lowest first."""
        lower = [self.first, *self.halving]
        top = [*self.last.parameters(), *self.score.parameters()]
        return [*(list(stage.parameters()) for stage in lower), top]


def build(config: NetworkConfig, seed: int) -> tuple[Generator, Discriminator]:
    """Make G and D with fresh weights that depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Generator(config), Discriminator(config)
