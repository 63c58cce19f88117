"""A run that cannot begin or go on says why, and holds up no other one."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_runs import (
    end_workers,
    noise,
    pretend,
    tiny_model,
    tiny_settings,
    wait_until,
    without_worker,
)

from gan_core.errors import BadRun, BadWeights
from gan_core.events import Finished, Progress, Started
from gan_core.gan.checkpoint import CHECKPOINT_FILE, PREVIOUS_FILE
from gan_core.gan.run import EVENTS_FILE
from ui import view
from ui.jobs import Runs
from ui.keeper import folders
from ui.models import Models
from ui.request import REQUEST_FILE, Settings, read_settings, write_settings
from ui.worker import EXIT_FILE, LOG_FILE, WORKER_FILE

LEARNING = (
    Started("5 minutes on 24 pictures.", 24, 16, 8, 0, "tiny", 5.0, None),
    Progress(0.8, 60.0, 240.0, 13.0, 0.9, 1.8, 0.7, 0.3, 0.4, 0.0),
)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "runs"
    yield root
    end_workers(root)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny_settings(tiny_model(tmp_path / "model"))


def cut(checkpoint: Path) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])


def test_a_run_whose_checkpoint_is_damaged_says_so_and_the_next_one_begins(
    root: Path, settings: Settings
) -> None:
    before = without_worker(root)
    damaged, other = (before.create(noise(), settings) for _ in range(2))
    cut(pretend(before, damaged, ended_by="server") / CHECKPOINT_FILE)
    after = Runs(root)
    wait_until(lambda: after.look(other).state == "starting")
    assert after.look(damaged).state == "paused"
    assert "It cannot go on by itself. checkpoint.safetensors" in view.sentence_of(
        after.look(damaged)
    )
    after.delete(other)
    after.close()


def test_a_run_of_which_nothing_is_sound_is_to_be_begun_anew(
    root: Path, settings: Settings
) -> None:
    runs = without_worker(root)
    run_id = runs.create(noise(), settings)
    folder = pretend(runs, run_id, ended_by="user")
    shutil.copy(folder / CHECKPOINT_FILE, folder / PREVIOUS_FILE)
    for name in (CHECKPOINT_FILE, PREVIOUS_FILE):
        cut(folder / name)
    with pytest.raises(BadWeights, match="“New run with these”, under “Other settings”"):
        runs.resume(run_id)
    anew = runs.duplicate(run_id)
    assert runs.look(anew).state == "queued"


def test_a_run_that_cannot_be_started_waits_with_the_reason_while_others_train(
    root: Path, settings: Settings
) -> None:
    before = without_worker(root)
    hindered, other = (before.create(noise(), settings) for _ in range(2))
    obstacle = before.folder(hindered) / LOG_FILE
    obstacle.mkdir()
    runs = Runs(root)
    wait_until(lambda: runs.look(other).state == "starting")
    assert runs.look(hindered).state == "queued"
    assert "It cannot start yet" in view.sentence_of(runs.look(hindered))
    assert "Waiting in line" in view.status_html(runs.look(hindered))
    obstacle.rmdir()
    runs.delete(other)
    wait_until(lambda: runs.look(hindered).state == "starting")
    assert runs.look(hindered).reason == ""
    runs.delete(hindered)
    runs.close()


def test_without_room_for_it_a_run_waits_and_tells_the_megabytes(
    root: Path, settings: Settings
) -> None:
    runs = Runs(root, room=1e12)
    run_id = runs.create(noise(), settings)
    wait_until(lambda: runs.look(run_id).reason != "")
    assert runs.look(run_id).state == "queued"
    assert "MB are free on that disk" in view.sentence_of(runs.look(run_id))
    runs.close()


def test_what_another_version_asked_for_is_told_and_stands_in_nobodys_way(
    root: Path, settings: Settings
) -> None:
    before = without_worker(root)
    strange, other = (before.create(noise(), settings) for _ in range(2))
    asked = before.folder(strange) / REQUEST_FILE
    asked.write_text(json.dumps({"hours": 3}))
    with pytest.raises(BadRun, match="cannot be read"):
        read_settings(before.folder(strange))
    assert Models(root / "none", before).title(strange) == ""
    after = Runs(root)
    wait_until(lambda: after.look(other).state == "starting")
    assert (after.look(strange).state, after.look(strange).can_resume) == ("failed", False)
    assert "cannot be read" in view.sentence_of(after.look(strange))
    after.delete(strange)
    after.delete(other)
    assert folders(root) == []
    after.close()


def test_pictures_whose_upload_was_cut_off_are_deleted_when_they_are_old(root: Path) -> None:
    before = without_worker(root)
    folder = before.folder(before.add(noise()))
    for path in folder.iterdir():
        path.rename(folder / f".{path.name}.ab12.tmp")
    yesterday = time.time() - 25 * 3600
    os.utime(folder, (yesterday, yesterday))
    after = Runs(root, keep_hours=24)
    wait_until(lambda: not folder.exists())
    after.close()


def test_a_run_that_a_stopping_machine_ended_before_the_page_could_ask_goes_on_at_the_next_start(
    root: Path, settings: Settings
) -> None:
    before = without_worker(root)
    ended, stopped = (before.create(noise(), settings) for _ in range(2))
    end = [Finished(0.8, 60.0, True, None)]
    pretend(before, ended, end)
    pretend(before, stopped, end, ended_by="stop")
    after = Runs(root)
    wait_until(lambda: after.look(ended).state == "starting")
    assert after.look(stopped).state == "stopped"
    after.delete(ended)
    after.close()


def test_a_run_that_was_cut_off_is_taken_up_by_a_new_keeper_once_from_each_checkpoint(
    root: Path, settings: Settings
) -> None:
    before = without_worker(root)
    cut_off, saved_since, stopped = (before.create(noise(), settings) for _ in range(3))
    for run_id in (cut_off, saved_since):
        pretend(before, run_id, LEARNING)
    pretend(before, stopped, LEARNING, ended_by="stop")

    def first_round() -> list[str]:
        """What a new keeper makes of the three: none begins, for want of room on the disk."""
        runs = Runs(root, room=1e12)
        probe = runs.create(noise(), settings)
        wait_until(lambda: runs.look(probe).reason != "")
        runs.delete(probe)
        runs.close()
        return [before.look(run_id).state for run_id in (cut_off, saved_since, stopped)]

    assert first_round() == ["queued", "queued", "interrupted"]
    for run_id in (cut_off, saved_since):  # each began, and was cut off again
        (before.folder(run_id) / WORKER_FILE).write_text("0")
    pretend(before, saved_since, LEARNING)
    assert first_round() == ["interrupted", "queued", "interrupted"]


def test_a_run_that_was_cut_off_while_its_checkpoint_was_damaged_says_why_it_does_not_go_on(
    root: Path, settings: Settings
) -> None:
    before = without_worker(root)
    damaged, other = (before.create(noise(), settings) for _ in range(2))
    cut(pretend(before, damaged, LEARNING) / CHECKPOINT_FILE)
    after = Runs(root)
    wait_until(lambda: after.look(other).state == "starting")
    assert after.look(damaged).state == "interrupted"
    assert "It cannot go on by itself. checkpoint" in view.sentence_of(after.look(damaged))
    after.delete(other)
    after.close()


def test_how_long_a_run_is_kept_is_said_as_it_is_done(root: Path) -> None:
    runs = Runs(root, keep_hours=7)
    runs.close()
    with pytest.raises(BadRun, match="kept for 7 hours"):
        runs.look("a" * 22)
    with pytest.raises(BadWeights, match="kept for 7 hours"):
        Models(root / "none", runs).load("a" * 22)


def test_a_continued_run_whose_pictures_are_gone_says_so_and_nothing_of_what_came_before(
    root: Path,
) -> None:
    runs = without_worker(root)
    run_id = runs.add(noise())
    folder = pretend(runs, run_id, (*LEARNING, Finished(0.8, 60.0, True, None)))
    write_settings(folder, tiny_settings(folder))
    (folder / LOG_FILE).write_text("The pictures are gone.\n")
    (folder / EXIT_FILE).write_text("   2")
    later = (folder / EVENTS_FILE).stat().st_mtime + 5
    os.utime(folder / WORKER_FILE, (later, later))
    run = runs.look(run_id)
    assert run.state == "failed"
    assert view.sentence_of(run).startswith("The pictures are gone.")
