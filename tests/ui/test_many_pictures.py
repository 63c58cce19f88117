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
from tiny_runs import tiny_model, without_worker

from gan_core.gan.config import AUGMENTATIONS, TrainConfig, derive
from ui.generate import GenerateTab
from ui.mine import Mine, Store
from ui.models import Models
from ui.request import read_settings
from ui.train import BY_HAND, TrainTab
from ui.watch import Watch

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
    shown = tab.start(draft, 5.0, 0, "tiny", 0, *values, False, Mine().to_browser())
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

    _, *updates = tab.follow(number, 100, *form(FEW))
    followed = dict(zip(BY_HAND, updates, strict=True))
    changed = {name: it["value"] for name, it in followed.items() if "value" in it}
    assert changed == {"batch_size": 32, "lr_D": 2e-4, "augment": ["color", "translation"]}
    assert started_with(tab, draft, form(MANY)) == {}
    by_hand = started_with(tab, report.drafts.add(sheet), form(FEW))
    assert by_hand == {"batch_size": 16, "lr_D": 4e-4, "augment": list(AUGMENTATIONS)}


def test_what_was_set_by_hand_stays_when_other_pictures_are_dropped(tab: TrainTab) -> None:
    mine = dataclasses.replace(FEW, lr_D=1e-3)
    filled_for, *updates = tab.follow(2000, 100, *form(mine))
    assert filled_for == 2000
    assert "value" not in updates[BY_HAND.index("lr_D")]
    assert updates[BY_HAND.index("batch_size")]["value"] == 32
    assert tab.follow(0, 2000, *form(MANY))[0] == 2000  # none of them can be used


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
