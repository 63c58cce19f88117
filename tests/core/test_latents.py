"""Latents depend on their seed and index alone; rendering does not depend on company."""

import torch

from gan_core.gan.config import NetworkConfig
from gan_core.gan.latents import latents, render
from gan_core.gan.networks import build


def test_a_picture_of_a_seed_is_the_same_however_many_are_drawn():
    few, many = latents(3, 7, 100), latents(30, 7, 100)
    assert torch.equal(few, many[:3])
    assert torch.equal(latents(5, 7, 100, first=10), many[10:15])


def test_latents_are_standard_normal():
    z = latents(500, 0, 100)
    assert abs(float(z.mean())) < 0.02
    assert abs(float(z.std()) - 1) < 0.02
    assert not torch.equal(latents(1, 1, 100), latents(1, 2, 100))


def test_no_latents_make_an_empty_tensor():
    assert latents(0, 0, 100).shape == (0, 100)


def test_rendering_in_parts_equals_rendering_each_picture_alone():
    G, _ = build(NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8))
    z = latents(70, 0, 8)
    together = render(G.eval(), z)
    alone = torch.cat([render(G, one) for one in z.split(1)])
    assert torch.allclose(together, alone, atol=1e-5)
