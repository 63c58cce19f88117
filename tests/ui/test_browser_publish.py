"""Publishing, and a network of the Hub, on a phone: in place, page as wide as the phone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import PATIENCE, PHONE
from loopback_hub import LoopbackHub
from playwright.sync_api import Page, expect
from repositories import EYES, eyes
from serving import serve
from tiny_runs import TINY, noise, pretend, tiny_model, tiny_settings, without_worker

from gan_core.events import Finished, Started
from gan_core.gan.run import BEST_FOLDER

REPO = "someone/gan"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackHub]:
    with LoopbackHub(eyes(tmp_path_factory.mktemp("eyes"))) as hub:
        yield hub


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("publishing")


@pytest.fixture(scope="module")
def run(folder: Path) -> str:
    """An ended run that began with a model whose licence nobody knows."""
    runs = without_worker(folder / "runs")
    run_id = runs.create(noise(), tiny_settings(tiny_model(folder / "model")))
    started = Started("5 minutes on 24 pictures.", 24, TINY.resolution, 8, 0, "a/b", 5.0, None)
    ended = pretend(runs, run_id, [started, Finished(0.8, 60.0, False, None)])
    tiny_model(ended / BEST_FOLDER)
    return run_id


@pytest.fixture(scope="module")
def url(folder: Path, run: str, hub: LoopbackHub) -> Iterator[str]:
    """The program as its owner starts it, who alone reaches it."""
    settings = {
        "GAN_ATELIER_PUBLISH": "1", "HF_TOKEN": "hf_write", "HF_ENDPOINT": hub.url,
        "HF_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1",
    }  # fmt: skip
    with serve(folder, **settings) as address:
        yield address


def expect_as_wide_as_a_phone(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_owner_publishes_a_run_and_is_told_in_place_what_is_missing(
    open_page: Callable[..., Page], url: str, run: str, hub: LoopbackHub
) -> None:
    page = open_page(PHONE, address=f"{url}?run={run}")
    page.locator("#publish > button").click(timeout=PATIENCE)
    expect(page.locator("#publish-found")).to_contain_text("of 64 pictures made", timeout=PATIENCE)
    expect(page.locator("#publish-found")).to_contain_text("You publish as someone")
    expect_as_wide_as_a_phone(page)
    name = page.locator("#repo textarea, #repo input")
    expect(name).to_have_value(f"someone/gan-atelier-{name.input_value()[-15:]}")
    name.fill(REPO)
    said = page.locator("#publish-said")
    page.locator("#publish-it").click()
    expect(said).to_contain_text("No licence was chosen", timeout=PATIENCE)
    page.locator("#licence input").fill("mit")
    page.locator("#licence input").press("Enter")
    page.locator("#publish-it").click()
    expect(said).to_contain_text(f"Published: {hub.url}/{REPO}", timeout=PATIENCE)
    expect_as_wide_as_a_phone(page)
    assert hub.made[0]["visibility"] == "private"
    expect(page.locator("#update")).to_have_count(0)
    page.locator("#publish-it").click()
    expect(said).to_contain_text("tick below", timeout=PATIENCE)
    page.locator("#update input").check()
    page.locator("#publish-it").click()
    expect(said).to_contain_text("Updated:", timeout=PATIENCE)
    assert len(hub.commits) == 2


def test_a_network_of_the_hub_is_fetched_and_then_chosen(
    open_page: Callable[..., Page], url: str, hub: LoopbackHub
) -> None:
    page = open_page(PHONE, address=url)
    page.get_by_role("tab", name="Style").click()
    page.locator("#style-advanced > button").click()
    for name, says in (
        ("weights/stylenet", "no such repository"),
        (f"{'o' * 40}/{'r' * 50}", "cannot be fetched"),
        (EYES, "is here, with the layers relu1_1 to relu5_1"),
    ):
        page.locator("#eyes-name input, #eyes-name textarea").fill(name)
        page.locator("#eyes-fetch").click()
        expect(page.locator("#eyes-said")).to_contain_text(says, timeout=PATIENCE)
        expect_as_wide_as_a_phone(page)
    chosen = page.locator("#feature-network").get_by_role("radio", name=f"{EYES}@{hub.commit[:7]}")
    expect(chosen).to_be_checked(timeout=PATIENCE)
    expect_as_wide_as_a_phone(page)
