"""What is offered of an ended run: its zip, with the words of who trained it on the card."""

import re
import zipfile
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from tiny_runs import TINY, noise, pretend, tiny_model, tiny_settings, without_worker

from gan_core.events import Finished, Preview, Started
from gan_core.gan.run import BEST_FOLDER, DATASET_FILE, SAMPLES_FOLDER
from gan_core.pictures import make_grid, save_png
from ui.jobs import Runs
from ui.look import Look, Mark
from ui.mine import Mine, Store
from ui.request import Settings, read_settings
from ui.result import Result
from ui.run_folder import PACKED_FILE, RunState

STARTED = Started("5 minutes on 24 pictures.", 24, TINY.resolution, 8, 0, "tiny", 5.0, None)


class DeletedMeanwhile(Runs):
    """Runs that somebody deletes in another tab as soon as one has looked at them."""

    def look(self, run_id: str) -> RunState:
        found = super().look(run_id)
        self.delete(run_id)
        return found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny_settings(tiny_model(tmp_path / "model"))


def ended(runs: Runs, settings: Settings) -> str:
    """A run that has ended, with a model and two previews."""
    run_id = runs.create(noise(), settings)
    previews = [Preview(n / 1000, file=f"{SAMPLES_FOLDER}/{n:09d}.png") for n in (0, 800)]
    folder = pretend(runs, run_id, [STARTED, *previews, Finished(0.8, 60.0, False, None)])
    tiny_model(folder / BEST_FOLDER)
    for place, preview in enumerate(previews):
        pictures = np.full((16, TINY.resolution, TINY.resolution, 3), place, np.uint8)
        save_png(folder / str(preview.file), make_grid(pictures), {"kimg": f"{preview.kimg:.3f}"})
    return run_id


def on_the_page(runs: Runs) -> Result:
    with gr.Blocks(analytics_enabled=False):
        return Result(runs, Store())


def offered(values: list[Any]) -> zipfile.ZipFile:
    assert values[0]["interactive"] is True
    return zipfile.ZipFile(values[0]["value"])


def card_in(packed: zipfile.ZipFile) -> bytes:
    return packed.read(next(name for name in packed.namelist() if name.endswith("README.md")))


def test_the_zip_is_called_by_what_its_pictures_show_or_by_when_it_was_asked_for(
    tmp_path: Path, settings: Settings
) -> None:
    runs = without_worker(tmp_path / "runs")
    run_id, result = ended(runs, settings), on_the_page(runs)
    stored = Mine().with_run(run_id).to_browser()
    assert re.fullmatch(r"gan-atelier-[\d-]+\.zip", Path(result.prepare(stored)[0]["value"]).name)
    named = result.describe(stored, "Sunflowers, in my/garden")[0]["value"]
    assert Path(named).name == "gan-atelier-sunflowers-in-my-garden.zip"
    assert "gan-atelier-sunflowers-in-my-garden/README.md" in zipfile.ZipFile(named).namelist()


def test_comparing_is_offered_only_where_the_pictures_are(
    tmp_path: Path, settings: Settings
) -> None:
    runs = without_worker(tmp_path / "runs")
    run_id, result = ended(runs, settings), on_the_page(runs)

    def is_offered() -> bool:
        run = runs.look(run_id)
        values = result.show(Look(run, runs.folder(run_id), Mark.of(run)))
        visible = dict(zip(result.outputs, values, strict=True))[result.compare]["visible"]
        return bool(visible)

    assert is_offered()
    (runs.folder(run_id) / DATASET_FILE).unlink()
    assert not is_offered()


def test_the_card_tells_what_the_pictures_show_also_when_it_is_told_after_packing(
    tmp_path: Path, settings: Settings
) -> None:
    runs = without_worker(tmp_path / "runs")
    run_id, result = ended(runs, settings), on_the_page(runs)
    stored = Mine().with_run(run_id).to_browser()
    assert b"in the words" not in card_in(offered(result.prepare(stored)))
    described = offered(result.describe(stored, "sunflowers \n in my garden"))
    assert b"who trained it: sunflowers in my garden." in card_in(described)
    assert card_in(offered(result.prepare(stored))) == card_in(described)
    again = read_settings(runs.folder(runs.duplicate(run_id)))
    assert again is not None
    assert again.kind == "sunflowers in my garden"


def test_the_films_are_offered_alone_too(tmp_path: Path, settings: Settings) -> None:
    runs = without_worker(tmp_path / "runs")
    stored = Mine().with_run(ended(runs, settings)).to_browser()
    _, mp4, gif = on_the_page(runs).prepare(stored)
    assert mp4["visible"] and gif["visible"]
    assert Path(mp4["value"]).read_bytes()[4:8] == b"ftyp"
    assert Path(gif["value"]).read_bytes()[:6] == b"GIF89a"


def test_a_run_that_is_deleted_while_it_is_packed_leaves_nothing_and_no_error(
    tmp_path: Path, settings: Settings
) -> None:
    runs = DeletedMeanwhile(tmp_path / "runs")
    runs.close()
    run_id = ended(runs, settings)
    values = on_the_page(runs).prepare(Mine().with_run(run_id).to_browser())
    assert values == [gr.skip()] * 3
    assert not runs.exists(run_id)


def test_a_zip_that_was_just_being_written_does_not_bring_a_deleted_run_back(
    tmp_path: Path, settings: Settings
) -> None:
    runs = without_worker(tmp_path / "runs")
    run_id, kept = ended(runs, settings), ended(runs, settings)
    folder = runs.folder(run_id)
    runs.delete(run_id)
    folder.mkdir()
    (folder / PACKED_FILE).write_bytes(b"the zip")
    assert runs.forget_remains(run_id)
    assert not folder.exists()
    assert not runs.forget_remains(kept)
    assert runs.exists(kept)
