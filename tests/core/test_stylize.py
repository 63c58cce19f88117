"""`stylize` as its callers know it: events, promises about pixels, time, stops and breaks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import close_session, constants

from gan_core.errors import AtelierError, BadPicture, BadSetting
from gan_core.events import Event, Noticed, Painted, Pastiche, Planned
from gan_core.features.load import calibration_pictures, load_network
from gan_core.features.network import Architecture, FeatureNet
from gan_core.features.rescale import rescale
from gan_core.style.color import keep_colors, luminance, match_colors
from gan_core.style.config import PRESETS, Objective, StyleConfig
from gan_core.style.inputs import Content, Style
from gan_core.style.sizes import resize
from gan_core.style.transfer import stylize

TINY = Architecture((4, 8, 8, 8, 8), (1, 1, 1, 2, 1), "average")
FAST = StyleConfig(size=64, first_size=48, steps=(2, 3))


def tiny_tensors() -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    drawn = {
        key: torch.randn(shape, generator=rng) * (0.3 if len(shape) == 4 else 0.1)
        for key, shape in TINY.shapes().items()
    }
    return rescale(TINY, drawn, calibration_pictures()[:2])


NET = FeatureNet(TINY, tiny_tensors(), name="tiny")  # one for all: how to compute is probed once


def blocks(width: int = 80, height: int = 60, seed: int = 0) -> np.ndarray:
    """Patches of random colours: forms to keep."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(40, 216, (4, 5, 3), np.uint8)
    return resize(patches, width, height)


def stripes(side: int = 64, colors: Sequence[Sequence[int]] = ((230, 120, 20), (20, 40, 110))):
    wave = (np.add.outer(np.arange(side), np.arange(side)) // 4) % 2
    return np.array(colors, np.uint8)[wave]


CONTENT, STYLE = Content(blocks()), Style((stripes(),))


def paint(
    config: StyleConfig = FAST,
    content: Content = CONTENT,
    styles: Sequence[Style] = (STYLE,),
    network: FeatureNet | None = NET,
    **others: Any,
) -> list[Event]:
    return list(stylize(config, content, styles, network=network, **others))


def result(*arguments: Any, **others: Any) -> Pastiche:
    last = paint(*arguments, **others)[-1]
    assert isinstance(last, Pastiche)
    return last


def of_kind(kind: type, found: Sequence[Event]) -> list[Any]:
    return [event for event in found if isinstance(event, kind)]


class Clock:
    """Advances by `tick` seconds whenever it is looked at."""

    def __init__(self, tick: float) -> None:
        self.now, self.tick = 100.0, tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


# The contract


def test_first_comes_the_plan_then_what_is_painted_and_last_the_pastiche():
    found = paint()
    assert isinstance(found[0], Planned)
    assert isinstance(found[-1], Pastiche)
    assert {type(event) for event in found[1:-1]} == {Painted}
    plan, end = found[0], found[-1]
    assert (plan.width, plan.height, plan.sizes) == (64, 48, (48, 64))
    assert plan.network == "tiny"
    assert "64 × 48 px" in plan.plan
    assert (end.steps, end.sizes, end.stopped) == ((2, 3), (48, 64), False)


def test_what_is_painted_is_shown_as_it_grows():
    shown = of_kind(Painted, paint(clock=Clock(1.0)))
    assert [event.step for event in shown] == [1, 2, 3, 4, 5]
    assert [event.size for event in shown] == [48, 48, 64, 64, 64]
    assert [event.seconds for event in shown] == sorted(event.seconds for event in shown)
    for event in shown:
        assert event.image.dtype == np.uint8
        assert event.image.shape == (event.size * 3 // 4, event.size, 3)
        figures = (event.content_loss, event.style_loss, event.tv_loss)
        assert all(np.isfinite(figures))
        assert 0 <= event.style_matched <= 1
        assert 0 <= event.content_kept <= 1


def test_the_end_of_every_size_is_shown_however_quick_it_was():
    shown = of_kind(Painted, paint(clock=lambda: 0.0))
    assert [event.step for event in shown] == [1, 2, 5]


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(80, 60, (48, 64)), (60, 80, (64, 48)), (32, 32, (64, 64)), (200, 50, (16, 64))],
)
def test_the_longer_side_is_as_asked_and_the_aspect_ratio_kept(width, height, expected):
    end = result(replace(FAST, steps=(1,)), Content(blocks(width, height)))
    for image in (end.image, end.painted, end.content):
        assert image.shape == (*expected, 3)
        assert image.dtype == np.uint8


