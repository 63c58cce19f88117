"""The program started as a user starts it, and a real browser to look at it.

Needs Debian's `chromium` (or any on the PATH); without one the tests are skipped, unless
GAN_ATELIER_REQUIRE_BROWSER=1 turns that into a failure.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import DESKTOP, PATIENCE
from gradio_client import Client
from loopback_hub import LoopbackHub
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright
from repositories import repositories
from serving import serve

QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--process-per-site",  # a visitor's next page finds the code of the one before compiled
)


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the program that the browser looks at has its log, and in `runs` its runs."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    """The only Hub that the program knows."""
    with LoopbackHub(repositories(tmp_path_factory.mktemp("hub"))) as hub:
        yield hub


@pytest.fixture(scope="session")
def url(server_folder: Path, hub: LoopbackHub) -> Iterator[str]:
    """Start the program as a user does, with a temporary folder of its own."""
    home = {"HF_ENDPOINT": hub.url, "HF_HOME": str(server_folder / "home"), "HF_HUB_OFFLINE": "0"}
    with serve(server_folder, **home) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("GAN_ATELIER_REQUIRE_BROWSER") == "1":
            pytest.fail("chromium is not installed, and GAN_ATELIER_REQUIRE_BROWSER=1")
        pytest.skip("chromium is not installed")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def visitors() -> list[BrowserContext]:
    """Browsers that know nothing of each other, kept from test to test for the code they loaded."""
    return []


@pytest.fixture
def open_page(
    browser: Browser, visitors: list[BrowserContext], url: str
) -> Iterator[Callable[..., Page]]:
    """Open the page in a browser of its own; at the end, its console must hold no error."""
    errors: list[str] = []
    pages: list[Page] = []

    def open_it(size: ViewportSize = DESKTOP, dark: bool = False, address: str = url) -> Page:
        if len(pages) == len(visitors):
            visitors.append(browser.new_context())
        before = visitors[len(pages)].pages
        page = visitors[len(pages)].new_page()
        pages.append(page)
        page.set_viewport_size(size)
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        for blank in before:  # until now, so that its process lived on
            blank.close()
        return page

    yield open_it
    found = "\n".join(errors)
    for page in pages:
        page.goto("about:blank")  # where nothing can be remembered any more
        everything = {"origin": url, "storageTypes": "all"}
        page.context.new_cdp_session(page).send("Storage.clearDataForOrigin", everything)
    assert found == ""


@pytest.fixture(scope="session")
def client(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    files = tmp_path_factory.mktemp("downloads")
    client = Client(url, verbose=False, analytics_enabled=False, download_files=files)
    yield client
    client.close()
