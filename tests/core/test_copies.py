"""Copies are found in every disguise that is named, and what is none is not accused."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from gan_core.gan.copies import CopyFinder, Neighbour, worst_first
from gan_core.pictures.drawing import dead_leaves

SIDE, N = 64, 24


@pytest.fixture(scope="module")
def scenes():
    """48 pictures that have the edges and the spectrum of photographs."""
    drawn = np.stack([dead_leaves(2 * SIDE, seed) for seed in range(12)])
    quarters = [drawn[:, y : y + SIDE, x : x + SIDE] for y in (0, SIDE) for x in (0, SIDE)]
    return np.ascontiguousarray(np.concatenate(quarters))


def shifted(image, step=2):
    wide = np.pad(image, ((step, step), (step, step), (0, 0)), mode="edge")
    return wide[:SIDE, 2 * step :][:, :SIDE]


def saved_as_jpeg(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=70)
    return np.asarray(Image.open(file).convert("RGB"))


def of_levels(image):
    return np.clip(image, 0, 255).round().astype(np.uint8)


def noisy(image):
    return of_levels(image + np.random.default_rng(0).normal(0, 8, image.shape))


DISGUISES = {
    "as it is": lambda image: image,
    "shifted": shifted,
    "mirrored": lambda image: image[:, ::-1],
    "mirrored and shifted": lambda image: shifted(image[:, ::-1]),
    "blurred": lambda image: np.asarray(
        Image.fromarray(image).filter(ImageFilter.GaussianBlur(1.5))
    ),
    "noisy": noisy,
    "brighter": lambda image: of_levels(image * 1.1),
    "darker": lambda image: of_levels(image * 0.9),
    "compressed": saved_as_jpeg,
    "several at once": lambda image: saved_as_jpeg(noisy(shifted(image))),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_copies_are_recognised_with_their_originals(scenes, disguise):
    copies = np.stack([DISGUISES[disguise](image) for image in scenes[:N]])
    found = CopyFinder(scenes).nearest(copies)
    assert sum(each.is_copy for each in found) >= 0.9 * N
    assert [each.index for each in found] == list(range(N))


def test_other_pictures_of_the_kind_are_not_accused(scenes):
    found = CopyFinder(scenes[:N]).nearest(scenes[N:])
    assert sum(each.is_copy for each in found) <= 0.05 * N
    assert 0.25 < np.median([each.rank for each in found]) <= 1


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_pictures_are_no_copies_of_pictures_with_something_in_them(scenes, level):
    blank = np.full((3, SIDE, SIDE, 3), level, np.uint8)
    assert not any(each.is_copy for each in CopyFinder(scenes).nearest(blank))


def test_a_copy_is_found_also_where_every_real_picture_is_there_twice(scenes):
    found = CopyFinder(np.concatenate([scenes, scenes])).nearest(np.stack([*map(noisy, scenes)]))
    assert all(each.is_copy for each in found)


@pytest.mark.parametrize("n", [2, 3, 7])
def test_few_real_pictures_are_enough_to_find_copies_and_to_accuse_nothing_else(scenes, n):
    finder = CopyFinder(scenes[:n])
    assert all(each.is_copy for each in finder.nearest(scenes[:n]))
    assert not any(each.is_copy for each in finder.nearest(scenes[n : 2 * n]))


def test_real_pictures_that_are_all_alike_give_numbers():
    found = CopyFinder(np.zeros((9, 16, 16, 3), np.uint8)).nearest(
        np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
    )
    assert np.isfinite([(each.distance, each.rank) for each in found]).all()
    assert not any(each.is_copy for each in found)


def test_distance_and_rank_are_those_of_a_search_by_hand(scenes):
    real, made = scenes[:7], scenes[7:10]

    def thumbnail(image):
        cells = image.reshape(8, 8, 8, 8, 3).mean((1, 3)) / 255
        return (cells - cells.mean()) / np.linalg.norm(cells - cells.mean())

    def apart(one, other):
        """From one picture to all forms of the other."""
        wide = np.pad(other, ((2, 2), (2, 2), (0, 0)), mode="edge")
        moved = [wide[y : y + SIDE, x : x + SIDE] for y in (0, 2, 4) for x in (0, 2, 4)]
        forms = [thumbnail(form) for each in moved for form in (each, each[:, ::-1])]
        return min(np.linalg.norm(thumbnail(one) - form) for form in forms)

    alone = [min(apart(a, b) for j, b in enumerate(real) if i != j) for i, a in enumerate(real)]
    for image, found in zip(made, CopyFinder(real).nearest(made), strict=True):
        distances = [apart(image, other) for other in real]
        assert found.index == np.argmin(distances)
        assert found.distance == pytest.approx(min(distances), abs=1e-3)
        assert found.rank == pytest.approx(np.mean(np.array(alone) < min(distances)))


@pytest.mark.parametrize("side", [16, 32, 128])
def test_other_sizes_are_searched_too(scenes, side):
    sized = np.stack([np.asarray(Image.fromarray(image).resize((side, side))) for image in scenes])
    found = CopyFinder(sized[:N]).nearest(np.ascontiguousarray(sized[:, :, ::-1]))
    assert [each.index for each in found[:N]] == list(range(N))
    assert all(each.is_copy for each in found[:N])
    assert sum(each.is_copy for each in found[N:]) <= 0.05 * N


def test_the_worst_come_first_copies_before_what_is_only_near():
    found = [
        Neighbour(0, 0.9, 0.5, False),
        Neighbour(1, 0.5, 0.1, True),
        Neighbour(2, 0.4, 0.1, False),
        Neighbour(3, 0.1, 0.0, True),
    ]
    assert worst_first(found) == [3, 1, 2, 0]


def test_searching_leaves_the_global_generator_alone(scenes):
    before = torch.get_rng_state()
    first, again = (CopyFinder(scenes[:N]).nearest(scenes[N:]) for _ in range(2))
    assert first == again
    assert torch.equal(before, torch.get_rng_state())