def test_without_strength_the_content_comes_back_to_the_bit():
    found = paint(replace(FAST, strength=0))
    assert [type(event) for event in found] == [Planned, Pastiche]
    assert np.array_equal(found[-1].image, resize(CONTENT.pixels, 64, 48))
    same = result(replace(FAST, strength=0), Content(blocks(64, 48)))
    assert np.array_equal(same.image, blocks(64, 48))
    assert (same.style_matched, same.content_kept) == (0, 1)


def test_the_pastiche_comes_with_the_content_at_its_own_size():
    end = result()
    assert np.array_equal(end.content, resize(CONTENT.pixels, 64, 48))
    assert not np.array_equal(end.image, end.content)


@pytest.mark.parametrize("start", ["content", "noise", "noisy content"])
def test_the_same_seed_and_steps_give_the_same_picture(start):
    config = replace(FAST, start=start, seed=3)
    assert np.array_equal(result(config).image, result(config).image)


@pytest.mark.parametrize(("start", "differs"), [("noise", True), ("content", False)])
def test_another_seed_gives_another_picture_where_there_is_noise(start, differs):
    one, other = (result(replace(FAST, start=start, seed=seed)).image for seed in (0, 1))
    assert np.array_equal(one, other) != differs


def test_measuring_the_speed_does_not_change_the_noise_a_picture_begins_with():
    config = replace(FAST, start="noise", first_size=64, seconds=1, steps=())
    timed = result(config, clock=Clock(0.1))
    counted = result(replace(config, steps=timed.steps))
    assert np.array_equal(timed.image, counted.image)


# What the settings do


def test_a_pastiche_is_nearer_to_the_style_than_the_content_was():
    assert result(replace(FAST, steps=(12, 12))).style_matched > 0.1


def test_more_strength_brings_more_style_and_less_content():
    config, net = replace(FAST, first_size=64, steps=(15,)), load_network("stylenet")
    weak, strong = (
        result(replace(config, strength=strength), network=net) for strength in (20, 90)
    )
    assert strong.style_matched > 0
    assert strong.style_matched > weak.style_matched
    assert strong.content_kept < weak.content_kept


def test_the_style_loss_falls_while_it_is_painted():
    config = replace(FAST, first_size=64, steps=(20,), strength=90)
    shown = of_kind(Painted, paint(config, clock=Clock(1.0)))
    assert shown[-1].style_loss < 0.8 * shown[0].style_loss


def test_total_variation_makes_smoother_pictures():
    def roughness(weight: float) -> float:
        objective = Objective(tv_weight=weight)
        config = replace(FAST, start="noise", lr=0.05, steps=(15,), objective=objective)
        return float(np.abs(np.diff(result(config).image.astype(float), axis=0)).mean())

    assert roughness(100) < 0.8 * roughness(0)


def test_the_scale_of_strokes_changes_the_picture():
    assert not np.array_equal(
        result(replace(FAST, style_scale=0.5)).image, result(replace(FAST, style_scale=2)).image
    )


def test_a_start_from_a_picture_goes_on_from_it_at_the_last_size():
    begin = blocks(64, 48, seed=8)
    config = replace(FAST, start="picture", steps=(1,), lr=1e-4)
    found = paint(config, replace(CONTENT, start=begin))
    assert found[0].sizes == (64,)
    gap = np.abs(found[-1].image.astype(int) - begin)
    assert gap.max() <= 1
    timed = paint(
        replace(config, steps=(), seconds=1), replace(CONTENT, start=begin), clock=Clock(0.1)
    )
    assert timed[0].sizes == (64,)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_runs(preset):
    config = replace(PRESETS[preset].config, size=64, first_size=64, steps=(3,))
    end = result(config)
    assert end.steps == (3,)
    assert end.image.shape == (48, 64, 3)
    assert PRESETS[preset].about


