"""Which square of a picture is used, and that it can be moved without the picture's file."""

import numpy as np
import pytest
from numpy.typing import NDArray

from gan_core.pictures.crop import corner, crop_at, fit_strip, smart_position
from gan_core.pictures.decode import fit_square


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def thing_at(offset: int, length: int = 96, upright: bool = False) -> NDArray[np.uint8]:
    """A checked red square of 20 px on a plain strip of 32 px by `length`."""
    strip = np.full((32, length, 3), (60, 120, 60), np.uint8)
    strip[6:26, offset : offset + 20] = (200, 40, 40)
    strip[6:26:4, offset : offset + 20] = (255, 220, 220)
    return strip.swapaxes(0, 1).copy() if upright else strip


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((200, 100), (64, 32)),
        ((100, 200), (32, 64)),
        ((90, 90), (32, 32)),
        ((16, 20), (32, 40)),
        ((10, 900), (32, 96)),
        ((900, 10), (96, 32)),
    ],
)
def test_a_strip_is_as_high_as_the_squares_and_at_most_three_times_as_long(
    shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert fit_strip(noise(*shape), 32).shape == (*expected, 3)


def test_of_a_square_picture_strip_and_square_are_the_same() -> None:
    picture = noise(100, 100)
    assert np.array_equal(fit_strip(picture, 32), fit_square(picture, 32))
    assert np.array_equal(crop_at(fit_strip(picture, 32), 0.9), fit_square(picture, 32))


def test_a_crop_goes_from_one_end_of_its_strip_to_the_other() -> None:
    wide, tall = noise(32, 80), noise(80, 32)
    assert np.array_equal(crop_at(wide, 0), wide[:, :32])
    assert np.array_equal(crop_at(wide, 0.5), wide[:, 24:56])
    assert np.array_equal(crop_at(wide, 1), wide[:, 48:])
    assert np.array_equal(crop_at(tall, 1), tall[48:])
    assert corner(wide, 7.0) == (0, 48)
    assert corner(wide, -7.0) == (0, 0)


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("offset", [2, 30, 70])
def test_a_smart_crop_holds_the_thing_wherever_it_is(offset: int, upright: bool) -> None:
    strip = thing_at(offset, upright=upright)
    start = max(corner(strip, smart_position(strip)))
    assert start <= offset
    assert offset + 20 <= start + 32


@pytest.mark.parametrize("strip", [np.full((32, 90, 3), 128, np.uint8), noise(32, 32)])
def test_where_nothing_stands_out_a_smart_crop_is_the_middle(strip: NDArray[np.uint8]) -> None:
    assert smart_position(strip) == pytest.approx(0.5, abs=0.02)
