"""Ranges, grids, enlarging and PNG text survive the way there and back."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_core.errors import BadPicture
from gan_core.pictures.canvas import (
    encode_png,
    enlarge,
    make_grid,
    read_png_metadata,
    save_png,
    to_tensor,
    to_uint8,
)
from gan_core.pictures.decode import decode

LEVELS = np.arange(2 * 8 * 16 * 3, dtype=np.uint8).reshape(2, 8, 16, 3)  # holds all of 0..255


def test_all_levels_survive_the_way_to_a_tensor_and_back() -> None:
    x = to_tensor(torch.from_numpy(LEVELS))
    assert (x.shape, x.dtype) == ((2, 3, 8, 16), torch.float32)
    assert (x.min().item(), x.max().item()) == (-1.0, 1.0)
    assert np.array_equal(to_uint8(x), LEVELS)


@pytest.mark.parametrize(
    ("value", "level"),
    [(-7.0, 0), (7.0, 255), (float("inf"), 255), (0.0, 128), (0.5 / 127.5, 128)],
)
def test_values_are_rounded_and_clamped(value: float, level: int) -> None:
    assert (to_uint8(torch.full((1, 3, 2, 2), value)) == level).all()


def test_nan_shows_as_grey() -> None:
    assert (to_uint8(torch.full((1, 3, 2, 2), float("nan"))) == 128).all()


def test_half_precision_with_gradients_is_accepted() -> None:
    x = torch.zeros(1, 3, 4, 4, dtype=torch.bfloat16, requires_grad=True)
    assert to_uint8(x).shape == (1, 4, 4, 3)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 12),
    columns=st.none() | st.integers(1, 15),
    gap=st.integers(0, 3),
)
def test_every_picture_lies_in_its_cell_of_the_grid(n: int, columns: int | None, gap: int) -> None:
    images = np.random.default_rng(n).integers(0, 200, (n, 3, 5, 3), dtype=np.uint8)
    grid = make_grid(images, columns, gap)
    across = (grid.shape[1] + gap) // (5 + gap)
    assert across <= (columns or n)
    outside = np.ones(grid.shape, bool)
    for index, image in enumerate(images):
        row, column = divmod(index, across)
        top, left = row * (3 + gap), column * (5 + gap)
        cell = np.s_[top : top + 3, left : left + 5]
        assert np.array_equal(grid[cell], image)
        outside[cell] = False
    assert (grid[outside] == 255).all()


def test_sixteen_pictures_make_a_square_grid() -> None:
    assert make_grid(np.zeros((16, 8, 8, 3), np.uint8), gap=2).shape == (38, 38, 3)


def test_a_grid_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a picture"):
        make_grid(np.zeros((0, 8, 8, 3), np.uint8))


def test_enlarging_repeats_pixels_without_blur() -> None:
    large = enlarge(LEVELS, 3)
    assert large.shape == (2, 24, 48, 3)
    for row in range(3):
        for column in range(3):
            assert np.array_equal(large[:, row::3, column::3], LEVELS)


def test_a_png_keeps_pixels_and_text_of_any_language(tmp_path: Path) -> None:
    text = {"recipe": '{"seed": 7}', "title": "Žluťoučký kůň 猫", "long": "x" * 5000}
    save_png(tmp_path / "a.png", LEVELS[0].repeat(2, axis=0), text)
    data = (tmp_path / "a.png").read_bytes()
    assert read_png_metadata(tmp_path / "a.png") == read_png_metadata(data) == text
    assert np.array_equal(decode(data, "a.png").pixels, LEVELS[0].repeat(2, axis=0))


def test_a_png_without_text_has_no_metadata() -> None:
    assert read_png_metadata(encode_png(LEVELS[0])) == {}


@pytest.mark.parametrize("data", [b"", b"hello", encode_png(LEVELS[0])[:20]])
def test_metadata_of_what_is_no_png_is_a_clear_refusal(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(BadPicture, match="a.png cannot be read as a PNG"):
        read_png_metadata(tmp_path / "a.png")
