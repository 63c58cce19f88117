"""What a new run takes over from one that there is: pictures, settings, and what it starts from."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path

from gan_core.errors import BadRun
from gan_core.files import explain_disk_errors
from gan_core.gan.run import BEST_FOLDER, DATASET_FILE
from gan_core.gan.snapshot import CONFIG_FILE, D_FILE, G_FILE
from gan_core.settings import LAST_SEED
from ui import run_texts as texts
from ui.request import Settings, set_by_hand
from ui.run_folder import RunState

START_FOLDER = "start"  # a run's own copy of the model that it begins from


def require_heritage(folder: Path, run: RunState, from_model: bool) -> Settings:
    """Give a run's settings, if there is all that a new run would take over. Raises: BadRun."""
    if run.settings is None or not (folder / DATASET_FILE).is_file():
        raise BadRun(
            texts.NOT_REPEATABLE, texts.NOT_REPEATABLE_EXPECTED, texts.NOT_REPEATABLE_ADVICE
        )
    if from_model and not (folder / BEST_FOLDER / G_FILE).is_file():
        raise BadRun(texts.NO_MODEL_YET, texts.NO_MODEL_YET_EXPECTED, texts.NO_MODEL_YET_ADVICE)
    return run.settings


def hand_down(
    folder: Path, settings: Settings, run: RunState, heir: Path, from_model: bool
) -> Settings:
    """Put into a new run's folder what it needs of another's, and give the settings to begin with.

    The heir must outlive the other, whose files therefore get a second name; none of them is ever
    written to again. from_model: start from the model that the other has kept. Raises: DiskFull.
    """
    started_from = folder / (BEST_FOLDER if from_model else START_FOLDER)
    with explain_disk_errors(heir / DATASET_FILE):
        _share(folder / DATASET_FILE, heir / DATASET_FILE)
        if started_from.is_dir():
            (heir / START_FOLDER).mkdir()
            for name in (CONFIG_FILE, D_FILE, G_FILE):
                _share(started_from / name, heir / START_FOLDER / name)
            settings = replace(settings, start=str(heir / START_FOLDER))
    options = set_by_hand(settings, run.events)
    if from_model:  # what it has learned says where growing goes on
        options = {name: it for name, it in options.items() if name != "grow_from"}
    return replace(
        settings,
        start_name=settings.label if from_model else settings.start_name,
        seed=secrets.randbelow(LAST_SEED),
        options=options,
        until=0.0,
        changed={},
    )


def _share(path: Path, second: Path) -> None:
    if not path.is_file():  # D may be missing
        return
    try:
        os.link(path, second)
    except OSError:  # not every file system has hard links
        shutil.copy(path, second)
