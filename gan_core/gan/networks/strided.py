"""The DCGAN's convolutions, 4x4 with stride 2, by 9/16 of the multiplications: exact, and faster.

Winograd's minimal filtering F(2, 2) (Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural
Networks", arXiv:1509.09308) in both directions. Along one axis a 4-tap filter with stride 2 takes
the padded pixels in pairs s[i] = (p[2i], p[2i+1]) and is a 2-tap filter (g0, g1) over them. Two
outputs are y0 = s0 g0 + s1 g1 and y1 = s1 g0 + s2 g1: four products, or three,

    m0 = (s0 - s1) g0,  m1 = s1 (g0 + g1),  m2 = (s1 - s2) g1,  y0 = m0 + m1,  y1 = m1 - m2,

so nine instead of sixteen in the plane, where each product is one of matrices: pictures x tiles by
channels. Only sums and differences come on top, so float32 loses nothing, and bfloat16, which
errs by 0.2 % of the outputs' spread, errs by 0.6 %.
The transposed convolution is the same steps transposed, and so is every gradient.
"""

import math
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

# Measured (docs/experiments.md): with fewer channels, sums and differences cost what is spared;
# with fewer tiles, preparing the filters does.
_MIN_CHANNELS = 128
_MIN_TILES = 128

Context: TypeAlias = Any  # torch's own, without a type


