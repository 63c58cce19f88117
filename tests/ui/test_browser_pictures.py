"""What happens between dropping pictures and Start, in a real browser."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browsing import PATIENCE, PHONE, open_train
from PIL import Image, ImageDraw
from playwright.sync_api import Locator, Page, ViewportSize, expect

from gan_core.pictures.drawing import dead_leaves


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """20 drawn faces, of which one is wide; the first twice; a stranger; a broken file."""
    path = tmp_path / "faces.zip"
    with zipfile.ZipFile(path, "w") as writing:
        for index in range(20):
            image = _face(index)
            writing.writestr(f"face_{index:02}.png", _encode(image, "PNG"))
            if index == 0:
                writing.writestr("again.jpg", _encode(image.resize((80, 80)), "JPEG"))
        writing.writestr("stranger.png", _encode(Image.fromarray(dead_leaves(64, 1)), "PNG"))
        writing.writestr("broken.png", _encode(_face(99), "PNG")[:300])
    return path


def _face(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (64, 64), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((4, 4, 60, 60), fill=(240, int(rng.integers(120, 230)), 40))
    height, width = int(rng.integers(14, 28)), int(rng.integers(4, 9))
    for left in (16, 40):
        draw.ellipse((left, height, left + width, height + width), fill="black")
    draw.arc((16, 20, 48, int(rng.integers(38, 56))), 20, 160, fill="black", width=4)
    if seed == 7:
        wide = Image.new("RGB", (160, 64), "white")
        wide.paste(image, (48, 0))
        return wide
    return image


def _encode(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def square(page: Page, name: str) -> Locator:
    return page.locator("#crops button").filter(has_text=name)


@pytest.mark.parametrize("size", [None, PHONE])
def test_pictures_are_put_right_before_training(
    open_page: Callable[..., Page], archive: Path, size: ViewportSize | None
) -> None:
    page = open_page(size) if size else open_page()
    open_train(page)
    page.locator("#files input[type=file]").set_input_files(archive)
    summary, start = page.locator("#summary"), page.locator("#start")
    expect(summary).to_contain_text("21 of 23 files are used", timeout=PATIENCE)
    expect(start).to_be_enabled()
    expect(summary).to_contain_text("expect near copies and echoes", timeout=PATIENCE)
    expect(summary).to_contain_text("Little like the others: stranger.png")
    expect(summary).to_contain_text("There is 1 group of near-duplicates")
    expect(page.locator("#report")).to_contain_text("damaged or cut short")
    expect(page.locator("#crops button")).to_have_count(22)
    expect(page.locator("#crops button").nth(0)).to_contain_text("kept of 2 alike")
    expect(page.locator("#crops button").nth(1)).to_contain_text("near-twin of face_00.png")
    expect(page.locator("#crops button").nth(2)).to_contain_text("stranger.png")
    expect(page.locator("#mirror")).to_contain_text("May pictures be mirrored?")

    square(page, "stranger.png").click()
    expect(page.locator("#chosen-name")).to_contain_text("stranger.png", timeout=PATIENCE)
    page.locator("#toggle").click()
    expect(summary).to_contain_text("20 of 23 files are used", timeout=PATIENCE)
    expect(square(page, "stranger.png")).to_contain_text("left out")
    expect(start).to_be_enabled()

    square(page, "face_07.png").click()
    expect(page.locator("#chosen-name")).to_contain_text("face_07.png", timeout=PATIENCE)
    whole, small = page.locator("#chosen-picture img"), square(page, "face_07.png").locator("img")
    expect(page.locator("#position")).to_be_visible()
    pictures = [image.get_attribute("src") or "" for image in (whole, small)]
    page.locator("#position input[type=range]").focus()
    page.keyboard.press("Home")
    expect(whole).not_to_have_attribute("src", pictures[0], timeout=PATIENCE)
    expect(small).not_to_have_attribute("src", pictures[1], timeout=PATIENCE)

    square(page, "face_01.png").click()
    expect(page.locator("#chosen-name")).to_contain_text("face_01.png", timeout=PATIENCE)
    expect(page.locator("#position")).to_be_hidden()
    page.locator("#toggle").click()
    expect(summary).to_contain_text("Only 19 of 23 files", timeout=PATIENCE)
    expect(start).to_be_disabled()
    page.locator("#toggle").click()
    expect(summary).to_contain_text("20 of 23 files are used", timeout=PATIENCE)
    expect(start).to_be_enabled()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


@pytest.mark.parametrize("size", [None, PHONE])
def test_another_size_cuts_the_pictures_anew_and_what_comes_to_nothing_is_refused(
    open_page: Callable[..., Page], archive: Path, size: ViewportSize | None
) -> None:
    page = open_page(size) if size else open_page()
    open_train(page)
    expect(page.locator("#clock")).to_be_hidden()
    page.locator("#files input[type=file]").set_input_files(archive)
    expect(page.locator("#crops img").first).to_be_visible(timeout=PATIENCE)
    width = "document.querySelector('#crops img')?.naturalWidth"
    assert page.evaluate(width) == 64

    page.locator("#size label").filter(has_text="256").click()
    expect(page.locator("#choice")).to_contain_text("grows it to 256 px", timeout=PATIENCE)
    page.wait_for_function(f"{width} === 256", timeout=PATIENCE)
    told = re.compile("[Ii]n 5 minutes")  # it may be enough, on this machine
    expect(page.locator("#clock")).to_contain_text(told, timeout=PATIENCE)
    page.locator("#time label").filter(has_text="2 min").click()
    expect(page.locator("#clock")).to_contain_text("In 2 minutes", timeout=PATIENCE)
    page.locator("#start").click()
    toast = page.get_by_test_id("toast-body").first
    expect(toast).to_contain_text("at least 10,000 are needed", timeout=PATIENCE)
    expect(page.locator("#setup")).to_be_visible()

    page.locator("#size label").filter(has_text="64").click()
    expect(page.locator("#choice")).to_be_hidden(timeout=PATIENCE)
    page.wait_for_function(f"{width} === 64", timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
