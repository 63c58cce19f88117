"""Pictures from recipes, without a page: a tiny untrained network is enough."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gan_core.errors import BadSetting, BadWeights
from gan_core.gan.config import NetworkConfig
from gan_core.gan.latents import render
from gan_core.gan.networks import build
from gan_core.gan.snapshot import Snapshot, save_snapshot
from gan_core.pictures import enlarge, read_png_metadata, to_uint8
from ui.jobs import Runs
from ui.models import Models
from ui.recipe import Recipe, check_recipe, keep, make_pictures

TINY = NetworkConfig(resolution=16, z_dim=8, width_G=4, width_D=4)
RECIPE = Recipe("tiny", 4, seed=3, truncation=0.7)


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    save_snapshot(Snapshot(TINY, *build(TINY)), tmp_path / "bundled" / "tiny")
    runs = Runs(tmp_path / "runs")
    yield Models(tmp_path / "bundled", runs)
    runs.close()


def test_a_recipe_makes_the_same_pictures_again(models: Models) -> None:
    assert np.array_equal(make_pictures(models, RECIPE), make_pictures(models, RECIPE))


def test_small_pictures_are_enlarged_by_whole_pixels(models: Models) -> None:
    pictures = make_pictures(models, RECIPE)
    assert pictures.shape == (4, 256, 256, 3)
    assert np.array_equal(pictures, enlarge(pictures[:, ::16, ::16], 16))


def test_a_kept_picture_is_the_one_in_the_gallery(models: Models) -> None:
    assert np.array_equal(make_pictures(models, RECIPE, 2, 1)[0], make_pictures(models, RECIPE)[2])


def test_a_kept_latent_makes_its_picture(models: Models) -> None:
    (_, _), (_, latent) = keep(models, RECIPE, 2)
    told = json.loads(latent)
    made = render(models.load("tiny").G, torch.tensor([told["z"]]), told["truncation"])
    picture = enlarge(to_uint8(made), 16)[0]
    assert np.array_equal(picture, make_pictures(models, RECIPE)[2])


def test_a_kept_picture_tells_how_it_was_made(models: Models) -> None:
    (name, png), _ = keep(models, RECIPE, 2)
    assert name == "seed-3-2.png"
    told = read_png_metadata(png)
    assert told == {"model": "tiny", "seed": "3", "index": "2", "truncation": "0.7"}


@pytest.mark.parametrize(
    ("count", "seed", "truncation"),
    [(0, 0, 1), (65, 0, 1), (4, -1, 1), (4, 2**31, 1), (4, 0, 1.5), (4, 0, float("nan")),
     (4, float("inf"), 1), (None, 0, 1)],
)  # fmt: skip
def test_what_lies_out_of_bounds_is_refused(
    count: float | None, seed: float, truncation: float
) -> None:
    with pytest.raises(BadSetting, match="It must .* between"):
        check_recipe("tiny", count, seed, truncation)


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        (None, "Seed is empty."),
        ("x", "Seed is “x”, which is not a number."),
        (1.5, "Seed is 1.5. It must be a whole number"),
        (3e9, "Seed is 3,000,000,000."),
    ],
)
def test_a_seed_that_cannot_be_used_is_told_as_it_was_given(seed: Any, message: str) -> None:
    with pytest.raises(BadSetting, match=re.escape(message)):
        check_recipe("tiny", 4, seed, 1)


@pytest.mark.parametrize("name", [None, "", "no-such-model"])
def test_a_model_that_is_not_there_names_those_that_are(models: Models, name: str | None) -> None:
    with pytest.raises(BadWeights, match="Bundled here: tiny"):
        models.load(name)


@pytest.mark.parametrize("name", ["../bundled/tiny", "/etc", "a" * 22])
def test_a_model_cannot_be_named_by_a_path(models: Models, name: str) -> None:
    with pytest.raises(BadWeights, match="There is no model called"):
        models.load(name)


def test_without_any_model_the_message_says_what_to_do(tmp_path: Path) -> None:
    runs = Runs(tmp_path / "runs")
    with pytest.raises(BadWeights, match="No model is bundled"):
        Models(tmp_path / "none", runs).load(None)
    runs.close()
