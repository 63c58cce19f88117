"""The style-based network: its convolutions against plain ones, w, truncation, mixing, noise."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, interpolate, leaky_relu

from gan_core.gan.config import network_of
from gan_core.gan.latents import latents, render
from gan_core.gan.networks import build
from gan_core.gan.networks.equalised import EqualLinear, fuse, with_spread
from gan_core.gan.networks.modulated import StyledConv, enlarged
from gan_core.gan.networks.strided import double
from gan_core.gan.networks.stylegan import Generator


def tiny(seed: int = 0) -> Generator:
    G, _ = build(network_of("stylegan", resolution=16, z_dim=8, width_G=4, width_D=4), seed)
    return G


# --- convolutions -------------------------------------------------------------------------


def by_filters_of_its_own(layer: StyledConv, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """The paper's way: each picture's filters are scaled, and brought to a norm of 1."""
    made = []
    for picture, style in zip(x, layer.style(w), strict=True):
        weight = layer.weight * layer.scale * style.view(1, -1, 1, 1)
        weight = weight / weight.square().sum((1, 2, 3), keepdim=True).add(1e-8).sqrt()
        made.append(conv2d(picture[None], weight, padding=1))
    y = math.sqrt(2) * torch.cat(made) + layer.bias + 0.1 * layer.strength * layer.fixed
    return leaky_relu(y, 0.2)


def test_scaled_inputs_and_outputs_equal_filters_of_each_pictures_own():
    layer = StyledConv(6, 5, w_dim=4, side=8, doubles=False).eval()
    nn.init.normal_(layer.bias)
    nn.init.constant_(layer.strength, 3.0)
    x, w = torch.randn(3, 6, 8, 8), torch.randn(3, 4)
    assert torch.allclose(layer(x, w, None), by_filters_of_its_own(layer, x, w), atol=1e-5)


def test_the_doubling_filter_repeats_pixels_and_then_filters_them():
    x, weight = torch.randn(2, 3, 5, 5), torch.randn(4, 3, 3, 3)
    repeated = interpolate(x, scale_factor=2, mode="nearest")
    expected = conv2d(repeated, weight.flip(2, 3), padding=1)
    assert torch.allclose(double(x, fuse(weight).transpose(0, 1)), expected, atol=1e-5)


@pytest.mark.parametrize("doubles", [False, True])
def test_what_goes_through_keeps_its_spread_whatever_the_style(doubles):
    layer = StyledConv(64, 64, w_dim=4, side=32, doubles=doubles)
    side = 16 if doubles else 32
    for scale in (0.1, 10.0):
        y = layer(torch.randn(8, 64, side, side), scale * torch.randn(8, 4), None)
        mean_square = 2 * (1 + 0.2**2) / 2  # the gain's, of what the leaky ReLU leaves
        assert float(y.detach().square().mean()) == pytest.approx(mean_square, abs=0.15)


def test_an_even_surface_stays_even_so_there_is_no_lattice():
    layer = StyledConv(8, 8, w_dim=4, side=16, doubles=True).eval()
    y = layer(torch.ones(1, 8, 8, 8), torch.randn(1, 4), None)[:, :, 2:-2, 2:-2]
    assert (y - y[:, :, :1, :1]).abs().max() < 1e-5
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    steps = enlarged(ramp)[0, 0, 4, 2:-2].diff()
    assert torch.allclose(steps, torch.full_like(steps, 0.5))


# --- w ------------------------------------------------------------------------------------


def test_w_depends_on_the_direction_of_z_alone():
    G, z = tiny(), latents(4, 0, 8)
    assert torch.allclose(G.mapping(z), G.mapping(3 * z), atol=1e-4)
    assert not torch.allclose(G.mapping(z), G.mapping(-z), atol=1e-2)


def test_a_slowed_layer_computes_the_same_and_moves_a_hundredth_as_fast():
    torch.manual_seed(0)
    layers = [EqualLinear(16, 16, lr=lr) for lr in (1.0, 0.01)]
    layers[1].weight.data = layers[0].weight.data / 0.01
    x = torch.randn(4, 16)
    before = layers[0](x).detach()
    assert torch.allclose(layers[1](x), before, atol=1e-5)
    moved = []
    for layer in layers:
        adam = torch.optim.Adam(layer.parameters(), lr=1e-3)
        layer(x).square().sum().backward()
        adam.step()
        moved.append(float((layer(x).detach() - before).norm()))
    assert moved[1] == pytest.approx(moved[0] / 100, rel=0.1)


def test_the_average_of_w_follows_the_mapping_while_learning_and_only_then():
    G = tiny().train()
    with torch.no_grad():
        for _ in range(800):
            G(torch.randn(8, 8))
    mean = G.mapping(latents(5000, 0, 8)).mean(0)
    assert (G.w_mean - mean).norm() < 0.2 * G.mapping(latents(500, 1, 8)).std(0).norm()
    before = G.w_mean.clone()
    G.eval()(torch.randn(8, 8))
    assert torch.equal(G.w_mean, before)


def test_truncation_draws_w_and_not_z_towards_the_average():
    G = tiny().eval()
    nn.init.normal_(G.w_mean)
    z = latents(3, 0, 8)
    with torch.inference_mode():
        halfway = G.synthesis((G.mapping(z) + G.w_mean) / 2)
        average = G.synthesis(G.w_mean.expand(3, -1))
    assert torch.allclose(render(G, z, 0.5), halfway, atol=1e-5)
    assert torch.allclose(render(G, z, 0.0), average, atol=1e-5)
    assert not torch.allclose(render(G, z, 1.0), halfway, atol=1e-2)


# --- style mixing -------------------------------------------------------------------------


def test_mixing_takes_coarse_sides_from_one_style_and_the_rest_from_the_other():
    G = tiny().eval()
    one, two = G.mapping(latents(2, 0, 8)), G.mapping(latents(2, 1, 8))
    mixed = G.mix(one, two, side=8)
    assert mixed.shape == (2, 3, 8)  # 4, 8 and 16 px
    assert torch.equal(mixed[:, 0], one)
    assert torch.equal(mixed[:, 1], two)
    assert torch.equal(mixed[:, 2], two)
    assert torch.equal(G.synthesis(G.mix(one, two, side=4)), G.synthesis(two))
    assert torch.equal(G.synthesis(G.mix(one, two, side=32)), G.synthesis(one))


def test_most_pictures_are_mixed_while_learning():
    G = tiny().train()
    w = G.mapping(latents(400, 0, 8))
    styles = G._mixed_at_random(w)
    assert torch.equal(styles[:, 0], w)  # the coarsest is always the first one's
    is_mixed = (styles[:, -1] != w).any(1)
    assert 0.85 < float(is_mixed.float().mean()) < 0.95
    assert 0.4 < float((styles[is_mixed, 1] != w[is_mixed]).any(1).float().mean()) < 0.6


# --- noise --------------------------------------------------------------------------------


def test_noise_is_new_in_training_and_always_the_same_in_use():
    G, z = tiny(), latents(2, 0, 8)
    for conv in G.convs:
        nn.init.ones_(conv.strength)
    assert not torch.equal(G.train()(z), G(z))
    assert torch.equal(G.eval()(z), G(z))


def test_all_of_gs_dice_are_thrown_by_its_own_generator():
    G, z = tiny().train(), latents(2, 0, 8)
    made = []
    for seed in (1, 1, 2):
        G.rng = torch.Generator().manual_seed(seed)
        made.append(G(z))
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


# --- D ------------------------------------------------------------------------------------


def test_d_is_told_how_much_a_batch_varies():
    same = torch.ones(8, 2, 4, 4)
    assert with_spread(same)[:, 2].abs().max() < 1e-3
    halves = torch.cat([same, -same])[torch.randperm(16)]
    for n in (16, 8, 3, 1):
        assert with_spread(halves[:n]).shape == (n, 3, 4, 4)
    pairs = torch.tensor([1.0, 1.0, -1.0, -1.0]).view(4, 1, 1, 1)  # the four are one group
    assert torch.allclose(with_spread(pairs)[:, 1], torch.ones(4, 1, 1))


def test_a_d_that_sees_variety_can_tell_a_collapsed_batch():
    _, D = build(network_of("stylegan", resolution=16, z_dim=8, width_G=4, width_D=4))
    varied = torch.rand(8, 3, 16, 16) * 2 - 1
    alone = torch.cat([D(picture[None].expand(4, -1, -1, -1))[:1] for picture in varied])
    assert (D(varied) - alone).abs().max() > 1e-3
