"""The benchmarks' judge of pastiches: what its figures mean at the ends of their scales."""

import numpy as np
import pytest

from benchmarks.style_judge import (
    FilterBank,
    Judged,
    closed_at,
    nearest_style,
    structure_kept,
    style_gap_closed,
)
from gan_core.pictures.drawing import dead_leaves
from gan_core.style.objective import to_unit


def stripes(period, colour, side=128):
    """Diagonal stripes of a colour on black, with a little noise."""
    y, x = np.mgrid[:side, :side]
    lines = ((x + y) // period % 2)[..., None] * np.array(colour)
    noise = np.random.default_rng(period).integers(0, 30, (side, side, 1))
    return (lines + noise).clip(0, 255).astype(np.uint8)


CONTENT = dead_leaves(128, 0)
STYLE = stripes(6, (220, 160, 40))


def shuffled(pixels, tile):
    """The same picture cut into square tiles, laid out in another order."""
    n = pixels.shape[0] // tile
    tiles = pixels.reshape(n, tile, n, tile, 3).transpose(0, 2, 1, 3, 4).reshape(-1, tile, tile, 3)
    order = np.random.default_rng(0).permutation(n * n)
    laid = tiles[order].reshape(n, n, tile, tile, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(laid.reshape(pixels.shape))


def test_the_content_closes_nothing_and_the_style_everything():
    assert style_gap_closed(CONTENT, CONTENT, STYLE) == pytest.approx(0, abs=1e-6)
    assert style_gap_closed(STYLE, CONTENT, STYLE) == pytest.approx(1, abs=1e-6)


def test_the_style_in_another_order_of_tiles_still_closes_most():
    assert style_gap_closed(shuffled(STYLE, 32), CONTENT, STYLE) > 0.8


def test_another_texture_in_the_same_colours_closes_less_than_the_right_one():
    coarse = style_gap_closed(stripes(16, (220, 160, 40)), CONTENT, STYLE)
    assert coarse < style_gap_closed(shuffled(STYLE, 32), CONTENT, STYLE) - 0.1


def test_the_same_texture_in_other_colours_closes_less_than_the_right_one():
    blue = style_gap_closed(stripes(6, (40, 160, 220)), CONTENT, STYLE)
    assert blue < style_gap_closed(shuffled(STYLE, 32), CONTENT, STYLE) - 0.1


def test_a_larger_copy_of_the_style_is_the_same_style():
    large = STYLE.repeat(2, axis=0).repeat(2, axis=1)
    assert style_gap_closed(STYLE, CONTENT, large) > 0.9


def test_the_filters_do_not_answer_to_flat_colour():
    flat = to_unit(np.full((64, 64, 3), (200, 30, 90), np.uint8))
    for gram in FilterBank()(flat):
        assert float(gram[3:, 3:].abs().max()) < 1e-8


def test_shuffled_tiles_of_a_style_are_found_among_other_styles():
    styles = [CONTENT, stripes(16, (220, 160, 40)), STYLE, stripes(6, (40, 160, 220))]
    assert [nearest_style(shuffled(style, 32), styles) for style in styles] == [0, 1, 2, 3]


def test_ssim_of_a_picture_with_itself_is_one_and_with_another_far_less():
    assert structure_kept(CONTENT, CONTENT) == pytest.approx(1, abs=1e-5)
    assert structure_kept(STYLE, CONTENT) < 0.3


def test_ssim_sees_structure_and_not_colour():
    swapped = np.ascontiguousarray(CONTENT[..., [1, 0, 2]])
    assert structure_kept(swapped, CONTENT) > structure_kept(shuffled(CONTENT, 32), CONTENT) + 0.3


def pastiche(network, kept, closed):
    pair = ("a content", "a style")
    return Judged(network, pair, 50.0, closed, kept, True, np.zeros((16, 16, 3), np.uint8))


def test_networks_are_compared_at_the_same_structure_between_what_they_reach():
    judged = [pastiche("A", 0.8, 0.2), pastiche("A", 0.4, 0.6), pastiche("B", 0.5, 0.9)]
    pair = judged[0].pair
    assert closed_at(judged, "A", pair, 0.6) == pytest.approx(0.4)
    assert closed_at(judged, "B", pair, 0.75) == pytest.approx(0.45)  # half way from the content
    assert np.isnan(closed_at(judged, "B", pair, 0.4))
