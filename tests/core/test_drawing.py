"""Drawn pictures are always the same, fill their frame, and look like pictures to a network."""

from functools import cache

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gan_core.pictures.drawing import dead_leaves, shatter, voronoi
from gan_core.pictures.paintings import PAINTINGS
from gan_core.pictures.scenes import SCENES

DRAWINGS = {**PAINTINGS, **SCENES}


@cache
def drawn(name: str) -> NDArray[np.uint8]:
    """The drawing, once a run."""
    return DRAWINGS[name]()


def power(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean power of the lightness [S, S] at each whole frequency from 1 to S / 2."""
    light = image.mean(2)
    side = len(light)
    spectrum = np.abs(np.fft.fft2(light - light.mean())) ** 2
    f = np.fft.fftfreq(side, 1 / side)
    ring = np.hypot(f[:, None], f).round().astype(int).ravel()
    return (np.bincount(ring, spectrum.ravel()) / np.bincount(ring))[1 : side // 2 + 1]


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_the_same_every_time(name: str) -> None:
    assert np.array_equal(drawn(name), DRAWINGS[name]())


@pytest.mark.parametrize("name", PAINTINGS)
def test_a_painting_fills_its_frame_with_strokes(name: str) -> None:
    image = drawn(name)
    assert image.shape == (512, 512, 3) and image.dtype == np.uint8
    windows = sliding_window_view(image.mean(2), (64, 64))[::16, ::16]
    assert windows.std((2, 3)).min() > 5  # a flat window has 0; the flattest, of the dots, 13


def test_no_two_paintings_share_their_palette() -> None:
    counts = [
        np.bincount((image // 64).reshape(-1, 3) @ (16, 4, 1), minlength=64) / image[..., 0].size
        for image in map(drawn, PAINTINGS)
    ]
    for index, one in enumerate(counts):
        for other in counts[index + 1 :]:
            assert np.abs(one - other).sum() / 2 > 0.3  # share of the pixels that would move


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_has_large_shapes_and_all_tones(name: str) -> None:
    image = drawn(name)
    assert image.shape == (384, 512, 3) and image.dtype == np.uint8
    spectrum = power(image[:, 64:448])
    assert spectrum[:8].sum() > spectrum[8:].sum()
    assert np.ptp(np.percentile(image.mean(2), [1, 99])) > 120


@pytest.mark.parametrize("size", [16, 64, 255, 256])
def test_dead_leaves_have_the_size_asked_for(size: int) -> None:
    image = dead_leaves(size, 0)
    assert image.shape == (size, size, 3) and image.dtype == np.uint8


def test_dead_leaves_come_from_their_seed() -> None:
    assert np.array_equal(dead_leaves(64, 3), dead_leaves(64, 3))
    assert not np.array_equal(dead_leaves(64, 3), dead_leaves(64, 4))


def test_the_power_of_dead_leaves_falls_as_in_nature() -> None:
    spectrum = np.mean([power(dead_leaves(256, seed)) for seed in range(12)], 0)
    f = np.arange(1, len(spectrum) + 1)
    middle = (f >= 4) & (f <= 64)
    slope = np.polyfit(np.log(f[middle]), np.log(spectrum[middle]), 1)[0]
    assert -3.0 < slope < -1.3  # natural images: about -2; white noise: 0


def test_dead_leaves_have_edges_that_noise_of_the_same_power_has_not() -> None:
    steps = np.diff(dead_leaves(256, 1).mean(2), axis=1)
    kurtosis = (steps**4).mean() / (steps**2).mean() ** 2
    assert kurtosis > 6  # Gaussian noise, whatever its spectrum: 3
    assert np.abs(steps).max() > 100


def test_every_pixel_belongs_to_its_nearest_seed() -> None:
    seeds = np.random.default_rng(0).uniform(0, 32, (20, 2))
    labels, gap = voronoi(32, seeds, 64)
    y, x = np.mgrid[:32, :32]
    distance = np.hypot(x[..., None] - seeds[:, 0], y[..., None] - seeds[:, 1])
    nearest = np.sort(distance, -1)
    assert np.array_equal(labels, distance.argmin(-1))
    assert np.allclose(gap, nearest[..., 1] - nearest[..., 0], atol=1e-4)


def test_shards_are_all_there_and_lie_around_their_middles() -> None:
    labels, middles = shatter(np.random.default_rng(0), 64, 12)
    assert set(labels.ravel().tolist()) == set(range(12))
    rows, columns = np.nonzero(labels == 5)
    assert np.allclose(middles[5], (columns.mean(), rows.mean()), atol=1e-3)
