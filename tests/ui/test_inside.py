"""What only some networks can do, under Generate: all sizes of a latent, and styles mixed."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch

from gan_core.gan.config import NetworkConfig
from gan_core.gan.latents import latents, sample
from gan_core.gan.networks import build
from gan_core.gan.snapshot import Snapshot, save_snapshot
from gan_core.pictures import enlarge, to_uint8
from ui.inside import Inside
from ui.jobs import Runs
from ui.models import Models
from ui.recipe import Recipe, crossings, make_mix, make_pictures, make_scales

SHAPE: dict[str, Any] = {"z_dim": 8, "width_G": 4, "width_D": 4}
BUNDLED = {
    "plain": NetworkConfig(resolution=16, **SHAPE),
    "scales": NetworkConfig("pyramid", 32, scales="all", **SHAPE),
    "one-scale": NetworkConfig("pyramid", 32, **SHAPE),
    "style": NetworkConfig("stylegan", 32, **SHAPE),
    "digits": NetworkConfig("notebook", 28, channels=1, **SHAPE),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    place = tmp_path_factory.mktemp("models")
    for name, network in BUNDLED.items():
        save_snapshot(Snapshot(network, *build(network)), place / "bundled" / name)
    runs = Runs(place / "runs")
    yield Models(place / "bundled", runs)
    runs.close()


def recipe(model: str, truncation: float = 1.0) -> Recipe:
    return Recipe(model, 4, seed=3, truncation=truncation)


def shown(models: Models, model: str, level: float = 1) -> dict[Any, Any]:
    with gr.Blocks(analytics_enabled=False):
        inside = Inside(models)
    names = ["scales_row", "scales_said", "scales", "mixing", "mix_said", "mixed", "crossing"]
    return dict(zip(names, inside.show(recipe(model), 0, 1, level), strict=True))


@pytest.mark.parametrize(
    ("model", "has_scales", "can_mix"),
    [("plain", False, False), ("scales", True, False), ("one-scale", False, False),
     ("style", False, True), ("digits", False, False)],
)  # fmt: skip
def test_what_a_model_cannot_do_is_not_shown(
    models: Models, model: str, has_scales: bool, can_mix: bool
) -> None:
    found = shown(models, model)
    assert (found["scales_row"]["visible"], found["mixing"]["visible"]) == (has_scales, can_mix)


def test_every_model_can_be_chosen_and_makes_pictures_at_any_truncation(models: Models) -> None:
    assert {name for _, name in models.choices([])} == set(BUNDLED)
    for model in BUNDLED:
        assert make_pictures(models, recipe(model)).shape[0] == 4
        whole, less = (sample(models.load(model), 4, 3, truncation) for truncation in (1.0, 0.3))
        assert not torch.equal(whole, less)


def test_all_sizes_of_a_latent_are_side_by_side_the_last_as_in_the_gallery(models: Models) -> None:
    picture, sides = make_scales(models, recipe("scales", 0.7), 2)
    assert sides == [8, 16, 32]
    assert picture.shape == (256, 3 * 256 + 2 * 8, 3)
    alone = make_pictures(models, recipe("scales", 0.7), 2, 1)[0]
    assert np.array_equal(picture[:, -256:], alone)
    coarsest = picture[::32, :256:32]
    assert np.array_equal(picture[:, :256], enlarge(coarsest, 32))  # without blur
    assert "8, 16, 32 px" in shown(models, "scales")["scales_said"]


def test_a_mix_has_coarse_styles_of_one_seed_and_fine_ones_of_another(models: Models) -> None:
    snapshot = models.load("style")
    assert crossings(snapshot) == [8, 16, 32]
    mixed = make_mix(models, recipe("style"), 2, fine_seed=9, side=16)
    left, middle, right = mixed[:, :256], mixed[:, 264:520], mixed[:, 528:]
    assert np.array_equal(left, make_pictures(models, recipe("style"), 2, 1)[0])
    assert np.array_equal(right, enlarge(to_uint8(sample(snapshot, 1, 9)), 8)[0])
    G: Any = snapshot.G
    w = [G.mapping(latents(1, seed, 8, index)) for seed, index in ((3, 2), (9, 0))]
    assert np.array_equal(middle, enlarge(to_uint8(G.synthesis(G.mix(*w, 16))), 8)[0])
    said = shown(models, "style", level=2)["mix_said"]
    assert "4, 8 px by the left one, 16, 32 px by the right one" in said


def test_a_crossing_beyond_a_smaller_models_sides_is_moved_to_its_last(models: Models) -> None:
    assert shown(models, "style", level=9)["crossing"] == gr.update(maximum=3, value=3)
