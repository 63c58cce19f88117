"""The convolutions by fewer multiplications are the plain ones, and so are all their gradients."""

import pytest
import torch
from torch.nn import functional as F

from benchmarks.tutorial import plain
from gan_core.gan.config import NetworkConfig
from gan_core.gan.networks import build
from gan_core.gan.networks.dcgan import Closing, Opening
from gan_core.gan.networks.strided import Doubling, Halving, pays_off

WIDE = 128  # from here on it is done the other way


def layers(dtype=torch.float64):
    """A layer of either kind, large enough, and what goes in; filters as in the networks."""
    torch.manual_seed(0)
    halving, doubling = Halving(WIDE, 16).to(dtype), Doubling(16, WIDE).to(dtype)
    large, small = torch.randn(8, WIDE, 16, 16, dtype=dtype), torch.randn(8, 16, 8, 8, dtype=dtype)
    return [(halving, F.conv2d, large), (doubling, F.conv_transpose2d, small)]


def gradients(y, *of):
    """Of a sum that weighs every output differently."""
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)
    return torch.autograd.grad((weights * y).sum(), of)


@pytest.mark.parametrize("index", [0, 1], ids=["halving", "doubling"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_outputs_and_gradients_are_those_of_the_plain_convolution(index, layout):
    layer, plain, x = layers()[index]
    x = x.contiguous(memory_format=layout).requires_grad_()
    layer = layer.to(memory_format=layout)
    assert pays_off(x, WIDE, 8)
    y, expected = layer(x), plain(x, layer.weight, None, 2, 1)
    assert torch.allclose(y, expected, atol=1e-12)
    pairs = zip(gradients(y, x, layer.weight), gradients(expected, x, layer.weight), strict=True)
    assert all(torch.allclose(got, wanted, atol=1e-10) for got, wanted in pairs)


@pytest.mark.parametrize("index", [0, 1], ids=["halving", "doubling"])
def test_gradients_of_gradients_too_as_the_penalties_need_them(index):
    layer, plain, x = layers()[index]
    x.requires_grad_()
    found = []
    for y in (layer(x), plain(x, layer.weight, None, 2, 1)):
        slopes = torch.autograd.grad(y.square().sum(), (x, layer.weight), create_graph=True)
        steepness = sum(slope.square().sum() for slope in slopes)
        found.append(torch.autograd.grad(steepness, (x, layer.weight)))
    for got, wanted in zip(*found, strict=True):
        assert torch.allclose(got, wanted, rtol=1e-9, atol=1e-9 * float(wanted.abs().max()))


@pytest.mark.parametrize("index", [0, 1], ids=["halving", "doubling"])
def test_in_bfloat16_the_error_stays_within_a_hundredth_of_the_spread(index):
    layer, plain, x = layers(torch.float32)[index]
    x.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    expected = plain(x, layer.weight, None, 2, 1)
    assert y.dtype == torch.bfloat16
    got = (y, *gradients(y.float(), x, layer.weight))
    wanted = (expected, *gradients(expected, x, layer.weight))
    for one, other in zip(got, wanted, strict=True):
        assert one.dtype in (torch.bfloat16, other.dtype)
        assert (one.float() - other).std() < 0.01 * other.std()


def test_a_bias_is_added():
    layer = Halving(WIDE, 4, bias=True).double()
    x = torch.randn(8, WIDE, 16, 16, dtype=torch.float64)
    assert torch.allclose(layer(x), F.conv2d(x, layer.weight, layer.bias, 2, 1), atol=1e-12)


def test_a_trained_network_computes_as_it_always_did():
    for layer, by_torch, x in layers(torch.float32):
        assert torch.equal(layer.eval()(x), by_torch(x, layer.weight, None, 2, 1))


def test_the_first_and_the_last_layer_are_plain_products():
    opening, closing = Opening(10, 8).double(), Closing(8, bias=True).double()
    z = torch.randn(3, 10, 1, 1, dtype=torch.float64)
    x = opening(z)
    assert torch.allclose(x, F.conv_transpose2d(z, opening.weight), atol=1e-14)
    assert torch.allclose(closing(x), F.conv2d(x, closing.weight, closing.bias), atol=1e-14)
    assert torch.equal(opening.eval()(z), F.conv_transpose2d(z, opening.weight))


def test_the_tutorials_loop_is_compared_with_in_torchs_own_layers():
    network = NetworkConfig(resolution=16, z_dim=8, width_G=WIDE, width_D=WIDE)
    G, D = (net.eval() for net in build(network))
    x = G(torch.randn(4, 8))
    logits = D(x)
    names = [name for name, _ in D.named_parameters()]
    assert torch.equal(plain(D)(x), logits)
    assert [name for name, _ in D.named_parameters()] == names
    ours = (Halving, Doubling, Opening, Closing)
    assert not any(isinstance(layer, ours) for net in (plain(G), D) for layer in net.modules())