def test_a_preset_of_content_only_needs_no_style_and_nears_the_content():
    config = replace(PRESETS["lesson-content"].config, size=64, first_size=64, lr=0.05)
    few, many = (result(replace(config, steps=(n,)), styles=()) for n in (1, 30))
    assert many.content_kept > few.content_kept
    assert many.content_kept > 0.1


def test_only_light_and_dark_are_taken_when_colors_are_kept():
    end = result(replace(FAST, colors="keep"))
    assert np.array_equal(end.image, keep_colors(end.painted, end.content))
    assert np.array_equal(end.painted, result(FAST).image)
    (last,) = of_kind(Painted, paint(replace(FAST, colors="keep"), clock=lambda: 0.0))[-1:]
    assert np.array_equal(last.image, end.image)


def test_a_style_is_recoloured_first_when_colors_are_matched():
    blue = Content(np.array([20, 60, 160], np.uint8) + blocks() // 4)
    config = replace(FAST, steps=(20,), strength=100, lr=0.05)
    plain, matched = (result(replace(config, colors=c), blue).image for c in ("style", "match"))
    mean = blue.pixels.reshape(-1, 3).mean(0)
    away = [np.abs(image.reshape(-1, 3).mean(0) - mean).max() for image in (plain, matched)]
    assert away[1] < away[0]


# Colours


def chroma(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float64) - luminance(pixels)[..., None]


def extremes() -> np.ndarray:
    corners = np.array(np.meshgrid(*[[0, 1, 128, 254, 255]] * 3), np.uint8).reshape(3, -1).T
    return np.broadcast_to(corners, (125, 125, 3))


@pytest.mark.parametrize(
    ("pastiche", "content"),
    [
        (
            np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8),
            np.random.default_rng(1).integers(0, 256, (90, 90, 3), np.uint8),
        ),
        (extremes(), extremes().transpose(1, 0, 2)),
    ],
    ids=["random", "every pair of extremes"],
)
def test_kept_colors_are_the_contents_made_paler_where_they_must_be(pastiche, content):
    mixed = keep_colors(pastiche, content)
    assert np.abs(luminance(mixed) - luminance(pastiche)).max() <= 1.5
    got, wanted = chroma(mixed), chroma(content)
    factor = (got * wanted).sum(-1) / np.maximum((wanted**2).sum(-1), 1e-6)
    factor = factor.clip(0, 1)[..., None]
    assert np.abs(got - factor * wanted).max() <= 1.5


def test_colors_that_have_room_are_kept_whole():
    content = np.random.default_rng(0).integers(110, 146, (40, 40, 3), np.uint8)
    mixed = keep_colors(np.full((40, 40, 3), 128, np.uint8), content)
    assert np.abs(chroma(mixed) - chroma(content)).max() <= 1.5


def test_a_pastiche_keeps_its_own_colors_over_itself():
    pixels = extremes()
    assert np.abs(keep_colors(pixels, pixels).astype(int) - pixels).max() <= 1


def spread(mean: Sequence[float], mixing: np.ndarray, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).uniform(-1, 1, (80, 70, 3)) @ mixing.T + mean
    return drawn.round().clip(0, 255).astype(np.uint8)


def test_matched_colors_have_the_contents_mean_and_covariance():
    content = spread((130, 110, 120), np.array([[20, 5, 0], [8, 15, 3], [0, 6, 18]]), 0)
    style = spread((90, 160, 70), np.array([[30, 0, 0], [0, 10, 0], [5, 0, 40]]), 1)
    matched = match_colors(style, content).reshape(-1, 3).astype(float)
    flat = content.reshape(-1, 3).astype(float)
    assert np.abs(matched.mean(0) - flat.mean(0)).max() < 0.5
    assert np.abs(np.cov(matched.T) - np.cov(flat.T)).max() < 0.02 * np.cov(flat.T).max() + 0.5


@pytest.mark.parametrize("level", [0, 77, 255])
def test_a_style_of_one_color_takes_the_contents_mean(level):
    content = spread((130, 110, 120), np.eye(3) * 20, 0)
    matched = match_colors(np.full((20, 20, 3), level, np.uint8), content)
    assert np.abs(matched.reshape(-1, 3).mean(0) - content.reshape(-1, 3).mean(0)).max() <= 1
    back = match_colors(content, np.full((20, 20, 3), level, np.uint8))
    assert np.abs(back.astype(int) - level).max() <= 1


