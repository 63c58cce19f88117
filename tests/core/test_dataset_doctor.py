"""What is said of a set of pictures before training, on sets of which the answer is known."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gan_core.gan.dataset_doctor import (
    Findings,
    Sides,
    compare_sides,
    examine,
    features_of,
    find_odd,
    find_variety,
)
from gan_core.pictures.drawing import dead_leaves

Images = NDArray[np.uint8]
WORDS = (
    "paper", "river", "LETTER", "Bread", "house", "Friday", "garden", "KEEP", "flower", "page",
    "error", "books", "FIRE",
)  # fmt: skip


def icons(n: int) -> Images:
    """Discs with two eyes and a mouth, in varied places and colours."""
    made = []
    for seed in range(n):
        rng = np.random.default_rng(seed)
        image = Image.new("RGB", (64, 64), "white")
        draw = ImageDraw.Draw(image)
        draw.ellipse((4, 4, 60, 60), fill=(240, int(rng.integers(150, 220)), 40))
        height, width = int(rng.integers(16, 28)), int(rng.integers(3, 7))
        for left in (18, 40):
            draw.ellipse((left, height, left + width, height + width), fill="black")
        draw.arc((16, 20, 48, int(rng.integers(40, 54))), 20, 160, fill="black", width=3)
        made.append(np.array(image))
    return np.stack(made)


def leaves(n: int) -> Images:
    return np.stack([dead_leaves(64, seed) for seed in range(n)])


def words(n: int) -> Images:
    made = []
    for seed in range(n):
        rng = np.random.default_rng(seed)
        image = Image.new("RGB", (64, 64), tuple(map(int, rng.integers(160, 256, 3))))
        draw = ImageDraw.Draw(image)
        for top in (4, 24, 44):
            font = ImageFont.load_default(int(rng.integers(14, 20)))
            draw.text((3, top), WORDS[rng.integers(len(WORDS))], fill="black", font=font)
        made.append(np.array(image))
    return np.stack(made)


def mirrored(images: Images) -> Images:
    return np.ascontiguousarray(images[:, :, ::-1])


def mean_colour(x: Tensor) -> Tensor:
    """A stand-in for StyleNet where what is compared does not matter: [N, 3, S, S] -> [N, 3]."""
    return x.float().mean(dim=(2, 3))


def test_strangers_are_odd_and_named_with_how_far_they_are() -> None:
    pictures = np.concatenate([icons(30), leaves(1)])
    (stranger,) = [odd for odd in find_odd(features_of(pictures)) if odd.times > 1.5]
    assert stranger.index == 30


def test_a_second_kind_of_pictures_is_not_odd() -> None:
    kinds = np.concatenate([icons(20), leaves(20)])
    assert {odd.index for odd in find_odd(features_of(kinds)) if odd.times > 1.5} == set()


def test_one_picture_many_times_is_neither_odd_nor_varied() -> None:
    features = features_of(icons(1).repeat(20, axis=0))
    assert find_odd(features) == ()
    assert find_variety(features) == pytest.approx(0, abs=1e-3)


def test_pictures_of_several_kinds_are_more_varied_than_those_of_one() -> None:
    alike = find_variety(features_of(icons(20)))
    mixed = find_variety(features_of(np.concatenate([icons(10), leaves(10)])))
    assert alike < 0.7
    assert mixed > 1.3 * alike


def test_a_larger_copy_of_the_pictures_is_as_varied() -> None:
    small = icons(12)
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    assert find_variety(features_of(large)) == pytest.approx(find_variety(features_of(small)), 0.1)


def test_writing_must_not_be_mirrored() -> None:
    sides = compare_sides(words(40))
    assert sides is not None
    assert sides.differ
    assert "better not mirror them" in sides.hint()


def test_a_set_that_holds_its_mirror_images_may_be_mirrored() -> None:
    half = words(20)
    sides = compare_sides(np.concatenate([half, mirrored(half)]))
    assert sides is not None
    assert not sides.differ
    assert "would not be noticed" in sides.hint()


def test_pictures_that_are_their_own_mirror_images_may_be_mirrored() -> None:
    half = leaves(12)[:, :, :32]
    assert compare_sides(np.concatenate([half, mirrored(half)], axis=2)) == Sides(0.0, 1.0)


def test_of_a_few_pictures_nothing_is_said_that_needs_many() -> None:
    found = examine(icons(5))
    assert (found.n_images, found.odd, found.sides) == (5, (), None)
    assert "near copies" in found.expectation()


@pytest.mark.parametrize(
    ("n", "variety", "words"),
    [
        (30, 0.6, "30 pictures are much alike (two differ 60% as much"),
        (30, 0.6, "near copies and echoes"),
        (70, 0.8, "fairly varied"),
        (70, 0.8, "among them echoes of yours"),
        (1200, 0.5, "1,200 pictures are much alike"),
        (120, 0.5, "expect new pictures of the kind."),
        (120, 0.85, "in the large more than in detail"),
        (120, 0.97, "very varied"),
        (30, 1.02, "colours and blotches"),
    ],
)
def test_what_to_expect_follows_from_number_and_variety(n: int, variety: float, words: str) -> None:
    assert words in Findings(n, variety).expectation()


def test_other_features_can_be_passed_in() -> None:
    seen: list[Any] = []

    def extract(x: Tensor) -> Tensor:
        seen.append((x.dtype, tuple(x.shape[1:])))
        return mean_colour(x)

    found = examine(icons(12), extract, reference=2.0)
    assert set(seen) == {(torch.uint8, (3, 64, 64)), (torch.uint8, (3, 64, 32))}
    assert found.variety == pytest.approx(examine(icons(12), mean_colour, 1.0).variety / 2)
