"""The page of a run in a real browser; the run is made up, so that nothing must be waited for."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from browsing import DESKTOP, PATIENCE, PHONE, open_train
from playwright.sync_api import Page, TimeoutError, expect
from tiny_runs import alive, noise, pretend, tiny_settings, wait_until, without_worker

from gan_core.events import Diagnosed, Finished, Preview, Progress, Started, to_json
from gan_core.gan.run import EVENTS_FILE, waiting_adjustment
from gan_core.pictures import save_png
from ui.keeper import folders
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


def test_a_run_whose_tab_was_closed_before_the_answer_is_among_those_of_the_browser(
    open_page: Callable[..., Page], picture_folder: Path, url: str, server_folder: Path
) -> None:
    known = set(folders(server_folder / "runs"))
    first = open_page()
    open_train(first)
    first.locator("#files input[type=file]").set_input_files(sorted(picture_folder.glob("*.png")))
    expect(first.locator("#summary")).to_contain_text("24 of 24", timeout=PATIENCE)
    expect(first.locator("#promised")).to_be_hidden()
    first.route("**/queue/data*", lambda _: None)  # the answer is never heard
    first.locator("#start").click()
    wait_until(lambda: any(each not in known for each in folders(server_folder / "runs")))

    second = first.context.new_page()
    second.goto(url)
    open_train(second)
    second.locator("#history > button").click()
    expect(second.locator(".past-run")).to_have_count(1, timeout=PATIENCE)
    for _ in range(5):  # the row is drawn anew when the run begins, and its question with it
        second.locator(".past-run [data-order=delete]").click()
        with suppress(TimeoutError):
            second.locator(".past-run [data-sure]").click(timeout=2000)
            break
    expect(second.locator(".past-run")).to_have_count(0, timeout=PATIENCE)
    second.close()


def test_how_much_time_is_left_is_read_whole_on_the_button_that_goes_on(
    open_page: Callable[..., Page], url: str, server_folder: Path
) -> None:
    runs = without_worker(server_folder / "runs")
    run_id = runs.add(noise())
    folder = pretend(runs, run_id, (*EVENTS, Finished(0.8, 126.0, True, None)), "user")
    write_settings(folder, tiny_settings(folder))
    for size in (DESKTOP, PHONE):
        button = open_page(size, address=f"{url}/?run={run_id}").locator("#go-on")
        expect(button).to_contain_text("Continue, 2 min 54 s left", timeout=PATIENCE)
        assert button.evaluate("b => b.scrollWidth <= b.clientWidth && b.clientHeight < 50")
    runs.forget(run_id)


def test_the_slider_of_an_open_run_follows_the_newest_preview_with_its_picture(
    open_page: Callable[..., Page], training: tuple[str, Path]
) -> None:
    link, folder = training

    def preview(level: int) -> None:
        file = f"samples/{level:09d}.png"
        save_png(folder / file, np.full((34, 34, 3), level, np.uint8))
        with (folder / EVENTS_FILE).open("a") as log:
            log.write(json.dumps(to_json(Preview(level / 1000, file=file))) + "\n")

    for level in (0, 100):
        preview(level)
    page = open_page(address=link)
    page.locator("#lapse > button").click()
    expect(page.locator("#frame-caption")).to_contain_text("After 100 pictures", timeout=PATIENCE)
    preview(200)
    expect(page.locator("#frame-caption")).to_contain_text("After 200 pictures", timeout=PATIENCE)
    expect(page.locator("#moment input[type=number]")).to_have_value("3")


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
