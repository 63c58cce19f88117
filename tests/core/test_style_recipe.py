"""Recipes inside PNGs, and the pure plans of a style transfer: sizes and shares of time."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gan_core.errors import BadPicture
from gan_core.events import Painted, Pastiche
from gan_core.features.load import calibration_pictures
from gan_core.features.network import Architecture, FeatureNet
from gan_core.features.rescale import rescale
from gan_core.pictures import encode_png
from gan_core.style.config import PRESETS, Objective, StyleConfig
from gan_core.style.inputs import Content, Style
from gan_core.style.plan import Cost, share_out
from gan_core.style.recipe import KEY, Recipe, read_recipe, write_recipe
from gan_core.style.sizes import SHORTEST, fit, pyramid, resize, resize_area
from gan_core.style.transfer import stylize

TINY = Architecture((4, 8, 8, 8, 8), (1, 1, 1, 2, 1), "average")


def tiny() -> FeatureNet:
    rng = torch.Generator().manual_seed(1)
    drawn = {
        key: torch.randn(shape, generator=rng) * (0.3 if len(shape) == 4 else 0.1)
        for key, shape in TINY.shapes().items()
    }
    return FeatureNet(TINY, rescale(TINY, drawn, calibration_pictures()[:2]), name="tiny")


NET = tiny()
_PATCHES = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), np.uint8)
CONTENT, STYLE = Content(resize(_PATCHES[0], 80, 60)), Style((resize(_PATCHES[1], 64, 64),), 2.0)
CONFIG = StyleConfig(size=96, first_size=48, seconds=2, start="noise", seed=7, strength=70.0)


class Clock:
    """Advances by `tick` seconds whenever it is looked at."""

    def __init__(self, tick: float) -> None:
        self.now, self.tick = 0.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


def paint(config: StyleConfig, tick: float = 0.05, stop_at_size: int = 0) -> Pastiche:
    """The end of a style transfer; stopped where the first picture of a size's end is shown."""
    stop: list[bool] = []
    for event in stylize(
        config, CONTENT, (STYLE,), lambda: bool(stop), network=NET, clock=Clock(tick)
    ):
        if isinstance(event, Painted) and event.size == stop_at_size and event.step == 3:
            stop.append(True)
    assert isinstance(event, Pastiche)
    return event


def saved(config: StyleConfig, end: Pastiche) -> bytes:
    """The PNG that the program would write."""
    recipe = write_recipe(config, CONTENT, (STYLE,), "tiny", end, ["a.jpg", "b.png"])
    assert end.image is not None
    return encode_png(end.image, recipe.to_text())


def png(stored: Any) -> bytes:
    text = stored if isinstance(stored, str) else json.dumps(stored)
    return encode_png(np.zeros((20, 20, 3), np.uint8), {KEY: text})


def stored(**changes: Any) -> dict[str, Any]:
    """What a recipe is as JSON."""
    recipe = json.loads(Recipe(CONFIG, {"steps": [2, 3]}, {}).to_text()[KEY])
    return {**recipe, **changes}


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        StyleConfig(),
        replace(CONFIG, steps=(1, 2), colors="keep", objective=Objective(tv="power")),
        *(preset.config for preset in PRESETS.values()),
    ],
)
def test_settings_come_back_out_of_a_png_as_they_were(config):
    recipe = read_recipe(encode_png(np.zeros((20, 20, 3), np.uint8), Recipe(config).to_text()))
    assert recipe.config == config


def test_a_recipe_says_what_it_was_made_of_and_what_came_of_it(tmp_path):
    end = paint(replace(CONFIG, steps=(1, 1, 2)))
    path = tmp_path / "made.png"
    path.write_bytes(saved(CONFIG, end))
    recipe = read_recipe(path)
    assert recipe.made["network"] == "tiny"
    assert recipe.made["steps"] == list(end.steps) == [1, 1, 2]
    assert recipe.made["sizes"] == list(end.sizes)
    assert recipe.made["stopped"] is False
    content, (style,) = recipe.pictures["content"], recipe.pictures["styles"]
    assert (content["name"], content["width"], content["height"]) == ("a.jpg", 80, 60)
    assert (style["name"], style["weight"], len(style["pictures"])) == ("b.png", 2.0, 1)
    assert len(content["sha256"]) == 64
    assert content["sha256"] != style["pictures"][0]["sha256"]
    assert recipe.pictures["protected"] is False


def test_the_picture_is_unchanged_by_its_recipe(tmp_path):
    end = paint(replace(CONFIG, steps=(1,)))
    (tmp_path / "made.png").write_bytes(saved(CONFIG, end))
    with Image.open(tmp_path / "made.png") as image:
        assert np.array_equal(np.asarray(image), end.image)


