"""Copies are found, and what is none is not accused; with models that copy because they must."""

import numpy as np
import pytest
import torch

from gan_core.errors import BadDataset, BadRun
from gan_core.gan.config import NetworkConfig
from gan_core.gan.latents import latents, render
from gan_core.gan.memorisation import memorisation
from gan_core.gan.networks import build
from gan_core.gan.snapshot import Snapshot, load_snapshot, save_snapshot
from gan_core.pictures import Dataset, save_dataset, to_uint8

TINY = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8)


@pytest.fixture
def run(tmp_path):
    """A run's folder with a model of random weights; and what it makes of seed 0."""
    G, D = build(TINY)
    with torch.no_grad():
        for parameter in G.parameters():
            parameter.mul_(8)  # so that its pictures differ
    save_snapshot(Snapshot(TINY, G, D), tmp_path / "best")
    stored = load_snapshot(tmp_path / "best")
    return tmp_path, to_uint8(render(stored.G, latents(24, 0, TINY.z_dim)))


def learn_from(folder, images):
    save_dataset(Dataset("mine", np.ascontiguousarray(images), ()), folder / "dataset.safetensors")


def noise(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 16, 16, 3), np.uint8)


def test_a_model_that_makes_its_training_pictures_is_found_out(run):
    folder, made = run
    learn_from(folder, made)
    found = memorisation(folder, n_made=24)
    assert (found.copies, found.share, found.is_warning) == (24, 1.0, True)
    assert "24 of 24 pictures made (100%)" in found.sentence
    assert "24 it learned from" in found.sentence


def test_a_model_that_makes_other_pictures_is_not_accused(run):
    folder, _ = run
    patches = noise(24)[:, :2, :2].repeat(8, axis=1).repeat(8, axis=2)
    learn_from(folder, patches)
    found = memorisation(folder)
    assert (found.copies, found.is_warning, found.n_made, found.n_real) == (0, False, 64, 24)
    assert "0 of 64" in found.sentence


def test_a_few_copies_among_many_pictures_are_counted(run):
    folder, made = run
    learn_from(folder, np.concatenate([made[:4], noise(20)]))
    found = memorisation(folder, n_made=24)
    assert 4 <= found.copies < 24
    assert found.is_warning


def test_each_made_picture_stands_above_its_nearest_training_picture(run):
    folder, made = run
    order = np.random.default_rng(0).permutation(24)
    learn_from(folder, made[order])
    found = memorisation(folder, n_made=24)
    above, below = found.pairs[:16], found.pairs[18:]
    assert found.pairs.shape == (34, 8 * 18 - 2, 3)
    assert np.array_equal(above, below)
    learn_from(folder, noise(24))
    found = memorisation(folder, n_made=24)
    cells = [found.pairs[18:, i * 18 : i * 18 + 16] for i in range(8)]
    assert all(any(np.array_equal(cell, real) for real in noise(24)) for cell in cells)


def test_of_more_pictures_than_are_searched_the_nearest_is_the_one_shown(run):
    folder, made = run
    images = noise(2500)
    images[-1] = made[3]
    learn_from(folder, images)
    found = memorisation(folder, n_made=5)
    assert found.n_real == 2000
    assert np.array_equal(found.pairs[:16, :16], made[3])
    assert np.array_equal(found.pairs[18:, :16], made[3])


def test_the_same_look_twice_says_the_same_and_another_seed_looks_at_others(run):
    folder, made = run
    learn_from(folder, made)
    first, again, other = memorisation(folder), memorisation(folder), memorisation(folder, seed=5)
    assert first.sentence == again.sentence
    assert np.array_equal(first.pairs, again.pairs)
    assert not np.array_equal(first.pairs, other.pairs)


def test_without_a_model_or_without_the_pictures_there_is_nothing_to_compare(run, tmp_path):
    with pytest.raises(BadDataset):
        memorisation(run[0])
    with pytest.raises(BadRun, match="no model yet"):
        memorisation(tmp_path / "nowhere")
