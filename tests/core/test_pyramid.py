"""The pyramid: its layers against what they stand for, its scales, its size and its cost."""

import pytest
import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from gan_core.gan.config import NetworkConfig, network_of
from gan_core.gan.growth import reduce
from gan_core.gan.networks import build, judge, make
from gan_core.gan.networks.equalised import fuse
from gan_core.gan.networks.pyramid import Doubling, unit


def tiny(side: int = 32, scales: str = "one") -> NetworkConfig:
    shape = {"resolution": side, "z_dim": 8, "width_G": 4, "width_D": 4}
    return network_of("pyramid", scales=scales, **shape)


def test_a_doubling_is_pixels_repeated_and_then_a_convolution():
    layer, x = Doubling(5, 7).double(), torch.randn(2, 5, 6, 6, dtype=torch.float64)
    layer.bias.data.normal_()
    filters = (layer.weight * layer.scale).transpose(0, 1).flip(2, 3)
    repeated = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    y = F.leaky_relu(F.conv2d(repeated, filters, layer.bias, padding=1), 0.2)
    assert torch.allclose(layer(x), unit(y), atol=1e-12)


def test_d_is_not_blind_to_the_finest_pattern():
    """It would be, were the mean of 2x2 pixels taken right after its first convolution."""
    _, D = build(tiny(32))
    layer, places = D.halvings["32"], torch.arange(32)
    chequers = (places[:, None] + places) % 2 * 2.0 - 1
    inside = layer(chequers.expand(1, layer.weight.shape[1], 32, 32))[:, :, 1:-1, 1:-1]
    assert inside.abs().mean() > 0.2


def test_doubling_leaves_no_lattice_on_an_even_surface():
    """Which a transposed convolution with filters of its own does from the start."""
    surface = torch.ones(1, 3, 6, 6)
    filters = fuse(torch.randn(3, 4, 3, 3))
    inside = F.conv_transpose2d(surface, filters, None, 2, 1)[:, :, 2:-2, 2:-2]
    assert torch.allclose(inside, inside[:, :, :1, :1].expand_as(inside), atol=1e-5)
    free = F.conv_transpose2d(surface, torch.randn(3, 4, 4, 4), None, 2, 1)[:, :, 2:-2, 2:-2]
    assert free.std((2, 3)).min() > 0.1


def test_unit_brings_channels_to_a_mean_square_of_one_and_has_the_right_gradient():
    x = torch.randn(2, 6, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(unit(x).square().mean(1), torch.ones(2, 3, 3).double(), atol=1e-3)
    plain = x / (x.square().mean(1, keepdim=True).sqrt() + 1e-4)
    assert torch.allclose(unit(x), plain, atol=1e-6)
    weights = torch.randn_like(x)
    got, wanted = (torch.autograd.grad((weights * y).sum(), x)[0] for y in (unit(x), plain))
    assert torch.allclose(got, wanted, atol=1e-3)


def test_the_first_pictures_are_faint():
    """Noise from end to end of the range would have to be unlearned first."""
    G, _ = build(tiny(32, "all"))
    assert all(0.05 < x.std() < 0.2 for x in make(G, torch.randn(16, 8)))


def test_g_gives_every_scale_and_d_takes_them_or_the_full_size_alone():
    G, D = build(tiny(32, "all"))
    made = make(G, torch.randn(4, 8))
    assert [x.shape for x in made] == [(4, 3, side, side) for side in (8, 16, 32)]
    x = torch.rand(4, 3, 32, 32) * 2 - 1
    assert torch.allclose(judge(D, [reduce(x, 8), reduce(x, 16), x]), D(x), atol=1e-6)


def test_every_scale_counts_for_d_and_is_heard_of_by_g():
    G, D = build(tiny(32, "all"))
    made = [x.detach().requires_grad_() for x in make(G, torch.randn(4, 8))]
    slopes = torch.autograd.grad(judge(D, made).sum(), made)
    assert all(slope.abs().sum() > 0 for slope in slopes)
    judge(D, make(G, torch.randn(4, 8))).sum().backward()
    assert all(head.weight.grad.abs().sum() > 0 for head in G.heads.values())


def test_with_one_scale_the_picture_alone_is_judged():
    G, _ = build(tiny(32))
    z = torch.randn(4, 8)
    (made,) = make(G, z)
    assert torch.equal(made, G(z))


@pytest.mark.parametrize("scales", ["one", "all"])
def test_d_refuses_pictures_of_another_size(scales):
    _, D = build(tiny(32, scales))
    for wrong in ([torch.rand(2, 3, 64, 64)], [torch.rand(2, 3, s, s) for s in (16, 32)]):
        with pytest.raises(ValueError, match="32"):
            judge(D, wrong)


def test_a_network_is_a_part_of_the_next_larger_one():
    for small, large in zip(build(tiny(64)), build(tiny(128)), strict=True):
        shapes = {name: tensor.shape for name, tensor in large.state_dict().items()}
        for name, tensor in small.state_dict().items():
            assert shapes[name] == tensor.shape, name


@pytest.mark.parametrize("index", [0, 1], ids=["G", "D"])
def test_at_64_pixels_it_multiplies_about_as_much_as_the_bundled_dcgan(index):
    counts = []
    for network in (network_of("pyramid"), NetworkConfig(width_G=32, width_D=32)):
        module = build(network)[index].eval()
        x = torch.randn(1, 100) if index == 0 else torch.randn(1, 3, 64, 64)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            module(x)
        counts.append(counter.get_total_flops())
    assert counts[0] < 1.4 * counts[1]
