"""The DCGAN: shapes, ranges, names, gradients."""

import pytest
import torch
from torch import nn

from gan_core.errors import BadSetting
from gan_core.gan.config import NetworkConfig, check
from gan_core.gan.networks import build


def config(resolution: int = 32, d_norm: str = "batch", width: int = 8) -> NetworkConfig:
    return NetworkConfig(
        resolution=resolution, z_dim=10, width_G=width, width_D=width, d_norm=d_norm
    )


@pytest.mark.parametrize("d_norm", ["batch", "spectral"])
@pytest.mark.parametrize("resolution", [16, 32, 64, 128])
def test_g_makes_pictures_of_the_size_asked_for_and_d_one_logit_each(resolution, d_norm):
    G, D = build(config(resolution, d_norm))
    x = G(torch.randn(3, 10))
    assert x.shape == (3, 3, resolution, resolution)
    assert x.abs().max() <= 1
    assert D(x).shape == (3,)


def test_d_refuses_pictures_of_another_size_instead_of_judging_parts_of_them():
    _, D = build(config(16))
    with pytest.raises(ValueError, match=r"\[3, 16, 16\], not \[3, 32, 32\]"):
        D(torch.randn(2, 3, 32, 32))


def test_keys_and_shapes_are_those_of_the_pytorch_tutorial():
    """As its description gives them: nz = 100, ngf = ndf = 64, layers numbered in main."""
    G, D = build(NetworkConfig(width_G=64, width_D=64))
    channels = [100, 512, 256, 128, 64, 3]
    tutorial_G = {f"main.{3 * i}.weight": (channels[i], channels[i + 1], 4, 4) for i in range(5)}
    tutorial_D = {
        f"main.{index}.weight": (n_out, n_in, 4, 4)
        for index, n_in, n_out in [(0, 3, 64), (2, 64, 128), (5, 128, 256), (8, 256, 512)]
    } | {"main.11.weight": (1, 512, 4, 4)}
    for index, n in [(1, 512), (4, 256), (7, 128), (10, 64)]:
        tutorial_G |= batch_norm(index, n)
    for index, n in [(3, 128), (6, 256), (9, 512)]:
        tutorial_D |= batch_norm(index, n)
    for network, tutorial in [(G, tutorial_G), (D, tutorial_D)]:
        state = {name: torch.randn(shape) for name, shape in tutorial.items()}
        network.load_state_dict(state, strict=True)


def batch_norm(index: int, n: int) -> dict[str, tuple[int, ...]]:
    names = ("weight", "bias", "running_mean", "running_var")
    return {f"main.{index}.{name}": (n,) for name in names} | {
        f"main.{index}.num_batches_tracked": ()
    }


def test_the_same_seed_builds_the_same_weights_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    first, again, other = (build(config(), seed)[0] for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    pairs = list(zip(first.parameters(), again.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.main[0].weight, other.main[0].weight)


def test_fresh_weights_have_the_papers_spread():
    G, _ = build(NetworkConfig(width_G=16))
    weights = torch.cat([m.weight.flatten() for m in G.modules() if _is_deconv(m)])
    assert abs(float(weights.detach().std()) - 0.02) < 0.001


def _is_deconv(module: nn.Module) -> bool:
    return isinstance(module, nn.ConvTranspose2d)


def test_spectral_norm_bounds_every_layer_of_d():
    _, D = build(config(d_norm="spectral"))
    D.train()
    for _ in range(20):  # the power iteration converges as D is used
        D(torch.randn(2, 3, 32, 32))
    for layer in D.modules():
        if isinstance(layer, nn.Conv2d):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2) < 1.1


@pytest.mark.parametrize("resolution", [0, 48, 512])
def test_a_resolution_that_is_not_a_power_of_two_within_bounds_is_refused(resolution):
    with pytest.raises(BadSetting, match=str(resolution)):
        check(NetworkConfig(resolution=resolution))
