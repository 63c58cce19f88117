"""The whole page in a real browser: the program itself, real uploads, real training."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import PATIENCE, PHONE, download, expect_pictures, open_train
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect

from gan_core.pictures import read_png_metadata


def test_pictures_are_there_when_the_page_opens(open_page: Callable[..., Page]) -> None:
    expect_pictures(open_page(), 16)


def test_a_chosen_picture_can_be_kept_with_its_latent(open_page: Callable[..., Page]) -> None:
    page = open_page()
    expect_pictures(page, 16)
    page.locator("#gallery button").nth(5).click()
    expect(page.locator("#picked")).to_contain_text("Picture 5 of seed 0", timeout=PATIENCE)
    told = read_png_metadata(download(page, page.locator("#png")))
    assert (told["seed"], told["index"]) == ("0", "5")
    latent = json.loads(download(page, page.locator("#latent")).read_text())
    assert len(latent["z"]) == 100


def test_the_dice_make_other_pictures(open_page: Callable[..., Page]) -> None:
    page = open_page()
    expect_pictures(page, 16)
    first = page.locator("#gallery img").first.get_attribute("src")
    page.locator("#dice").click()
    expect(page.locator("#gallery img").first).not_to_have_attribute(
        "src", first or "", timeout=PATIENCE
    )


def test_a_seed_out_of_bounds_is_explained(open_page: Callable[..., Page]) -> None:
    page = open_page()
    expect_pictures(page, 16)
    page.locator("#seed input").fill("-5")
    page.locator("#generate").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("Seed is -5", timeout=PATIENCE)
    expect(page.locator("[data-testid=status-tracker] > .error:visible")).to_have_count(0)


def test_both_tabs_are_equally_wide(open_page: Callable[..., Page]) -> None:
    page = open_page()
    expect_pictures(page, 16)
    width = page.evaluate("document.querySelector('#tabs').offsetWidth")
    open_train(page)
    expect(page.locator("#files")).to_be_visible()
    assert page.evaluate("document.querySelector('#tabs').offsetWidth") == width


def test_own_pictures_become_a_model_that_outlives_a_reload_and_is_reached_by_its_link(
    open_page: Callable[..., Page], picture_folder: Path
) -> None:
    whole = (picture_folder / "picture_00.png").read_bytes()
    (picture_folder / "broken.png").write_bytes(whole[: len(whole) // 2])
    page = open_page()
    expect_pictures(page, 16)
    open_train(page)
    page.get_by_role("tab", name="A folder").click()
    page.locator("#folder input[type=file]").set_input_files(picture_folder)
    expect(page.locator("#summary")).to_contain_text("24 of 25", timeout=PATIENCE)
    expect(page.locator("#report")).to_contain_text("damaged or cut short")
    page.locator("#advanced > button").click()
    page.locator("#other-time input").fill("3")
    page.locator("#start").click()

    line = page.locator("#status .line")
    expect(line).to_contain_text(re.compile(r"shown · .* left"), timeout=PATIENCE)
    shown = line.inner_text()
    expect(line).not_to_have_text(shown, timeout=PATIENCE)
    expect(page.locator("#before img")).to_be_visible()

    page.reload()
    expect(line).to_contain_text("shown", timeout=PATIENCE)
    expect(page.locator("#now img")).to_be_visible(timeout=PATIENCE)

    link = page.url
    expect(page.locator("#link")).to_have_value(link)
    other = open_page(PHONE, address=link)
    expect(other.locator("#status .line")).to_contain_text("shown", timeout=PATIENCE)
    assert other.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    other.locator("#stop").click()
    expect(other.locator("#status")).to_contain_text("Stopped", timeout=PATIENCE)
    expect(page.locator("#status")).to_contain_text("Stopped", timeout=PATIENCE)

    page.locator("#minutes input").fill("-1")
    page.locator("#more").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("More minutes is -1")
    page.locator("#minutes input").fill("0.1")
    page.locator("#more").click()
    expect(page.locator("#stop")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#status")).to_contain_text("Finished", timeout=PATIENCE)
    expect(page.locator("#download")).to_contain_text("Download", timeout=PATIENCE)
    packed = download(page, page.locator("#download"))
    inside = zipfile.ZipFile(packed).namelist()
    assert any(re.fullmatch(r"gan-atelier-[\d-]+/timelapse.mp4", name) for name in inside)

    shown = page.locator("#gallery img").first.get_attribute("src") or ""
    page.locator("#use").click()
    expect(page.locator("#gallery img").first).not_to_have_attribute("src", shown, timeout=PATIENCE)
    expect(page.locator("#model input")).to_have_value(re.compile("Yours 1: 24 pictures"))
    expect_pictures(page, 16)
    page.locator("#gallery button").first.click()
    expect(page.locator("#picked")).to_contain_text("24 pictures", timeout=PATIENCE)

    open_train(page)
    page.locator("#history > button").click()
    expect(page.locator(".past-run")).to_contain_text("Finished", timeout=PATIENCE)
    page.locator(".past-run [data-order=delete]").click()
    page.locator(".past-run [data-order=delete]").click()
    expect(page.locator("#setup")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#run")).to_be_hidden()
    expect(page.locator(".past-run")).to_have_count(0, timeout=PATIENCE)
    assert page.url == link.split("?")[0]
    late = open_page(address=link)
    expect(late.locator("#notice")).to_contain_text("deleted", timeout=PATIENCE)
    expect(late.locator("#setup")).to_be_visible()
    expect_pictures(late, 16)


def test_too_few_pictures_are_explained_file_by_file(
    open_page: Callable[..., Page], picture_folder: Path
) -> None:
    archive = picture_folder / "few.zip"
    with zipfile.ZipFile(archive, "w") as writing:
        writing.write(picture_folder / "picture_00.png", "good.png")
        writing.writestr("<b>notes.png", "these are only words")
    page = open_page()
    open_train(page)
    page.locator("#files input[type=file]").set_input_files(archive)
    expect(page.locator("#summary")).to_contain_text("Only 1 of 2 files", timeout=PATIENCE)
    expect(page.locator("#report")).to_contain_text("<b>notes.png")
    expect(page.locator("#report")).to_contain_text("not a picture (text)")
    expect(page.locator("#start")).to_be_disabled()


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_a_phone(open_page: Callable[..., Page], dark: bool) -> None:
    page = open_page(PHONE, dark)
    expect_pictures(page, 16)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    open_train(page)
    expect(page.locator("#files")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_program_can_generate(client: Client) -> None:
    pictures = client.predict(count=3, seed=7, truncation=0.5, api_name="/generate")
    told = [read_png_metadata(Path(picture["image"])) for picture in pictures]
    assert [entry["index"] for entry in told] == ["0", "1", "2"]
    assert {entry["seed"] for entry in told} == {"7"}


def test_a_program_is_told_what_is_out_of_bounds(client: Client) -> None:
    with pytest.raises(AppError, match="must be a whole number between 1 and 64"):
        client.predict(count=1000, api_name="/generate")


def test_a_program_can_train_watch_and_stop(client: Client, picture_folder: Path) -> None:
    files = [handle_file(path) for path in sorted(picture_folder.iterdir())]
    run_id = client.predict(files=files, minutes=1, api_name="/train")
    status = client.predict(run_id=run_id, api_name="/train_status")
    assert status["state"] in ("queued", "starting", "running")
    stopped = client.predict(run_id=run_id, api_name="/stop")
    assert stopped["state"] in ("stopping", "stopped")


def test_a_program_cannot_reach_a_run_by_a_path(client: Client) -> None:
    with pytest.raises(AppError, match="no such run"):
        client.predict(run_id="../../etc", api_name="/train_status")


def test_one_visitor_sees_nothing_of_what_another_trains(
    open_page: Callable[..., Page], picture_folder: Path
) -> None:
    first = open_page()
    open_train(first)
    archive = picture_folder / "mine.zip"
    with zipfile.ZipFile(archive, "w") as writing:
        for path in picture_folder.glob("*.png"):
            writing.write(path, path.name)
    first.locator("#files input[type=file]").set_input_files(archive)
    expect(first.locator("#summary")).to_contain_text("24 of 24", timeout=PATIENCE)
    first.locator("#start").click()
    expect(first.locator("#stop")).to_be_visible(timeout=PATIENCE)

    second = open_page()
    expect_pictures(second, 16)
    open_train(second)
    expect(second.locator("#files")).to_be_visible()
    expect(second.locator("#summary")).to_be_hidden()
    expect(second.locator("#run")).to_be_hidden()
    first.locator("#stop").click()
    expect(first.locator("#stop")).to_be_hidden(timeout=PATIENCE)


def test_an_empty_folder_and_a_folder_of_one_picture_many_times_are_explained(
    open_page: Callable[..., Page], picture_folder: Path
) -> None:
    page = open_page()
    open_train(page)
    empty = picture_folder / "empty.zip"
    with zipfile.ZipFile(empty, "w"):
        pass
    page.locator("#files input[type=file]").set_input_files(empty)
    expect(page.locator("#summary")).to_contain_text(
        "There are no files in empty.zip", timeout=PATIENCE
    )
    alike = picture_folder / "alike.zip"
    with zipfile.ZipFile(alike, "w") as writing:
        for index in range(30):
            writing.write(picture_folder / "picture_00.png", f"{index}.png")
    page.locator("#files input[type=file]").set_input_files(alike)
    expect(page.locator("#summary")).to_contain_text("Only 1 of 30 files", timeout=PATIENCE)
    expect(page.locator("#start")).to_be_disabled()


def test_no_endpoint_lists_runs(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    of_a_run = {"/train_status", "/pause", "/resume", "/stop", "/download", "/delete"}
    others = {"/list_models", "/fetch_model", "/generate", "/stylize", "/train"}
    assert set(endpoints) == others | of_a_run
