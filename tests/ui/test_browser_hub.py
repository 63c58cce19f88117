"""A model from the Hub, on the page: typed, watched while it comes, used, found again."""

from collections.abc import Callable

from browsing import PATIENCE, PHONE, expect_pictures, open_train
from playwright.sync_api import Page, expect
from repositories import PAIR, PUNKS


def fetch(page: Page, name: str) -> None:
    page.locator("#hub-name input, #hub-name textarea").fill(name)
    page.locator("#hub-fetch").click()


# Of the first picture, once it is loaded.
FIRST_SIDE = "document.querySelector('#gallery img')?.naturalWidth"


def test_who_types_the_punks_sees_punks_without_blur_and_again_after_a_reload(
    open_page: Callable[..., Page],
) -> None:
    page = open_page()
    expect_pictures(page, 16)
    before = page.locator("#gallery img").first.get_attribute("src") or ""
    fetch(page, PUNKS)
    expect(page.locator("#hub-said")).to_contain_text("is here: 24 px", timeout=PATIENCE)
    shown = page.locator("#gallery img").first
    expect(shown).not_to_have_attribute("src", before, timeout=PATIENCE)
    expect(page.locator("#model input")).to_have_value(f"{PUNKS}@0123456")
    page.wait_for_function(f"{FIRST_SIDE} === 240", timeout=PATIENCE)
    assert shown.evaluate("image => getComputedStyle(image).imageRendering") == "pixelated"
    page.reload()
    expect_pictures(page, 16)
    page.locator("#model input").click()
    expect(page.get_by_role("option", name=PUNKS)).to_be_visible(timeout=PATIENCE)


def test_a_pair_from_the_hub_stands_under_start_from_and_the_punks_do_not(
    open_page: Callable[..., Page],
) -> None:
    page = open_page()
    expect_pictures(page, 16)
    for name in (PUNKS, PAIR):
        fetch(page, name)
        expect(page.locator("#hub-said")).to_contain_text(f"{name}@0123456 is", timeout=PATIENCE)
        expect(page.locator("#model input")).to_have_value(f"{name}@0123456", timeout=PATIENCE)
    open_train(page)
    page.locator("#advanced > button").click()
    page.locator("#start-from input").click()
    expect(page.get_by_role("option", name=PAIR)).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("option", name=PUNKS)).to_have_count(0)


def test_what_cannot_be_fetched_is_said_under_the_field_and_widens_no_phone(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(PHONE)
    expect_pictures(page, 16)
    for name, says in (
        ("weights", "is no name of a model"),
        ("weights/dcgan-kaokore-64", "no such repository"),
        (f"{'o' * 60}/{'r' * 90}", "cannot be fetched"),
    ):
        fetch(page, name)
        expect(page.locator("#hub-said .warning")).to_contain_text(says, timeout=PATIENCE)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(page.get_by_test_id("toast-body")).to_have_count(0)
    page.locator("#generate").click()
    expect_pictures(page, 16)
