"""What the tests that drive a browser share."""

from pathlib import Path

from playwright.sync_api import Locator, Page, ViewportSize, expect

PATIENCE = 60_000  # milliseconds; a busy machine is no failure
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


def expect_pictures(page: Page, count: int) -> None:
    expect(page.locator("#gallery img")).to_have_count(count, timeout=PATIENCE)


def open_train(page: Page) -> None:
    page.get_by_role("tab", name="Train on your pictures").click()


def download(page: Page, button: Locator) -> Path:
    button.wait_for()
    with page.expect_download() as started:
        button.click()
    return Path(started.value.path())
