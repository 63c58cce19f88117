"""What a style-based generator consists of: convolutions that every picture has scaled its own way.

Source: Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN"
(arXiv:1912.04958), section 2.2. There each picture gets filters of its own. Here its channels are
scaled before a common convolution, and after: the same numbers, and one large product instead of N
small ones, which is what a CPU is quick at.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, leaky_relu

from gan_core.gan.networks.equalised import GAIN, LEAK, EqualLinear, fuse
from gan_core.gan.networks.strided import double

# Differs: the noise's strength learns this much slower. At full speed hundreds of steps are enough
# for G to paint with noise what it would have to learn otherwise (docs/experiments.md).
_NOISE_LR = 0.1


class StyledConv(nn.Module):
    """A convolution of 3x3, its style, noise and a leaky ReLU; after doubling the side, if wanted.

    x [N, n_in, n, n], w [N, w_dim] -> [N, n_out, side, side], side being n or 2n.
    """

    fixed: Tensor

    def __init__(self, n_in: int, n_out: int, w_dim: int, side: int, doubles: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in, 3, 3))
        self.style = EqualLinear(w_dim, n_in, bias=1.0)
        self.bias = nn.Parameter(torch.zeros(1, n_out, 1, 1))
        self.strength = nn.Parameter(torch.zeros(()))  # of the noise
        self.register_buffer("fixed", torch.randn(1, 1, side, side))  # the noise in eval mode
        self.scale, self.doubles = 1 / math.sqrt(9 * n_in), doubles

    def forward(self, x: Tensor, w: Tensor, rng: torch.Generator | None) -> Tensor:
        weight = self.weight * self.scale
        with torch.autocast(x.device.type, enabled=False):
            style = self.style(w.float())  # [N, n_in]
            # Outputs get a spread of 1, were the inputs white noise: section 2.2, equation 3.
            energy = style.square() @ weight.square().sum((2, 3)).t()  # [N, n_out]
            spread = GAIN * (energy + 1e-8).rsqrt()
        x = scaled(x, style)
        y = self.doubled(x, weight) if self.doubles else conv2d(x, weight, padding=1)
        y = torch.addcmul(self.bias.to(y.dtype), y, spread[:, :, None, None].to(y.dtype))
        noise = (_NOISE_LR * self.strength) * self.noise(x, rng)
        return leaky_relu(y + noise.to(y.dtype), LEAK, inplace=True)

    def doubled(self, x: Tensor, weight: Tensor) -> Tensor:
        """Pixels repeated and filtered; mirrored, which a filter that is learned does not mind."""
        return double(x, fuse(weight).transpose(0, 1))

    def noise(self, x: Tensor, rng: torch.Generator | None) -> Tensor:
        """New for each picture in training, [N, 1, side, side]; always the same in eval mode."""
        if not self.training:
            return self.fixed
        return torch.randn(len(x), *self.fixed.shape[1:], generator=rng).to(x.device)


class ToRGB(nn.Module):
    """x [N, n_in, n, n], w [N, w_dim] -> colours [N, 3, n, n], float32. Styled, not demodulated."""

    def __init__(self, n_in: int, w_dim: int, gain: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, n_in, 1, 1))
        self.style = EqualLinear(w_dim, n_in, bias=1.0)
        self.bias = nn.Parameter(torch.zeros(3))
        self.scale = gain / math.sqrt(n_in)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            style = self.style(w.float())
        return conv2d(scaled(x, style), self.weight * self.scale, self.bias).float()


def scaled(x: Tensor, style: Tensor) -> Tensor:
    """Each picture's channels times its own factors. x: [N, C, H, W], style: [N, C]."""
    return x * style[:, :, None, None].to(x.dtype)


def enlarged(x: Tensor) -> Tensor:
    """Twice the side, smoothly: [N, C, n, n] -> [N, C, 2n, 2n].

    Taps 1, 3, 3, 1 as in StyleGAN2's skip connections (section 4.1); bilinear is another name.
    """
    return interpolate(x, scale_factor=2, mode="bilinear")
