"""Style transfer in a real browser: real pictures, the bundled StyleNet, real painting."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browsing import PATIENCE, PHONE, download, expect_pictures
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Page, expect

from gan_core.style.recipe import read_recipe
from ui import examples

PAINTED = "#style-status [data-state=painted]"


@pytest.fixture
def two_pictures(tmp_path: Path) -> tuple[Path, Path]:
    """A content of 300 x 200 px and a style, as a visitor may have them."""
    content, style = tmp_path / "holiday.png", tmp_path / "painting.jpg"
    Image.open(examples.contents()[1]).resize((300, 200)).save(content)
    Image.open(examples.styles()[3]).save(style)
    return content, style


def open_style(page: Page) -> None:
    page.get_by_role("tab", name="Style", exact=True).click()
    expect(page.locator("#paint")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#content img")).to_be_visible(timeout=PATIENCE)


def drop(page: Page, content: Path, style: Path) -> None:
    page.locator('#content button[aria-label="Remove Image"]').click()
    page.locator("#content input[type=file]").set_input_files(content)
    expect(page.locator(f"#content img[src*='{content.name}']")).to_be_visible(timeout=PATIENCE)
    page.locator("#styles button[aria-label=Clear]").click()
    page.locator("#styles input[type=file]").set_input_files(style)
    expect(page.locator("#styles img")).to_have_count(1, timeout=PATIENCE)


def download_with_colors(page: Page, colors: str) -> Path:
    """Download until the file is the recoloured one: the button gets it a moment later."""
    for _ in range(100):
        made = download(page, page.locator("#style-download"))
        if read_recipe(made.read_bytes()).config.colors == colors:
            return made
    pytest.fail(f"no file in the colours {colors!r} came")


def test_two_pictures_are_painted_it_grows_stops_and_is_downloaded(
    open_page: Callable[..., Page], two_pictures: tuple[Path, Path]
) -> None:
    page = open_page()
    open_style(page)
    drop(page, *two_pictures)
    page.locator("#style-time input[type=number]").fill("60")
    page.locator("#paint").click()
    live = page.locator("#live img")
    expect(page.locator("#style-status .line")).to_contain_text(
        re.compile(r"At \d+ px"), timeout=PATIENCE
    )
    first = live.get_attribute("src") or ""
    expect(live).not_to_have_attribute("src", first, timeout=PATIENCE)
    page.locator("#style-stop").click()
    expect(page.locator(PAINTED)).to_contain_text("Stopped after", timeout=PATIENCE)
    expect(page.locator("#before-after img").first).to_be_visible()
    made = download(page, page.locator("#style-download"))
    recipe = read_recipe(made.read_bytes())
    assert recipe.made["stopped"]
    assert recipe.pictures["content"]["name"] == "holiday.png"
    with Image.open(made) as image:
        assert image.size == (512, 341)
        in_style = np.array(image.convert("RGB"), dtype=float)

    page.locator("#colors").get_by_label("of the picture").check()
    with Image.open(download_with_colors(page, "keep")) as image:
        own_colours = np.array(image.convert("RGB"), dtype=float)
    assert np.abs(in_style - own_colours).mean() > 1

    page.locator("#refine").click()
    expect(page.locator("#style-stop")).to_be_visible(timeout=PATIENCE)
    page.locator("#style-stop").click()
    expect(page.locator(PAINTED)).to_contain_text("Stopped after", timeout=PATIENCE)


def test_a_broken_picture_is_explained_and_the_page_lives_on(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(examples.contents()[0].read_bytes()[:900])
    page = open_page()
    open_style(page)
    page.locator('#content button[aria-label="Remove Image"]').click()
    page.locator("#content input[type=file]").set_input_files(broken)
    toast = page.get_by_test_id("toast-body").first
    expect(toast).to_contain_text("broken.png", timeout=PATIENCE)
    page.locator("#content-examples button").first.click()
    page.locator("#style-time input[type=number]").fill("5")
    page.locator("#paint").click()
    expect(page.locator(PAINTED)).to_be_visible(timeout=PATIENCE)


def test_a_downloaded_picture_dropped_back_restores_its_settings(
    open_page: Callable[..., Page], tmp_path: Path, client: Client
) -> None:
    content, style = examples.contents()[2], examples.styles()[1]
    made = client.predict(
        handle_file(content), [handle_file(style)], seconds=2, size=64, strength=73,
        api_name="/stylize",
    )  # fmt: skip
    page = open_page()
    open_style(page)
    page.locator('#content button[aria-label="Remove Image"]').click()
    page.locator("#content input[type=file]").set_input_files(made)
    expect(page.locator("#strength input[type=number]")).to_have_value("73", timeout=PATIENCE)
    expect(page.get_by_test_id("toast-body").first).to_contain_text(content.name)
    page.locator("#paint").click()
    expect(page.locator(PAINTED)).to_be_visible(timeout=PATIENCE)


def test_a_picture_of_the_gan_becomes_the_content(open_page: Callable[..., Page]) -> None:
    page = open_page()
    expect_pictures(page, 16)
    page.locator("#gallery button").nth(3).click()
    page.locator("#paint-it").click()
    expect(page.locator("#paint")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#content img[src*='seed-0-3']")).to_be_visible(timeout=PATIENCE)


def test_what_was_painted_over_stays_as_it_is(open_page: Callable[..., Page]) -> None:
    page = open_page()
    open_style(page)
    page.locator("#protect > button").click()
    canvas = page.locator("#editor canvas").first
    canvas.click()  # waits until it stands still in view, and leaves a first dot
    box = canvas.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 30, middle[1] + 10, steps=5)
    page.mouse.up()
    page.locator("#style-time input[type=number]").fill("5")
    page.locator("#paint").click()
    expect(page.locator(PAINTED)).to_be_visible(timeout=PATIENCE)
    made = download(page, page.locator("#style-download"))
    assert read_recipe(made.read_bytes()).pictures["protected"]
    with Image.open(made) as image, Image.open(examples.contents()[0]) as content:
        same = (np.array(image) == np.array(content.convert("RGB"))).all(axis=2)
    assert 0.001 < same.mean() < 0.5


def test_an_error_while_painting_leaves_a_page_to_try_again_with(
    open_page: Callable[..., Page],
) -> None:
    page = open_page()
    open_style(page)
    page.locator("#style-advanced > button").click()
    page.locator("#weights textarea, #weights input").first.fill("1, 2, 3")
    page.locator("#paint").click()
    expect(page.get_by_test_id("toast-body").first).to_contain_text("for 1 styles")
    expect(page.locator("#style-stop")).to_be_hidden()
    page.locator("#weights textarea, #weights input").first.fill("")
    page.locator("#style-time input[type=number]").fill("5")
    page.locator("#paint").click()
    expect(page.locator(PAINTED)).to_be_visible(timeout=PATIENCE)


def test_the_style_tab_fits_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page(PHONE)
    open_style(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_program_can_paint_and_is_told_what_is_out_of_bounds(client: Client) -> None:
    content, style = examples.contents()[0], examples.styles()[0]
    files = (handle_file(content), [handle_file(style)])
    made = client.predict(*files, seconds=2, size=96, colors="keep", api_name="/stylize")
    recipe = read_recipe(Path(made))
    assert (recipe.config.size, recipe.config.colors) == (96, "keep")
    with pytest.raises(AppError, match="Longer side, pixels is 5,000"):
        client.predict(*files, size=5000, api_name="/stylize")
    with pytest.raises(AppError, match="must be one of stylenet, vgg19"):
        client.predict(*files, network="alexnet", api_name="/stylize")
