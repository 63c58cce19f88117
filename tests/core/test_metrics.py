"""KID against its definition, and what it must be able to tell apart."""

import numpy as np
import pytest
import torch
from torch import nn

from gan_core.gan.metrics import KidMeter, RandomFeatures


def pictures(n, low=0, high=256, seed=0):
    return np.random.default_rng(seed).integers(low, high, (n, 16, 16, 3), np.uint8)


def blobs(n, colour, seed=0):
    """A square of one colour at a random place on grey."""
    rng = np.random.default_rng(seed)
    images = np.full((n, 16, 16, 3), 128, np.uint8)
    for image in images:
        row, column = rng.integers(0, 8, 2)
        image[row : row + 8, column : column + 8] = colour
    return images


class Pixels(nn.Module):
    name = "four pixels"

    def forward(self, x):
        return x[:, 0, :2, :2].flatten(1).double() / 255


def test_kid_equals_the_unbiased_estimate_written_as_a_double_loop():
    real, fake = pictures(12), pictures(12, high=128, seed=1)
    meter = KidMeter(real, Pixels())
    meter._kid.subset_size = 12  # one subset holding everything: no sampling left
    x, y = (Pixels()(torch.from_numpy(a).permute(0, 3, 1, 2)).numpy() for a in (real, fake))
    assert meter.measure_pictures(fake).mean == pytest.approx(mmd(x, y), rel=1e-6)


def mmd(x, y):
    def kernel(a, b):
        return (float(a @ b) / len(a) + 1) ** 3

    m = len(x)
    within = sum(
        kernel(x[i], x[j]) + kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j
    )
    across = sum(kernel(a, b) for a in x for b in y)
    return within / (m * (m - 1)) - 2 * across / m**2


def test_pictures_of_the_same_kind_score_near_zero_and_others_far_above():
    meter = KidMeter(blobs(80, (200, 30, 30)))
    same = meter.measure_pictures(blobs(80, (200, 30, 30), seed=1))
    other = meter.measure_pictures(blobs(80, (30, 30, 200), seed=1))
    assert abs(same.mean) < 3 * same.std + 0.05
    assert other.mean > 20 * abs(same.mean)


def test_a_generator_that_makes_one_picture_only_scores_badly():
    meter = KidMeter(blobs(80, (200, 30, 30)))
    collapsed = np.repeat(blobs(1, (200, 30, 30)), 80, axis=0)
    varied = meter.measure_pictures(blobs(80, (200, 30, 30), seed=1)).mean
    assert meter.measure_pictures(collapsed).mean > 10 * abs(varied)


def test_measuring_twice_gives_the_same_figure_and_leaves_the_global_generator_alone():
    meter = KidMeter(pictures(40))
    before = torch.get_rng_state()
    first, again = (meter.measure_pictures(pictures(40, seed=2)) for _ in range(2))
    assert first == again
    assert torch.equal(before, torch.get_rng_state())


def test_of_too_many_real_pictures_some_from_all_over_are_measured_against():
    by_brightness = np.concatenate([pictures(20, high=99), pictures(20, low=156, seed=1)])
    meter = KidMeter(by_brightness, Pixels(), most=20)
    assert meter.n_real == 20
    alike = meter.measure_pictures(by_brightness[1::2]).mean
    assert abs(alike) < meter.measure_pictures(by_brightness[:20]).mean / 4


def test_a_figure_carries_its_counts_and_extractor():
    kid = KidMeter(pictures(30)).measure_pictures(pictures(50))
    assert (kid.n_real, kid.n_fake, kid.extractor) == (30, 50, RandomFeatures.name)


def test_features_are_centred_on_the_real_pictures_and_of_one_length():
    x = torch.from_numpy(pictures(64)).permute(0, 3, 1, 2)
    features = RandomFeatures(x)(x)
    assert features.mean(0).abs().max() < 0.1
    assert torch.allclose(features.square().mean(1), torch.ones(64), atol=1e-4)


def test_a_figure_stays_readable_where_real_pictures_hardly_vary_in_places():
    icons = blobs(60, (200, 30, 30))
    icons[:, :2], icons[:, -2:] = 255, 255  # the same white margin in all
    assert KidMeter(icons).measure_pictures(pictures(60)).mean < 16  # the kernel's own range