def test_colors_matched_to_ones_own_are_unchanged():
    style = spread((130, 110, 120), np.eye(3) * 20, 0)
    assert np.abs(match_colors(style, style).astype(int) - style).max() <= 1


# Parts of the content that stay


@pytest.mark.parametrize("colors", ["style", "keep"])
@pytest.mark.parametrize("start", ["content", "noise"])
def test_protected_pixels_stay_to_the_bit_and_others_change(colors, start):
    mask = np.zeros((48, 64), np.float32)
    mask[:, :32] = 1
    config = replace(FAST, colors=colors, start=start)
    end = result(config, replace(CONTENT, protect=mask))
    assert np.array_equal(end.image[:, :32], end.content[:, :32])
    assert np.array_equal(end.painted[:, :32], end.content[:, :32])
    assert (end.image[:, 40:] != end.content[:, 40:]).any(-1).mean() > 0.5


def test_a_mask_of_another_size_is_stretched_over_the_picture():
    mask = np.zeros((2, 2), np.float32)
    mask[0] = 1
    end = result(FAST, replace(CONTENT, protect=mask))
    assert np.array_equal(end.image[:24], end.content[:24])
    assert not np.array_equal(end.image[30:], end.content[30:])


def test_a_mask_of_nothing_is_no_mask_and_one_of_everything_leaves_the_content():
    none = result(FAST, replace(CONTENT, protect=np.zeros((8, 8), np.float32)))
    assert np.array_equal(none.image, result(FAST).image)
    whole = result(FAST, replace(CONTENT, protect=np.ones((8, 8), np.float32)))
    assert np.array_equal(whole.image, whole.content)


# Several styles


def test_a_style_of_weight_zero_does_not_count():
    other = Style((blocks(seed=5),), 0.0)
    alone = result().image
    assert np.array_equal(result(styles=(STYLE, other)).image, alone)
    assert np.array_equal(result(styles=(other, STYLE)).image, alone)


def test_styles_count_by_their_weights():
    other = blocks(seed=5)
    half = result(styles=(STYLE, Style((other,)))).image
    assert not np.array_equal(half, result().image)
    doubled = (replace(STYLE, weight=2.0), Style((other,), 2.0))
    assert np.array_equal(half, result(styles=doubled).image)
    more = (STYLE, Style((other,), 3.0))
    assert not np.array_equal(half, result(styles=more).image)


def test_a_folder_of_two_equal_pictures_is_that_picture():
    twice = Style((stripes(), stripes()))
    assert np.array_equal(result(styles=(twice,)).image, result().image)


def test_of_a_style_of_very_many_pictures_some_are_looked_at():
    many = Style(tuple(stripes(32) for _ in range(100)))
    calls = []

    class Counting(FeatureNet):
        def forward(self, x: torch.Tensor, layers: Any) -> dict[str, torch.Tensor]:
            calls.append(None)
            return super().forward(x, layers)

    config = replace(FAST, steps=(1,))
    for event in stylize(config, CONTENT, (many,), network=Counting(TINY, tiny_tensors())):
        if isinstance(event, Planned):
            calls.clear()
    assert 32 <= len(calls) < 40


# The optimisation breaks


def test_lbfgs_paints_and_lowers_the_loss():
    config = replace(FAST, optimizer="lbfgs", first_size=64, steps=(8,), strength=90)
    found = paint(config, clock=Clock(1.0))
    assert not of_kind(Noticed, found)
    shown = of_kind(Painted, found)
    assert shown[-1].style_loss < shown[0].style_loss
    assert found[-1].style_matched > 0.05


def exploding(factor: float, calls_until: int, calls: int) -> tuple[FeatureNet, Callable[[], None]]:
    """A network whose activations are multiplied by `factor` for so many calls, counted from
    the call of the second one that is returned."""
    state = {"call": -1_000_000}

    class Exploding(FeatureNet):
        def forward(self, x: torch.Tensor, layers: Any) -> dict[str, torch.Tensor]:
            state["call"] += 1
            bad = calls_until < state["call"] <= calls_until + calls
            found = super().forward(x, layers)
            return {name: h * factor for name, h in found.items()} if bad else found

    return Exploding(TINY, tiny_tensors()), lambda: state.update(call=0)