def test_names_may_be_missing_and_odd():
    end = paint(replace(CONFIG, steps=(1,)))
    made = write_recipe(CONFIG, CONTENT, (STYLE,), "tiny", end, ["übung [1]\n.jpg"])
    recipe = read_recipe(encode_png(end.image, made.to_text()))
    assert recipe.pictures["content"]["name"] == "übung [1]\n.jpg"
    assert recipe.pictures["styles"][0]["name"] == ""


def test_a_picture_that_the_clock_ended_is_repeated_by_its_recipe_to_the_bit():
    end = paint(CONFIG)
    assert len(end.steps) == 3
    again = read_recipe(saved(CONFIG, end)).repeating()
    assert again == replace(CONFIG, steps=end.steps, precision=end.precision)
    assert np.array_equal(paint(again, tick=0.3).image, end.image)


def test_a_picture_that_was_not_painted_to_its_full_size_is_repeated_too():
    end = paint(CONFIG, tick=0.08)
    assert end.sizes[-1] < 96
    again = paint(read_recipe(saved(CONFIG, end)).repeating())
    assert again.sizes == end.sizes
    assert np.array_equal(again.image, end.image)


@pytest.mark.parametrize(
    ("steps", "size"), [((9, 9, 9), 48), ((3, 9, 9), 48)], ids=["within", "between"]
)
def test_a_picture_that_was_stopped_is_repeated_too(steps, size):
    config = replace(CONFIG, steps=steps)
    end = paint(config, tick=1.0, stop_at_size=size)
    assert end.stopped
    again = paint(read_recipe(saved(config, end)).repeating())
    assert np.array_equal(again.image, end.image)


def test_a_picture_stopped_before_its_first_step_has_a_recipe_that_can_be_read():
    for event in stylize(CONFIG, CONTENT, (STYLE,), lambda: True, network=NET, clock=Clock(0.05)):
        end = event
    assert read_recipe(saved(CONFIG, end)).config == CONFIG


def test_a_picture_without_a_recipe_is_refused():
    with pytest.raises(BadPicture, match="carries no recipe"):
        read_recipe(encode_png(np.zeros((20, 20, 3), np.uint8), {"Software": "another"}))


def test_other_files_than_png_are_refused_by_name(tmp_path):
    Image.fromarray(CONTENT.pixels).save(tmp_path / "made.jpg")
    with pytest.raises(BadPicture, match=r"made\.jpg cannot be read as a PNG"):
        read_recipe(tmp_path / "made.jpg")
    with pytest.raises(BadPicture, match=r"gone\.png"):
        read_recipe(tmp_path / "gone.png")
    with pytest.raises(BadPicture, match="The picture"):
        read_recipe(b"not a picture")


def with_config(**changes: Any) -> dict[str, Any]:
    return stored(config={**stored()["config"], **changes})


def with_objective(**changes: Any) -> dict[str, Any]:
    return with_config(objective={**stored()["config"]["objective"], **changes})


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{",
        "null",
        "[1]",
        "7",
        "[" * 50_000,
        {},
        {"format": 1},
        stored(format=2),
        stored(config=None),
        stored(config=[1, 2]),
        stored(made=[1]),
        stored(made=None),
        stored(pictures=3),
        with_config(color="keep"),
        with_config(size=5000),
        with_config(size=100.5),
        with_config(size="512"),
        with_config(size=True),
        with_config(size=None),
        with_config(strength=float("nan")),
        with_config(strength=-1),
        with_config(network="alexnet"),
        with_config(steps=[0]),
        with_config(steps=["1"]),
        with_config(steps=3),
        with_config(objective=None),
        with_objective(form="absolute"),
        with_objective(tv_weight=float("inf")),
        with_objective(content_layers=[1]),
        with_objective(content_layers=[], style_layers=[]),
        with_objective(speed=1),
        stored(made={"steps": [0]}),
        stored(made={"steps": [-3]}),
        stored(made={"steps": [1.5]}),
        stored(made={"steps": [float("nan")]}),
        stored(made={"steps": [float("inf")]}),
        stored(made={"steps": ["many"]}),
        stored(made={"steps": 3}),
        stored(made={"steps": None}),
    ],
    ids=lambda broken: json.dumps(broken)[:40] if not isinstance(broken, dict) else None,
)
def test_a_recipe_that_is_broken_foreign_or_out_of_bounds_is_refused(broken):
    with pytest.raises(BadPicture, match="cannot be used"):
        read_recipe(png(broken))


def test_a_sound_recipe_beside_the_broken_ones_is_taken():
    assert read_recipe(png(stored())).repeating() == replace(CONFIG, steps=(2, 3))


# Sizes

sides = st.integers(SHORTEST, 4000)


