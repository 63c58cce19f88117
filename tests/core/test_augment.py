"""Differentiable augmentation: what each change does, and that gradients pass."""

import pytest
import torch

from gan_core.gan.augment import augment, augment_scales, mirror
from gan_core.gan.config import AUGMENTATIONS


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_an_empty_policy_changes_nothing():
    x = torch.randn(2, 3, 16, 16)
    assert torch.equal(augment(x, (), rng()), x)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_change_keeps_the_shape_lets_gradients_through_and_depends_on_the_seed(name):
    x = torch.randn(4, 3, 16, 16, requires_grad=True)
    y = augment(x, (name,), rng())
    assert y.shape == x.shape
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert torch.equal(y, augment(x, (name,), rng()))
    assert not torch.equal(y, augment(x, (name,), rng(1)))


def test_translation_moves_pixels_by_at_most_an_eighth_and_fills_with_zero():
    x = torch.zeros(64, 1, 16, 16)
    x[:, :, 8, 8] = 1
    y = augment(x, ("translation",), rng())
    rows, columns = y.squeeze(1).nonzero()[:, 1:].T
    assert y.sum() == 64  # each point is still there once
    assert set(rows.tolist()) == set(columns.tolist()) == {6, 7, 8, 9, 10}


def test_translation_is_the_same_as_shifting_by_hand():
    x = torch.randn(8, 3, 16, 16)
    y = augment(x, ("translation",), rng())
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2))
    for before, after in zip(padded, y, strict=True):
        crops = [before[:, i : i + 16, j : j + 16] for i in range(5) for j in range(5)]
        assert any(torch.equal(after, crop) for crop in crops)


def test_gradients_of_a_translation_come_back_to_where_the_pixels_were():
    x = torch.randn(8, 3, 16, 16, requires_grad=True)
    y = augment(x, ("translation",), rng())
    weights = torch.randn_like(y)
    (weights * y).sum().backward()
    ones = augment(torch.ones_like(x), ("translation",), rng())
    assert x.grad.count_nonzero() == ones.count_nonzero() < x.numel()
    # The same shift of picture x pulled back: <w, shift(v)> = <shift'(w), v> for any v.
    v = torch.randn_like(x)
    moved = augment(v, ("translation",), rng())
    assert torch.allclose((weights * moved).sum(), (x.grad * v).sum(), atol=1e-3)


def test_the_changes_of_colour_are_brightness_then_saturation_then_contrast():
    x = torch.randn(8, 3, 16, 16)
    draw = rng()
    brightness, saturation, contrast = (
        torch.rand(8, 1, 1, 1, generator=draw) * width + low
        for low, width in [(-0.5, 1.0), (0.0, 2.0), (0.5, 1.0)]
    )
    y = x + brightness
    grey = y.mean(dim=1, keepdim=True)
    y = grey + saturation * (y - grey)
    mean = y.mean(dim=(1, 2, 3), keepdim=True)
    y = mean + contrast * (y - mean)
    assert torch.allclose(augment(x, ("color",), rng()), y, atol=1e-5)


def test_cutout_blanks_at_most_a_quarter_of_the_picture():
    y = augment(torch.ones(64, 3, 16, 16), ("cutout",), rng())
    blank = (y == 0).float().mean(dim=(1, 2, 3))
    assert blank.max() == 0.25
    assert blank.min() > 0


def test_colour_keeps_the_layout_of_a_grey_picture():
    x = torch.linspace(-1, 1, 256).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    y = augment(x, ("color",), rng())
    assert torch.allclose(y[:, 0], y[:, 2], atol=1e-6)
    assert (y.flatten(2).diff() >= -1e-6).all()


def test_mirroring_flips_about_half_of_the_pictures():
    x = torch.arange(4.0).expand(100, 3, 4, 4)
    flipped = (mirror(x, rng())[:, 0, 0, 0] == 3).sum()
    assert 30 < flipped < 70


def test_colours_of_all_sizes_of_a_picture_are_changed_alike():
    large = torch.rand(16, 3, 16, 16) * 2 - 1
    small = torch.nn.functional.avg_pool2d(large, 4)
    changed = augment_scales([small, large], ("color",), rng())
    reduced = torch.nn.functional.avg_pool2d(changed[1], 4)
    assert torch.allclose(reduced, changed[0], atol=1e-5)
    assert torch.equal(changed[1], augment(large, ("color",), rng()))


@pytest.mark.parametrize(("name", "off"), [("translation", 1 / 32), ("cutout", 1 / 16)])
def test_all_sizes_of_a_picture_are_moved_and_cut_alike(name, off):
    """To half a pixel of the smaller one, by the middle of what is left of an even surface.

    A shift moves that middle by half as much.
    """
    small, large = torch.ones(64, 1, 8, 8), torch.ones(64, 1, 32, 32)
    changed = augment_scales([small, large], (name,), rng())
    middles = []
    for x in changed:
        at = (torch.arange(x.shape[2]) + 0.5) / x.shape[2]
        mass = x.sum((1, 2, 3))
        middles.append(torch.stack([(x.sum((1, i)) * at).sum(1) / mass for i in (2, 3)]))
    assert (middles[0] - middles[1]).abs().max() <= off
    assert (middles[1] - 0.5).abs().max() > off
    assert torch.equal(changed[1], augment(large, (name,), rng()))


def test_pictures_that_are_left_alone_are_so_in_every_size():
    scales = [torch.rand(32, 3, side, side) for side in (8, 16)]
    changed = augment_scales(scales, ("color",), rng(), share=0.5)
    pairs = zip(scales, changed, strict=True)
    small, large = ((before == after).flatten(1).all(1) for before, after in pairs)
    assert torch.equal(small, large)
    assert 8 < small.sum() < 24