def paint_until_it_breaks(
    config: StyleConfig, factor: float, calls: int, after: int = 5
) -> list[Event]:
    network, light = exploding(factor, after, calls)
    found: list[Event] = []
    for event in stylize(config, CONTENT, (STYLE,), network=network):
        found.append(event)
        if isinstance(event, Planned):
            light()
    return found


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_an_optimisation_that_breaks_once_is_taken_up_again(optimizer, factor):
    config = replace(FAST, optimizer=optimizer, first_size=64, steps=(6,))
    calls = 1 if optimizer == "adam" else 9  # a whole line search
    found = paint_until_it_breaks(config, factor, calls)
    noticed = of_kind(Noticed, found)
    assert noticed
    assert "not a number" in noticed[0].text
    assert "Adam goes on" in noticed[0].text
    end = found[-1]
    assert (end.steps, end.stopped) == ((6,), False)
    assert end.image.std() > 5
    assert np.isfinite([end.style_matched, end.content_kept]).all()


@pytest.mark.parametrize(
    ("optimizer", "factor", "after"),
    [
        ("adam", float("nan"), 0),
        ("adam", float("inf"), 5),
        ("lbfgs", float("inf"), 0),
        ("lbfgs", float("nan"), 5),
    ],
)
def test_an_optimisation_that_always_breaks_ends_with_the_last_good_picture(
    optimizer, factor, after
):
    config = replace(FAST, optimizer=optimizer)
    found = paint_until_it_breaks(config, factor, 10**6, after)
    noticed, end = of_kind(Noticed, found), found[-1]
    assert 1 < len(noticed) <= 4
    assert "last good picture was kept" in noticed[-1].text
    assert isinstance(end, Pastiche)
    assert end.image.shape == (48, 64, 3)
    assert np.abs(end.image.astype(int) - end.content).mean() < 40  # not a black one
    assert np.isfinite([end.style_matched, end.content_kept]).all()


def test_lbfgs_that_no_longer_gains_anything_hands_over_to_adam():
    flat = np.full((48, 64, 3), 120, np.uint8)  # nothing to gain: the content is the style
    config = replace(FAST, optimizer="lbfgs", first_size=64, steps=(20,))
    found = paint(config, Content(flat), (Style((flat,)),))
    (noticed,) = of_kind(Noticed, found)
    assert "L-BFGS ended: the loss did not fall" in noticed.text
    assert found[-1].steps == (20,)
    assert not found[-1].stopped


def test_a_content_that_is_its_own_style_stays_what_it_is():
    pixels = blocks()
    end = result(replace(FAST, steps=(5, 10)), Content(pixels), (Style((pixels,)),))
    assert np.abs(end.image.astype(int) - end.content).mean() < 20
    assert 0 <= end.style_matched <= 1


@pytest.mark.parametrize("level", [0, 255])
def test_a_content_of_one_color_gives_a_picture(level):
    flat = Content(np.full((64, 64, 3), level, np.uint8))
    assert result(FAST, flat).image.shape == (64, 64, 3)
    assert result(FAST, CONTENT, (Style((flat.pixels,)),)).image.shape == (48, 64, 3)


# Stops and time


def paint_until(stop_after: Callable[[Event], bool], config: StyleConfig) -> list[Event]:
    stop: list[bool] = []
    found: list[Event] = []
    for event in stylize(
        config, CONTENT, (STYLE,), lambda: bool(stop), network=NET, clock=Clock(1.0)
    ):
        found.append(event)
        if stop_after(event):
            stop.append(True)
    return found


def test_a_stop_ends_it_at_the_next_step_with_what_there_is():
    found = paint_until(lambda event: isinstance(event, Painted), replace(FAST, steps=(50, 50)))
    end = found[-1]
    assert (end.stopped, end.steps) == (True, (1,))
    assert len(of_kind(Painted, found)) == 1
    assert end.image.shape == (48, 64, 3)
    assert end.sizes == (48,)
    assert np.array_equal(end.image, resize(found[-2].image, 64, 48))


def test_a_stop_before_the_first_step_gives_the_content():
    end = result(replace(FAST, steps=(5, 5)), should_stop=lambda: True)
    assert end.stopped
    assert sum(end.steps) == 0
    assert np.abs(end.image.astype(int) - end.content).mean() < 15  # once smaller, once larger