@settings(deadline=None)
@given(width=sides, height=sides, longer=st.integers(64, 1024))
def test_a_fitted_picture_has_its_longer_side_and_its_aspect_ratio(width, height, longer):
    if min(width, height) * longer / max(width, height) < SHORTEST - 0.5:
        with pytest.raises(BadPicture, match=f"{width} × {height} px; at {longer} px"):
            fit(width, height, longer)
        return
    found = fit(width, height, longer)
    assert max(found) == longer
    assert min(found) >= SHORTEST
    assert (found[0] >= found[1]) == (width >= height) or found[0] == found[1]
    shorter = min(width, height) / max(width, height) * longer
    assert abs(min(found) - shorter) <= 0.5


@settings(deadline=None)
@given(
    width=st.integers(64, 1024),
    height=st.integers(64, 1024),
    first=st.integers(32, 1024),
    last=st.integers(64, 1024),
)
def test_sizes_ascend_to_exactly_the_last_in_steps_of_about_the_root_of_two(
    width, height, first, last
):
    found = pyramid(width, height, first, last)
    assert found[-1] == last
    assert found == sorted(set(found))
    ratios = [b / a for a, b in zip(found, found[1:], strict=False)]
    if last >= 2 * found[0]:
        assert all(1.25 < ratio < 1.6 for ratio in ratios)
    assert all(ratio < 1.75 for ratio in ratios)
    assert found[0] >= min(first, last)


@settings(deadline=None)
@given(width=st.integers(64, 1024), narrow=st.floats(1, 30), last=st.integers(64, 1024))
def test_every_size_of_a_picture_can_be_fitted_however_narrow_it_is(width, narrow, last):
    height = max(SHORTEST, round(width / narrow))
    try:
        whole = fit(width, height, last)
    except BadPicture:
        return
    for size in pyramid(*whole, 32, last):
        assert min(fit(*whole, size)) >= min(SHORTEST, *whole)


def test_sizes_of_the_default_settings():
    assert pyramid(512, 384, 128, 512) == [128, 181, 256, 362, 512]
    assert pyramid(256, 256, 256, 256) == [256]


@settings(deadline=None)
@given(height=st.integers(16, 200), width=st.integers(16, 200), side=st.integers(16, 100))
def test_resized_by_area_a_picture_has_about_so_many_pixels(height, width, side):
    pixels = resize_area(np.zeros((height, width, 3), np.uint8), side)
    assert min(pixels.shape[:2]) >= SHORTEST
    if max(height, width) / min(height, width) < side / SHORTEST * 0.9:
        assert pixels.shape[0] * pixels.shape[1] == pytest.approx(side**2, rel=0.1)


# Time

costs = st.builds(Cost, st.floats(0, 0.5), st.floats(1e-9, 1e-5))
ladders = st.lists(st.integers(10**3, 10**6), min_size=1, max_size=8, unique=True).map(sorted)


@settings(deadline=None)
@given(pixels=ladders, seconds=st.floats(0.5, 3600), cost=costs)
def test_the_shares_of_the_sizes_make_the_whole_time(pixels, seconds, cost):
    shares = share_out(pixels, seconds, cost)
    assert 1 <= len(shares) <= len(pixels)
    assert sum(shares) == pytest.approx(seconds)
    assert all(share > 0 for share in shares)


@settings(deadline=None)
@given(pixels=ladders, seconds=st.floats(0.5, 3600), cost=costs)
def test_smaller_sizes_get_more_steps_and_the_last_one_is_worth_its_beginning(
    pixels, seconds, cost
):
    shares = share_out(pixels, seconds, cost)
    steps = [share / cost.of(count) for share, count in zip(shares, pixels, strict=False)]
    assert steps == sorted(steps, reverse=True)
    assert len(steps) == 1 or steps[-1] >= 5.99


@settings(deadline=None)
@given(pixels=ladders, seconds=st.floats(0.5, 1800), cost=costs)
def test_more_time_never_reaches_fewer_sizes(pixels, seconds, cost):
    assert len(share_out(pixels, 2 * seconds, cost)) >= len(share_out(pixels, seconds, cost))


def test_a_cost_of_two_measurements_gives_them_back():
    cost = Cost.from_two((1000, 0.2), (3000, 0.4))
    assert (cost.of(1000), cost.of(3000)) == (pytest.approx(0.2), pytest.approx(0.4))
    assert cost.fixed == pytest.approx(0.1)


@settings(deadline=None)
@given(first=st.floats(0, 10), second=st.floats(0, 10))
def test_however_a_measurement_was_disturbed_no_step_costs_less_than_nothing(first, second):
    cost = Cost.from_two((1000, first), (4000, second))
    assert cost.fixed >= 0
    assert 0 < cost.of(1000) < cost.of(4000) or cost.of(1000) == pytest.approx(cost.of(4000))