class Halving(nn.Conv2d):
    """`nn.Conv2d(n_in, n_out, 4, 2, 1)`: [N, n_in, 2n, 2n] -> [N, n_out, n, n]."""

    def __init__(self, n_in: int, n_out: int, bias: bool = False) -> None:
        super().__init__(n_in, n_out, 4, 2, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and pays_off(x, self.in_channels, x.shape[2] // 2)):
            return super().forward(x)
        y: Tensor = _Halve.apply(_as_autocast_does(x), self.weight)
        return y if self.bias is None else y + self.bias.to(y.dtype).view(1, -1, 1, 1)


class Doubling(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d(n_in, n_out, 4, 2, 1)`: [N, n_in, n, n] -> [N, n_out, 2n, 2n]."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__(n_in, n_out, 4, 2, 1, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if not (self.training and pays_off(x, self.out_channels, x.shape[2])):
            return super().forward(x, output_size)
        y: Tensor = _Double.apply(_as_autocast_does(x), self.weight)
        return y


def halve(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`Halving` by a weight [n_out, n_in, 4, 4] that is not a layer's own."""
    if not (torch.is_grad_enabled() and pays_off(x, weight.shape[1], x.shape[2] // 2)):
        return conv2d(x, weight, bias, 2, 1)
    y: Tensor = _Halve.apply(_as_autocast_does(x), weight)
    return y if bias is None else y + bias.to(y.dtype).view(1, -1, 1, 1)


def double(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`Doubling` by a weight [n_in, n_out, 4, 4] that is not a layer's own."""
    if not (torch.is_grad_enabled() and pays_off(x, weight.shape[1], x.shape[2])):
        return conv_transpose2d(x, weight, bias, 2, 1)
    y: Tensor = _Double.apply(_as_autocast_does(x), weight)
    return y if bias is None else y + bias.to(y.dtype).view(1, -1, 1, 1)


def pays_off(x: Tensor, channels: int, n: int) -> bool:
    """Whether this way is the quicker one. channels, n: of the larger side; side of the smaller.

    In training only: the pictures of a trained network stay the same, bit for bit.
    """
    is_wide = channels >= _MIN_CHANNELS and len(x) * (n // 2) ** 2 >= _MIN_TILES
    return x.device.type == "cpu" and n % 2 == 0 and is_wide


def _as_autocast_does(x: Tensor) -> Tensor:
    is_cast = torch.is_autocast_enabled("cpu")
    return x.to(torch.get_autocast_dtype("cpu")) if is_cast else x


class _Halve(torch.autograd.Function):
    """(x, w) -> y. x: [N, C, 2n, 2n], w: [O, C, 4, 4], y: [N, O, n, n]."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.pixels, ctx.filters = tile(x), transform_filters(w, x.dtype)
        y = untile_outputs(torch.bmm(ctx.pixels, ctx.filters.transpose(1, 2)), len(x))
        if not ctx.needs_input_grad[1]:
            ctx.pixels = None  # a D held still asks for no gradient of its filters
        return y

    @staticmethod
    def backward(ctx: Context, dy: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, w = ctx.saved_tensors
        needs_x, needs_w = ctx.needs_input_grad
        if torch.is_grad_enabled():  # gradients of gradients are wanted
            dx = _Double.apply(dy, w) if needs_x else None
            return dx, _Correlate.apply(x, dy, w) if needs_w else None
        outputs = tile_outputs(dy)
        dx = untile(torch.bmm(outputs, ctx.filters), len(x)) if needs_x else None
        if not needs_w:
            return dx, None
        return dx, untransform_filters(torch.bmm(outputs.transpose(1, 2), ctx.pixels), w)


class _Double(torch.autograd.Function):
    """(y, w) -> x, the transpose of `_Halve`; same shapes."""

    @staticmethod
    def forward(ctx: Context, y: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(y, w)
        ctx.outputs, ctx.filters = tile_outputs(y), transform_filters(w, y.dtype)
        x = untile(torch.bmm(ctx.outputs, ctx.filters), len(y))
        if not ctx.needs_input_grad[1]:
            ctx.outputs = None
        return x

    @staticmethod
    def backward(ctx: Context, dx: Tensor) -> tuple[Tensor | None, Tensor | None]:
        y, w = ctx.saved_tensors
        needs_y, needs_w = ctx.needs_input_grad
        if torch.is_grad_enabled():
            dy = _Halve.apply(dx, w) if needs_y else None
            return dy, _Correlate.apply(dx, y, w) if needs_w else None
        pixels = tile(dx)
        dy = None
        if needs_y:
            dy = untile_outputs(torch.bmm(pixels, ctx.filters.transpose(1, 2)), len(y))
        if not needs_w:
            return dy, None
        return dy, untransform_filters(torch.bmm(ctx.outputs.transpose(1, 2), pixels), w)


class _Correlate(torch.autograd.Function):
    """(x, y) -> gradient of the filters, [O, C, 4, 4]; like: the filters, for shape and dtype."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, like: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return untransform_filters(torch.bmm(tile_outputs(y).transpose(1, 2), tile(x)), like)

    @staticmethod
    def backward(ctx: Context, dw: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, y = ctx.saved_tensors
        needs_x, needs_y, _ = ctx.needs_input_grad
        dx = _Double.apply(y, dw) if needs_x else None
        return dx, _Halve.apply(x, dw) if needs_y else None, None


# --- sums and differences; all in memory order [.., H, W, C], t = n / 2 tiles a side ----------


def tile(x: Tensor) -> Tensor:
    """Pixels [N, C, 2n, 2n] -> [9, N t t, 4C]: s0 - s1, s1, s1 - s2 down and across."""
    N, C, side, _ = x.shape
    n, t = side // 2, side // 4
    padded = x.new_zeros(N, side + 2, side + 2, C)
    padded[:, 1:-1, 1:-1].copy_(x.permute(0, 2, 3, 1))
    pairs = padded.view(N, n + 1, 2, n + 1, 2, C)
    top, middle, bottom = pairs[:, 0:n:2], pairs[:, 1::2], pairs[:, 2::2]
    tiles = x.new_empty(3, 3, N, t, t, 2, 2, C)
    for i, row in enumerate((top - middle, middle, middle - bottom)):
        row = row.permute(0, 1, 3, 2, 4, 5)  # [N, t, n + 1, 2, 2, C]
        left, centre, right = row[:, :, 0:n:2], row[:, :, 1::2], row[:, :, 2::2]
        torch.sub(left, centre, out=tiles[i, 0])
        tiles[i, 1].copy_(centre)
        torch.sub(centre, right, out=tiles[i, 2])
    return tiles.view(9, N * t * t, 4 * C)


def untile(tiles: Tensor, N: int) -> Tensor:
    """The transpose of `tile`: [9, N t t, 4C] -> [N, C, 2n, 2n]."""
    t, C = _side(tiles, N), tiles.shape[2] // 4
    n = 2 * t
    tiles = tiles.view(3, 3, N, t, t, 2, 2, C)
    rows = tiles.new_zeros(3, N, t, 2, n + 1, 2, C)
    across = rows.permute(0, 1, 2, 4, 3, 5, 6)
    left, centre, right = across[:, :, :, 0:n:2], across[:, :, :, 1::2], across[:, :, :, 2::2]
    _transpose(tiles[:, 0], tiles[:, 1], tiles[:, 2], left, centre, right)
    padded = tiles.new_zeros(N, n + 1, 2, n + 1, 2, C)
    top, middle, bottom = padded[:, 0:n:2], padded[:, 1::2], padded[:, 2::2]
    _transpose(rows[0], rows[1], rows[2], top, middle, bottom)
    pixels = padded.view(N, 2 * n + 2, 2 * n + 2, C)[:, 1:-1, 1:-1]
    return pixels.contiguous().permute(0, 3, 1, 2)


def _transpose(
    m0: Tensor, m1: Tensor, m2: Tensor, first: Tensor, second: Tensor, third: Tensor
) -> None:
    """The transpose of (s0 - s1, s1, s1 - s2), into zeros; neighbours share first and third."""
    first.copy_(m0)
    torch.sub(m1, m0, out=second).add_(m2)
    third.sub_(m2)


def untile_outputs(products: Tensor, N: int) -> Tensor:
    """[9, N t t, O] -> [N, O, n, n]: m0 + m1, m1 - m2 down and across."""
    t, O = _side(products, N), products.shape[2]  # noqa: E741
    m = products.view(3, 3, N, t, t, O)
    y = m.new_empty(N, t, 2, t, 2, O)
    for i, row in enumerate((m[0] + m[1], m[1] - m[2])):
        torch.add(row[0], row[1], out=y[:, :, i, :, 0])
        torch.sub(row[1], row[2], out=y[:, :, i, :, 1])
    return y.view(N, 2 * t, 2 * t, O).permute(0, 3, 1, 2)


def tile_outputs(y: Tensor) -> Tensor:
    """The transpose of `untile_outputs`: [N, O, n, n] -> [9, N t t, O]."""
    N, O, n, _ = y.shape  # noqa: E741
    t = n // 2
    pairs = y.permute(0, 2, 3, 1).reshape(N, t, 2, t, 2, O)
    upper, lower = pairs[:, :, 0], pairs[:, :, 1]  # [N, t, t, 2, O]
    products = y.new_empty(3, 3, N, t, t, O)
    for i, row in enumerate((upper, upper + lower, -lower)):
        left, right = row[:, :, :, 0], row[:, :, :, 1]
        products[i, 0].copy_(left)
        torch.add(left, right, out=products[i, 1])
        torch.neg(right, out=products[i, 2])
    return products.view(9, N * t * t, O)


def transform_filters(w: Tensor, dtype: torch.dtype) -> Tensor:
    """[O, C, 4, 4] -> [9, O, 4C]: g0, g0 + g1, g1 down and across. Summed before it is rounded."""
    O, C = w.shape[:2]  # noqa: E741
    # [O, down, row of the pair, across, column of the pair, C] -> the taps first
    g = w.permute(0, 2, 3, 1).reshape(O, 2, 2, 2, 2, C).permute(1, 3, 0, 2, 4, 5)
    filters = w.new_empty(3, 3, O, 2, 2, C, dtype=dtype)
    for i, row in enumerate((g[0], g[0] + g[1], g[1])):
        filters[i, 0].copy_(row[0])
        filters[i, 1].copy_(row[0] + row[1])
        filters[i, 2].copy_(row[1])
    return filters.view(9, O, 4 * C)


def untransform_filters(filters: Tensor, like: Tensor) -> Tensor:
    """The transpose of `transform_filters`. like: filters of the shape and dtype wanted."""
    O, C = like.shape[:2]  # noqa: E741
    f = filters.view(3, 3, O, 2, 2, C)
    w = like.new_empty(O, 2, 2, 2, 2, C)
    taps = w.permute(1, 3, 0, 2, 4, 5)
    for i, row in enumerate((f[0] + f[1], f[1] + f[2])):
        taps[i, 0].copy_(row[0] + row[1])
        taps[i, 1].copy_(row[1] + row[2])
    return w.view(O, 4, 4, C).permute(0, 3, 1, 2)


def _side(tiles: Tensor, N: int) -> int:
    return math.isqrt(tiles.shape[1] // N)