def test_the_time_decides_how_many_steps_there_are():
    config = replace(FAST, steps=())
    few, many = (paint(replace(config, seconds=seconds), clock=Clock(0.1)) for seconds in (3, 6))
    assert sum(many[-1].steps) > 1.7 * sum(few[-1].steps)
    for found, seconds in ((few, 3), (many, 6)):
        assert found[-1].sizes == found[0].sizes == (48, 64)
        assert seconds - 0.5 < found[-1].seconds < seconds + 1
        assert min(found[-1].steps) > 0


@pytest.mark.parametrize("steps", [(), (6, 6)])
def test_the_seconds_left_fall_to_nothing(steps):
    shown = of_kind(Painted, paint(replace(FAST, steps=steps, seconds=8), clock=Clock(0.4)))
    left = [event.seconds_left for event in shown]
    assert len(left) > 3
    assert left[0] > 0
    assert left[-1] == 0
    assert left == sorted(left, reverse=True)


def test_with_too_little_time_it_is_painted_smaller_and_enlarged_and_that_is_said():
    config = replace(FAST, size=96, first_size=32, steps=(), seconds=2)
    found = paint(config, clock=Clock(0.1))
    (noticed,) = of_kind(Noticed, found)
    plan, end = found[0], found[-1]
    assert plan.sizes[-1] < 96
    assert f"2 seconds are enough to paint up to {plan.sizes[-1]} px" in noticed.text
    assert end.sizes == plan.sizes
    assert end.image.shape == (72, 96, 3)
    assert end.seconds < 4


def test_hardly_any_time_is_still_one_step():
    found = paint(replace(FAST, steps=(), seconds=1), clock=Clock(5.0))
    assert found[-1].steps == (1,)
    assert found[-1].image.shape == (48, 64, 3)


def test_a_clock_that_stands_still_while_it_measures_does_no_harm():
    ticks = iter(range(10**6))

    def clock() -> float:  # coarse: many looks see the same time
        return next(ticks) // 10 * 0.5

    end = result(replace(FAST, steps=(), seconds=5), clock=clock)
    assert sum(end.steps) > 0


# What cannot be painted


def bad(**changes: Any) -> dict[str, Any]:
    return {"config": FAST, "content": CONTENT, "styles": (STYLE,), **changes}


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        (bad(content=Content(blocks().astype(np.float32))), BadPicture, r"float32.*\[60, 80, 3\]"),
        (bad(content=Content(blocks()[..., 0])), BadPicture, r"\[60, 80\]"),
        (bad(content=Content(np.zeros((60, 80, 4), np.uint8))), BadPicture, r"\[60, 80, 4\]"),
        (bad(content=Content(np.zeros((1, 1, 3), np.uint8))), BadPicture, "1 × 1 px"),
        (bad(content=Content(np.zeros((0, 50, 3), np.uint8))), BadPicture, "50 × 0 px"),
        (bad(styles=(Style((np.zeros((99, 3, 3), np.uint8),)),)), BadPicture, "A style is 3 × 99"),
        (bad(styles=(STYLE, Style((stripes() / 255,)))), BadPicture, "A style is float64"),
        (
            bad(content=Content(np.zeros((500, 30000, 3), np.uint8)), config=StyleConfig()),
            BadPicture,
            "30000 × 500 px; at 512 px it would be 512 × 9 px",
        ),
        (bad(styles=()), BadSetting, "no style"),
        (bad(styles=(Style(()),)), BadSetting, "no style"),
        (bad(styles=(replace(STYLE, weight=0.0),)), BadSetting, "weight 0"),
        (bad(styles=(replace(STYLE, weight=-1.0),)), BadSetting, r"-1\.0"),
        (bad(styles=(replace(STYLE, weight=float("nan")),)), BadSetting, "nan"),
        (bad(styles=(replace(STYLE, weight=float("inf")),)), BadSetting, "inf"),
        (bad(config=replace(FAST, steps=(1,) * 5)), BadSetting, "5 numbers.*2 sizes: 48, 64"),
        (bad(config=replace(FAST, start="picture")), BadSetting, "there is none"),
        (
            bad(
                config=replace(FAST, start="picture", steps=(1,)),
                content=replace(CONTENT, start=np.zeros((4, 4, 3), np.uint8)),
            ),
            BadPicture,
            "The start is 4 × 4 px",
        ),
        (
            bad(config=replace(FAST, objective=Objective(style_layers=("relu3_9",)))),
            BadSetting,
            "'relu3_9'.*relu1_1, relu2_1",
        ),
    ],
)
def test_what_cannot_be_painted_is_refused_with_the_numbers(given, kind, says):
    with pytest.raises(kind, match=says):
        paint(**given)


