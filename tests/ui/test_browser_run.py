"""The page of a run in a real browser; the run is made up, so that nothing must be waited for."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import PATIENCE, PHONE, open_train
from playwright.sync_api import Page, expect
from tiny_runs import alive, noise, pretend, tiny_settings, without_worker

from gan_core.events import Diagnosed, Finished, Progress, Started
from gan_core.gan.run import waiting_adjustment
from ui.request import write_settings

ADVICE = {"lr_D": 1e-4, "skip_D_below": 0.5}
EVENTS = (
    Started("5 minutes on 24 pictures.", 24, 16, 8, 0, "tiny", 5.0, None),
    Progress(0.8, 60.0, 240.0, 13.0, 0.9, 1.8, 0.7, 0.3, 0.4, 0.0),
    Diagnosed(0.8, "D is winning", "D's loss is 0.02.", "Lower lr_D.", ADVICE),
)


@pytest.fixture
def training(url: str, server_folder: Path) -> Iterator[tuple[str, Path]]:
    """The link and the folder of a run that the doctor has something to say of."""
    runs = without_worker(server_folder / "runs")
    run_id = runs.add(noise())
    folder = pretend(runs, run_id, EVENTS)
    with alive(folder):
        write_settings(folder, tiny_settings(folder))
        yield f"{url}/?run={run_id}", folder
    runs.forget(run_id)


@pytest.fixture
def ended(url: str, server_folder: Path) -> Iterator[list[str]]:
    """The links of two runs that have ended."""
    runs = without_worker(server_folder / "runs")
    both = [runs.add(noise()) for _ in range(2)]
    for run_id in both:
        folder = pretend(runs, run_id, (*EVENTS, Finished(0.8, 60.0, True, None)), "stop")
        write_settings(folder, tiny_settings(folder))
    yield [f"{url}/?run={run_id}" for run_id in both]
    for run_id in filter(runs.exists, both):
        runs.forget(run_id)


def test_two_tabs_of_a_browser_do_not_forget_each_others_runs_until_one_is_deleted(
    open_page: Callable[..., Page], ended: list[str], url: str
) -> None:
    first = open_page(address=ended[0])
    expect(first.locator("#status")).to_contain_text("Stopped", timeout=PATIENCE)
    second = first.context.new_page()
    second.goto(ended[1])
    expect(second.locator("#status")).to_contain_text("Stopped", timeout=PATIENCE)
    first.locator("#again").click()
    expect(first.locator("#setup")).to_be_visible(timeout=PATIENCE)
    second.close()

    third = first.context.new_page()
    third.goto(url)
    open_train(third)
    third.locator("#history > button").click()
    expect(third.locator(".past-run")).to_have_count(2, timeout=PATIENCE)
    for _ in range(2):
        third.locator(".past-run [data-order=delete]").first.click()
    expect(third.locator(".past-run")).to_have_count(1, timeout=PATIENCE)
    third.reload()
    open_train(third)
    third.locator("#history > button").click()
    expect(third.locator(".past-run")).to_have_count(1, timeout=PATIENCE)
    third.close()


def test_on_a_phone_autopilot_is_read_in_full_beside_what_is_advised_and_both_work(
    open_page: Callable[..., Page], training: tuple[str, Path]
) -> None:
    link, folder = training
    page = open_page(PHONE, address=link)
    expect(page.locator("#do-this")).to_contain_text("lr_D 1e-4", timeout=PATIENCE)
    expect(page.locator("#status")).to_contain_text("Plan: 5 minutes on 24 pictures.")
    shown = page.locator("#autopilot").bounding_box()
    assert shown is not None
    assert shown["width"] >= 240
    assert shown["x"] + shown["width"] <= PHONE["width"]

    page.locator("#do-this").click()
    expect(page.locator("#do-this")).to_be_hidden(timeout=PATIENCE)
    assert waiting_adjustment(folder) == ADVICE
    page.locator("#autopilot input").check()
    expect(page.locator("#autopilot input")).to_be_checked()
    page.locator("#stop").click()
    expect(page.locator("#status")).to_contain_text("Stopping", timeout=PATIENCE)
    assert waiting_adjustment(folder) == {**ADVICE, "autopilot": True}
