"""The Style tab without a browser: what is asked for, what is shown, what is refused."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.errors import AtelierError, BadPicture, BadSetting
from gan_core.events import Noticed, Painted, Pastiche
from gan_core.style.config import PRESETS, StyleConfig
from gan_core.style.recipe import read_recipe
from ui import examples, gpu, style_view
from ui.painting import MOST_STYLES, Stops, paint, read_asked, read_brush, read_config

PAINTED = Painted(2.0, 6.0, 128, 5, 0.4, 0.2, 0.1, 0.6, 0.7)
QUICK = StyleConfig(size=64, first_size=64, steps=(2,))


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """A content and two styles."""
    rng = np.random.default_rng(0)
    paths = []
    for name in ("content.png", "a.png", "b.png"):
        pixels = rng.integers(0, 256, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(pixels).save(tmp_path / name)
        paths.append(str(tmp_path / name))
    return paths


def test_the_committed_examples_are_what_the_code_draws() -> None:
    for path, drawn in examples.draw():
        kept = np.asarray(Image.open(path).convert("RGB"), dtype=np.int16)
        assert kept.shape == drawn.shape, path.name
        assert np.abs(kept - drawn).mean() < 6, path.name  # JPEG's loss


def test_a_bundled_example_is_painted_like_another_and_carries_its_recipe(tmp_path: Path) -> None:
    content, style = examples.contents()[0], examples.styles()[0]
    asked = read_asked(QUICK, str(content), [str(style)])
    *_, (end, result) = paint(asked)
    assert isinstance(end, Pastiche) and result is not None
    (tmp_path / "made.png").write_bytes(result.png("style"))
    recipe = read_recipe(tmp_path / "made.png")
    assert recipe.config == QUICK
    assert recipe.pictures["content"]["name"] == content.name
    assert recipe.made["steps"] == [2]


def test_colours_are_switched_without_painting_anew(pictures: list[str]) -> None:
    asked = read_asked(QUICK, pictures[0], pictures[1:])
    *_, (_, result) = paint(asked)
    assert result is not None
    kept, painted = result.image("keep"), result.image("style")
    assert (painted == result.painted).all()
    assert (kept != painted).any()
    assert read_recipe(result.png("keep")).config.colors == "keep"


def test_a_style_that_was_recoloured_first_is_remembered_in_the_recipe(
    pictures: list[str],
) -> None:
    asked = read_asked(replace(QUICK, colors="match"), pictures[0], pictures[1:])
    *_, (_, result) = paint(asked)
    assert result is not None
    assert read_recipe(result.png("style")).config.colors == "match"
    assert read_recipe(result.png("keep")).config.colors == "keep"


def test_an_archive_is_no_style_on_the_page(tmp_path: Path, pictures: list[str]) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        archive.write(pictures[1], "a.png")
    with pytest.raises(BadPicture, match=r"many\.zip is a folder or an archive"):
        read_asked(QUICK, pictures[0], [str(tmp_path / "many.zip")])


def test_settings_out_of_bounds_are_named_by_their_label_with_the_bounds() -> None:
    with pytest.raises(BadSetting, match=r"Strength of style is 101\. .* 0 and 100"):
        read_config("", strength=101)
    with pytest.raises(BadSetting, match=r"Longer side.* is 4,096\. .* 64 and 1,024"):
        read_config("", size=4096)
    with pytest.raises(BadSetting, match="not a number"):
        read_config("", seconds=float("nan"))


def test_a_preset_keeps_its_own_settings_and_takes_only_network_colours_and_seed() -> None:
    config = read_config("lesson-noise", strength=90, size=512, seed=7, colors="keep")
    assert config == replace(PRESETS["lesson-noise"].config, seed=7, colors="keep")


def test_without_a_picture_or_a_style_it_says_what_is_missing(pictures: list[str]) -> None:
    with pytest.raises(BadPicture, match="no picture yet"):
        read_asked(QUICK, None, pictures[1:])
    with pytest.raises(BadPicture, match="no style yet"):
        read_asked(QUICK, pictures[0], [])


@pytest.mark.parametrize("weights", ["1", "1,2,3", "1,x", "1,-1", "nan,1", "1,inf"])
def test_weights_that_do_not_fit_are_refused(pictures: list[str], weights: str) -> None:
    with pytest.raises(BadSetting, match="for 2 styles"):
        read_asked(QUICK, pictures[0], pictures[1:], weights)


def test_weights_are_given_to_the_styles_in_order(pictures: list[str]) -> None:
    asked = read_asked(QUICK, pictures[0], pictures[1:], " 1; 3 ")
    assert [style.weight for style in asked.styles] == [1.0, 3.0]


def test_more_styles_than_are_mixed_are_refused_with_their_number(pictures: list[str]) -> None:
    with pytest.raises(BadSetting, match=f"{MOST_STYLES + 1} style pictures"):
        read_asked(QUICK, pictures[0], [pictures[1]] * (MOST_STYLES + 1))


def test_a_corrupt_picture_is_refused_by_its_name(tmp_path: Path, pictures: list[str]) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    with pytest.raises(AtelierError, match=r"broken\.jpg"):
        read_asked(QUICK, str(tmp_path / "broken.jpg"), pictures[1:])


def test_the_brush_is_read_from_any_layer_and_nothing_painted_is_no_mask() -> None:
    empty = np.zeros((4, 5, 4), np.uint8)
    painted = empty.copy()
    painted[1, 2, 3] = 255
    assert read_brush(None) is None
    assert read_brush({"layers": []}) is None
    assert read_brush({"layers": [empty]}) is None
    mask = read_brush({"layers": [empty, painted]})
    assert mask is not None
    assert mask.shape == (4, 5)
    assert mask.sum() == mask[1, 2] == 1


def test_stop_reaches_only_the_session_that_pressed_it() -> None:
    stops = Stops()
    stops.press("nobody")
    with stops.during("a") as a, stops.during("b") as b:
        stops.press("a")
        assert (a.exists(), b.exists()) == (False, True)
    assert not b.exists()
    with stops.during("a") as again:
        assert again.exists()


def test_where_a_gpu_is_lent_no_more_time_is_used_than_it_is_lent_for(
    pictures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "LENT", True)
    asked = read_asked(replace(QUICK, seconds=600), pictures[0], pictures[1:])
    event, _ = next(paint(asked))
    assert isinstance(event, Noticed)
    assert f"{gpu.LONGEST - 2 * gpu.READY:g} seconds are used" in event.text


def test_the_status_tells_time_left_and_shares_and_then_the_end() -> None:
    html = style_view.status_html([PAINTED])
    assert "6 s left" in html
    assert "60% matched" in html
    assert 'aria-valuenow="25"' in html
    end = Pastiche(8.0, (5,), (128,), True, 0.8, 0.5, "float32")
    assert "Stopped after 8 s" in style_view.status_html([PAINTED, end])


def test_notices_are_shown_and_escaped() -> None:
    html = style_view.status_html([Noticed("<b>VGG-19</b> cannot be had"), PAINTED])
    assert "&lt;b&gt;VGG-19" in html


def test_loss_curves_are_shares_of_each_terms_largest_value() -> None:
    second = replace(PAINTED, step=9, style_loss=0.05)
    curves = style_view.loss_curves([PAINTED, second])
    assert curves is not None
    style = curves[curves["loss"] == "style"]
    assert style["value"].tolist() == [1.0, 0.25]
    assert style_view.loss_curves([PAINTED]) is None
