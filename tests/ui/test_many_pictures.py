"""Many pictures through the Train tab, and some that vanish on the way to it."""

import dataclasses
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from tiny_runs import TINY, tiny_model, without_worker

from gan_core.gan.config import AUGMENTATIONS, TrainConfig, derive
from gan_core.pictures import Choices
from ui.generate import GenerateTab
from ui.mine import Mine, Store
from ui.models import Models
from ui.request import read_settings
from ui.train import BY_HAND, TrainTab
from ui.watch import Watch

FIELDS = (16, "dcgan", "one", 0, "tiny")
FEW, MANY = derive(100, 5.0), derive(2000, 5.0)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of 5,000 small pictures, no two alike: each a patchwork of 16 random colours."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("many") / "many.zip"
    with zipfile.ZipFile(path, "w") as writing:
        for index in range(5000):
            patches = rng.integers(0, 256, (4, 4, 3), np.uint8)
            file = io.BytesIO()
            Image.fromarray(patches.repeat(4, axis=0).repeat(4, axis=1)).save(file, "PNG")
            writing.writestr(f"{index:04d}.png", file.getvalue())
    return path


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[TrainTab]:
    tiny_model(tmp_path / "bundled" / "tiny")
    models = Models(tmp_path / "bundled", without_worker(tmp_path / "runs"))
    with gr.Blocks(analytics_enabled=False):
        store = Store()
        watch = Watch(models, GenerateTab(models), store)
        yield TrainTab(models, watch)


def form(config: TrainConfig) -> list[Any]:
    """The values of the form that shows these settings, as the browser sends them."""
    values = [getattr(config, name) for name in BY_HAND]
    return [list(value) if isinstance(value, tuple) else value for value in values]


def started_with(tab: TrainTab, draft: str, values: list[Any]) -> Mapping[str, Any]:
    """Press Start, and give what was set by hand, as the run's folder tells it."""
    shown = tab.start(draft, 5.0, *FIELDS, 0, 0, *values, False, Mine().to_browser(), draft)
    (stored,) = (it for it in shown if isinstance(it, dict) and "runs" in it)
    settings = read_settings(tab.models.runs.folder(stored["run"]))
    assert settings is not None
    return settings.options


def test_of_5000_pictures_a_random_2000_are_used_and_trained_with_what_the_form_shows(
    tab: TrainTab, archive: Path
) -> None:
    report = tab.report
    values = report.read([str(archive)], None)
    draft, shown = values[0], dict(zip(report.all, values, strict=False))
    assert "3,000 of these because only a random 2,000 are used" in shown[report.summary]["value"]
    sheet, number = report.drafts.sheet(draft), shown[report.number]
    assert number == len(report.drafts.dataset(draft)) == 2000

    _, *updates = tab.follow(number, (100, TINY), *FIELDS, *form(FEW))
    followed = dict(zip(BY_HAND, updates, strict=True))
    changed = {name: it["value"] for name, it in followed.items() if "value" in it}
    assert changed == {"batch_size": 32, "lr_D": 2e-4, "augment": ["color", "translation"]}
    assert started_with(tab, draft, form(MANY)) == {}
    by_hand = started_with(tab, report.drafts.add(sheet), form(FEW))
    assert by_hand == {"batch_size": 16, "lr_D": 4e-4, "augment": list(AUGMENTATIONS)}


def test_what_was_set_by_hand_stays_when_other_pictures_are_dropped(tab: TrainTab) -> None:
    mine = dataclasses.replace(FEW, lr_D=1e-3)
    filled_for, *updates = tab.follow(2000, (100, TINY), *FIELDS, *form(mine))
    assert filled_for == (2000, TINY)
    assert "value" not in updates[BY_HAND.index("lr_D")]
    assert updates[BY_HAND.index("batch_size")]["value"] == 32
    kept = tab.follow(0, (2000, TINY), *FIELDS, *form(MANY))[0]
    assert kept == (2000, TINY)  # none of them can be used


def test_pictures_that_vanish_before_they_are_read_are_named_and_the_others_are_used(
    tab: TrainTab, picture_folder: Path
) -> None:
    dropped = sorted(str(path) for path in picture_folder.iterdir())
    (picture_folder / "picture_07.png").unlink()
    values = tab.report.read(dropped, None)
    shown = dict(zip(tab.report.all, values, strict=False))
    assert "23 of 24 files are used" in shown[tab.report.summary]["value"]
    assert "missing file" in str(shown[tab.report.table]["value"])

    for path in dropped:
        Path(path).unlink(missing_ok=True)
    values = tab.report.read(dropped, None)
    shown = dict(zip(tab.report.all, values, strict=False))
    assert "missing file (24)" in shown[tab.report.summary]["value"]
    assert shown[tab.report.number] == 0


def test_pictures_are_cut_anew_at_another_size_and_what_was_decided_is_kept(
    tab: TrainTab, picture_folder: Path
) -> None:
    report = tab.report
    dropped = sorted(str(path) for path in picture_folder.iterdir())
    values = report.read(dropped, None, 16)
    draft, uploads = values[0], values[-1]
    report.drafts.decide(draft, lambda was: dataclasses.replace(was, used={3: False}))
    report.move(draft, 0, 100)

    report.look(draft, 0)

    report.cut_anew(draft, uploads, 64, 0)
    assert report.drafts.dataset(draft).images.shape[1:] == (64, 64, 3)
    assert report.drafts.choices(draft) == Choices("center", {0: 1.0}, {3: False})
    assert report.drafts.look(draft) is None  # to be compared at the new size
    assert all(it == gr.skip() for it in report.cut_anew(draft, uploads, 64, 0))


def test_when_the_uploads_are_gone_another_size_changes_nothing_and_start_says_what_to_do(
    tab: TrainTab, picture_folder: Path
) -> None:
    dropped = sorted(str(path) for path in picture_folder.iterdir())
    draft = tab.report.read(dropped, None, 32)[0]
    with pytest.warns(UserWarning, match=r"cut at 32 px.*of 64 px.*Drop them again"):
        values = tab.report.cut_anew(draft, [], 64, None)
    assert all(it == gr.skip() for it in values)
    with pytest.raises(gr.Error, match=r"cut at 32 px.*of 16 px.*Drop them again"):
        started_with(tab, draft, form(FEW))