def test_a_start_from_a_picture_has_one_size_and_takes_no_more_numbers_of_steps():
    content = replace(CONTENT, start=blocks(64, 48))
    with pytest.raises(BadSetting, match="2 numbers"):
        paint(replace(FAST, start="picture", steps=(2, 3)), content)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("strength", float("nan"), "strength is nan.*between 0 and 100"),
        ("strength", 101, "strength is 101"),
        ("size", 2000, "size is 2000.*between 64 and 1024"),
        ("size", 0, "size is 0"),
        ("seconds", 0.5, r"seconds is 0\.5"),
        ("seconds", float("inf"), "seconds is inf"),
        ("style_scale", 10, "style_scale is 10"),
        ("seed", -1, "seed is -1"),
        ("lr", 0, "lr is 0"),
        ("network", "alexnet", "stylenet, vgg19"),
        ("colors", "none", "style, keep, match"),
        ("start", "middle", "content, noise"),
        ("optimizer", "sgd", "adam, lbfgs"),
        ("steps", (3, 0), r"\(3, 0\)"),
        ("objective", Objective(content_layers=(), style_layers=()), "neither"),
    ],
)
def test_settings_out_of_bounds_are_refused_with_value_and_bounds(field, value, says):
    if field == "objective":
        with pytest.raises(AtelierError, match=says):
            StyleConfig(objective=value)
        return
    with pytest.raises(BadSetting, match=says):
        StyleConfig(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"), [("tv_weight", -1.0), ("tv_weight", float("nan")), ("form", "absolute")]
)
def test_an_objective_out_of_bounds_is_refused(field, value):
    with pytest.raises(BadSetting, match=field):
        StyleConfig(objective=Objective(**{field: value}))


# The network


@pytest.fixture
def offline(tmp_path, monkeypatch) -> Iterator[None]:
    """The Hub's client as it is without a connection, with nothing kept from before."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    yield
    close_session()


def test_where_vgg19_cannot_be_had_stylenet_takes_its_place_and_that_is_said(offline):
    found = paint(replace(FAST, network="vgg19", steps=(1,)), network=None)
    noticed = of_kind(Noticed, found)
    assert "StyleNet is used" in noticed[0].text
    assert "HF_HUB_OFFLINE" in noticed[0].text
    (plan,) = of_kind(Planned, found)
    assert plan.network == "StyleNet"
    same = result(replace(FAST, network="stylenet", steps=(1,)), network=None)
    assert np.array_equal(found[-1].image, same.image)


def test_a_start_of_other_proportions_than_the_content_is_refused_with_both_sizes():
    tall = np.zeros((90, 30, 3), np.uint8)
    config = replace(FAST, start="picture", steps=(1,))
    with pytest.raises(BadPicture, match=r"30 × 90 px, and the content 80 × 60 px"):
        list(stylize(config, Content(blocks(), start=tall), [Style((stripes(),))], network=NET))


def test_a_layer_named_twice_is_refused():
    with pytest.raises(BadSetting, match=r"relu1_1, relu1_1"):
        replace(FAST, objective=Objective(style_layers=("relu1_1", "relu1_1")))


def test_a_style_that_would_be_larger_than_memory_allows_is_looked_at_smaller_and_told():
    config = replace(FAST, size=1024, first_size=1024, steps=(1,), style_scale=2.0)
    content = Content(np.zeros((64, 1024, 3), np.uint8))
    narrow = list(stylize(config, content, [Style((stripes(),))], network=NET))
    square = Content(np.zeros((640, 1024, 3), np.uint8))
    wide = next(
        event
        for event in stylize(config, square, [Style((stripes(),))], network=NET)
        if isinstance(event, Noticed | Painted)
    )
    assert not of_kind(Noticed, narrow)
    assert isinstance(wide, Noticed)
    assert "1024 px" in wide.text
