"""The pyramid: its layers against what they stand for, its scales, its size and its cost."""

import pytest
import torch
from torch.nn import functional as F

from gan_core.gan.config import NetworkConfig, network_of
from gan_core.gan.growth import reduce
from gan_core.gan.networks import build, grow, judge, make
from gan_core.gan.networks.pyramid import Doubling


def tiny(side: int = 32, scales: str = "one") -> NetworkConfig:
    shape = {"resolution": side, "z_dim": 8, "width_G": 4, "width_D": 4}
    return network_of("pyramid", scales=scales, **shape)


def test_a_doubling_is_pixels_repeated_and_then_a_convolution_and_leaves_no_lattice():
    layer, x = Doubling(5, 7).double(), torch.randn(2, 5, 6, 6, dtype=torch.float64)
    filters = layer.weight.transpose(0, 1).flip(2, 3)
    repeated = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.allclose(layer(x), F.conv2d(repeated, filters, padding=1), atol=1e-12)
    inside = layer(torch.ones_like(x))[:, :, 2:-2, 2:-2]
    assert torch.allclose(inside, inside[:, :, :1, :1].expand_as(inside), atol=1e-12)
    free = F.conv_transpose2d(torch.ones_like(x), torch.randn(5, 7, 4, 4).double(), None, 2, 1)
    assert free[:, :, 2:-2, 2:-2].std((2, 3)).min() > 0.1


@pytest.mark.parametrize("side", [8, 16, 32, 64])
def test_at_every_side_it_does_what_a_dcgan_of_that_size_does(side):
    """Layer by layer: the same shapes in the same order, of the width that belongs to the size."""
    network = network_of("pyramid", resolution=64, z_dim=8, width_G=8, width_D=8)
    width = 8 * 64 // side
    dcgan = NetworkConfig(resolution=side, z_dim=8, width_G=width, width_D=width)
    for grown, plain, x in zip(
        build(network),
        build(dcgan),
        (torch.randn(2, 8), torch.rand(2, 3, side, side)),
        strict=True,
    ):
        grow(grown, side, 1.0)
        judge(grown, [x]) if x.dim() == 4 else make(grown, x)
        assert shapes_used(grown, x) == shapes_used(plain, x)


def shapes_used(network: torch.nn.Module, x: torch.Tensor) -> list[tuple[torch.Size, ...]]:
    """What goes into each convolution and batch norm, and what comes out, but for the spread."""
    seen = []
    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.BatchNorm2d, Doubling)

    def see(_module, given, out):
        seen.append((given[0].shape, out.shape))

    layers = [module for module in network.modules() if isinstance(module, kinds)]
    hooks = [layer.register_forward_hook(see) for layer in layers]
    judge(network, [x]) if x.dim() == 4 else make(network, x)
    for hook in hooks:
        hook.remove()
    if x.dim() == 4:  # D's last layer sees one channel more
        seen[-1] = seen[-1][1:]
    return seen


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
