"""The line of runs, with real workers: a tiny network, a few steps, a process of its own."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core.errors import BadRun
from gan_core.events import Finished, Progress, Started
from gan_core.gan.checkpoint import find_checkpoint
from gan_core.gan.config import NetworkConfig
from gan_core.gan.networks import build
from gan_core.gan.run import DATASET_FILE
from gan_core.gan.snapshot import Snapshot, save_snapshot
from gan_core.pictures import Dataset, load_dataset, read_dataset
from ui.jobs import Runs
from ui.keeper import folders
from ui.request import Settings, adjusted, read_settings
from ui.settings_form import settings_now
from ui.worker import EXIT_FILE, WORKER_FILE, is_alive, kill, note_exit, reserve_exit

TINY = NetworkConfig(resolution=16, z_dim=8, width_G=4, width_D=4)
PATIENCE = 60.0  # seconds: a worker imports torch first, and this machine may be busy


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def learn(runs: Runs, run_id: str, since: int = 0) -> None:
    """Wait until the run has learned something after so many events."""
    wait_until(lambda: any(isinstance(e, Progress) for e in runs.look(run_id).events[since:]))


@pytest.fixture
def dataset(picture_folder: Path) -> Dataset:
    return load_dataset(picture_folder, TINY.resolution)


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    runs = Runs(tmp_path / "runs")
    yield runs
    runs.close()
    for folder in folders(runs.root):
        if is_alive(folder):
            kill(folder)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    save_snapshot(Snapshot(TINY, *build(TINY)), tmp_path / "model")

    def make(minutes: float = 5.0, **options: Any) -> Settings:
        return Settings(minutes, 0, str(tmp_path / "model"), "tiny", "24 pictures", options)

    return make


def test_a_run_leaves_a_model_and_then_the_next_begins(
    runs: Runs, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    first, second = (runs.create(dataset, settings(kimg=0.05)) for _ in range(2))
    assert runs.look(second).state == "queued"
    wait_until(lambda: runs.look(first).state == "finished")
    assert runs.look(first).has_model
    wait_until(lambda: runs.look(second).state == "starting")


def test_a_stopped_run_keeps_its_model_and_only_then_goes_on_from_where_it_was(
    runs: Runs, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    run_id = runs.create(dataset, settings(batch_size=4))
    assert not runs.look(run_id).can_resume
    learn(runs, run_id)
    with pytest.raises(BadRun, match="cannot be continued"):
        runs.resume(run_id)
    runs.stop(run_id)
    assert runs.look(run_id).state in ("stopping", "stopped")
    wait_until(lambda: runs.look(run_id).can_resume)
    assert runs.look(run_id).state == "stopped"
    assert runs.look(run_id).has_model
    before = runs.look(run_id).events
    assert isinstance(before[-1], Finished)
    had = find_checkpoint(runs.folder(run_id)).seconds / 60
    runs.resume(run_id, more=3)
    wait_until(lambda: runs.look(run_id).state == "running")
    resumed = runs.look(run_id).events[len(before)]
    assert isinstance(resumed, Started)
    assert resumed.kimg == before[-1].kimg
    assert resumed.minutes == pytest.approx(3 + had, abs=1e-3)


def test_a_paused_run_makes_room_and_goes_on_for_the_rest_of_its_time_also_if_it_is_killed(
    runs: Runs, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    run_id, other = runs.create(dataset, settings()), runs.create(dataset, settings())
    learn(runs, run_id)
    runs.pause(run_id)
    wait_until(lambda: runs.look(run_id).state == "paused")
    wait_until(lambda: runs.look(other).state == "starting")
    runs.delete(other)
    assert not runs.exists(other)

    before = runs.look(run_id).events
    runs.resume(run_id, changed={"lr_D": 1e-4})
    learn(runs, run_id, since=len(before))
    resumed = runs.look(run_id).events[len(before)]
    assert isinstance(resumed, Started)
    assert isinstance(before[-1], Finished)
    assert (resumed.kimg, resumed.minutes) == (before[-1].kimg, 5.0)
    now = settings_now(runs.folder(run_id), runs.look(run_id))
    assert now is not None
    assert now.lr_D == 1e-4

    os.kill(int((runs.folder(run_id) / WORKER_FILE).read_text()), signal.SIGKILL)
    wait_until(lambda: runs.look(run_id).state == "interrupted")
    assert runs.look(run_id).can_resume
    runs.resume(run_id)
    learn(runs, run_id, since=len(runs.look(run_id).events))
    runs.delete(run_id)
    assert not runs.exists(run_id)


def test_a_run_takes_other_settings_and_more_time_while_it_trains_but_not_afterwards(
    runs: Runs, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    run_id = runs.create(dataset, settings())
    runs.adjust(run_id, {"lr_G": 1e-3})
    learn(runs, run_id)
    runs.adjust(run_id, {"minutes": 7.0})
    wait_until(lambda: len(adjusted(runs.look(run_id).events)) == 2)
    assert adjusted(runs.look(run_id).events) == {"lr_G": 1e-3, "minutes": 7.0}
    runs.stop(run_id)
    wait_until(lambda: runs.look(run_id).state == "stopped")
    with pytest.raises(BadRun, match="does not train any more"):
        runs.adjust(run_id, {"lr_G": 1e-4})
    with pytest.raises(BadRun, match="cannot be paused"):
        runs.pause(run_id)


def test_the_pictures_of_one_draft_are_put_in_line_once_under_its_own_id(
    tmp_path: Path, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    runs = Runs(tmp_path / "runs")
    runs.close()
    draft = "d" * 22
    assert runs.create(dataset, settings(), run_id=draft) == draft
    with pytest.raises(BadRun, match="already been started"):
        runs.create(dataset, settings(), run_id=draft)
    assert runs.look(draft).state == "queued"


def test_two_runs_train_at_once_if_there_may_be_two(
    tmp_path: Path, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    runs = Runs(tmp_path / "runs", at_once=2)
    first, second, third = (runs.create(dataset, settings()) for _ in range(3))
    wait_until(lambda: runs.look(second).state == "starting")
    assert runs.look(first).state in ("starting", "running")
    assert (runs.look(third).state, runs.look(third).ahead) == ("queued", 1)
    for run_id in (third, second, first):
        runs.delete(run_id)
    runs.close()


def test_of_two_starts_at_the_same_moment_one_is_refused(
    tmp_path: Path, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    runs = Runs(tmp_path / "runs")
    runs.close()
    draft = runs.add(dataset)
    with ThreadPoolExecutor(2) as both:
        starts = [both.submit(runs.start, draft, settings()) for _ in range(2)]
    refused = [start.exception() for start in starts if start.exception() is not None]
    assert len(refused) == 1
    assert "already been started" in str(refused[0])
    assert runs.look(draft).state == "queued"


def test_a_repeated_run_has_the_same_pictures_and_settings_and_another_seed(
    tmp_path: Path, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    runs = Runs(tmp_path / "runs")
    runs.close()
    first = runs.create(dataset, settings(lr_G=1e-3, lr_D=1e-3))
    second = runs.duplicate(first, {"lr_D": 5e-4})
    runs.delete(first)
    asked = read_settings(runs.folder(second))
    assert asked is not None
    assert asked.options == {"lr_G": 1e-3, "lr_D": 5e-4}
    assert (asked.minutes, asked.label) == (5.0, "24 pictures")
    assert asked.seed != 0
    kept = read_dataset(runs.folder(second) / DATASET_FILE)
    assert np.array_equal(kept.images, dataset.images)


def test_a_run_that_cannot_start_says_why(runs: Runs, dataset: Dataset, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    run_id = runs.create(dataset, Settings(1.0, 0, nowhere, "nowhere", "24 pictures"))
    wait_until(lambda: runs.look(run_id).state == "failed")
    assert "There is no model" in runs.look(run_id).reason


def test_a_restarted_server_takes_up_the_line(
    tmp_path: Path, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    before = Runs(tmp_path / "runs")
    before.close()
    run_id = before.create(dataset, settings())
    after = Runs(tmp_path / "runs")
    wait_until(lambda: after.look(run_id).state == "starting")
    after.close(wait=PATIENCE)
    assert after.look(run_id).state == "paused"
    third = Runs(tmp_path / "runs")
    wait_until(lambda: third.look(run_id).state == "starting")
    third.delete(run_id)
    third.close()


def test_a_second_copy_neither_starts_nor_stops_what_the_first_one_trains(
    runs: Runs, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    first = runs.create(dataset, settings(kimg=0.05))
    wait_until(lambda: runs.look(first).state == "starting")
    copy = Runs(runs.root)
    second = copy.create(dataset, settings())
    wait_until(lambda: runs.look(second).state == "starting")
    copy.close(wait=PATIENCE)
    assert runs.look(second).state in ("starting", "running")


def test_a_run_hears_stop_before_its_first_event_and_starts_again_with_its_pictures(
    runs: Runs, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    run_id = runs.create(dataset, settings())
    wait_until(lambda: runs.look(run_id).state == "starting")
    runs.stop(run_id)
    wait_until(lambda: runs.look(run_id).can_restart)
    assert runs.look(run_id).state == "stopped"
    runs.resume(run_id)
    wait_until(lambda: runs.look(run_id).state == "running")
    started = runs.look(run_id).events[0]
    assert isinstance(started, Started)
    assert started.kimg == 0


def test_a_run_called_off_in_line_never_starts(
    tmp_path: Path, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    runs = Runs(tmp_path / "runs")
    runs.close()
    called_off, other = (runs.create(dataset, settings()) for _ in range(2))
    assert runs.look(other).ahead == 1
    runs.stop(called_off)
    assert runs.look(called_off).state == "stopped"
    assert runs.look(other).ahead == 0


def test_a_full_line_refuses_with_its_length(
    tmp_path: Path, dataset: Dataset, settings: Callable[..., Settings]
) -> None:
    runs = Runs(tmp_path / "runs", most_waiting=2)
    runs.close()
    for _ in range(2):
        runs.create(dataset, settings())
    with pytest.raises(BadRun, match="2 runs are waiting"):
        runs.create(dataset, settings())
    assert len(folders(runs.root)) == 2


@pytest.mark.parametrize(
    "run_id", ["", "..", "../runs", "/etc", "a" * 22, "a" * 21 + "\n", "a" * 20 + "/.", "é" * 22]
)
def test_an_id_that_was_not_given_out_opens_nothing(runs: Runs, run_id: str) -> None:
    with pytest.raises(BadRun, match="no such run"):
        runs.look(run_id)


def test_pictures_are_deleted_when_they_are_old(tmp_path: Path, dataset: Dataset) -> None:
    before = Runs(tmp_path / "runs")
    old, new = before.add(dataset), before.add(dataset)
    before.close()
    yesterday = time.time() - 25 * 3600
    os.utime(before.folder(old) / DATASET_FILE, (yesterday, yesterday))
    runs = Runs(tmp_path / "runs", keep_hours=24)
    wait_until(lambda: not runs.exists(old))
    assert runs.exists(new)
    runs.close()


@pytest.mark.parametrize("code", [0, 2, 130, -15])
def test_how_a_worker_ended_fits_into_the_room_reserved_for_it(tmp_path: Path, code: int) -> None:
    reserve_exit(tmp_path)
    before = (tmp_path / EXIT_FILE).stat()
    note_exit(tmp_path, code)
    after = (tmp_path / EXIT_FILE).stat()
    assert int((tmp_path / EXIT_FILE).read_text()) == code
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)


def test_settings_become_options_of_the_command_line() -> None:
    options = {"lr_G": 0.001, "skip_D_below": 0.4, "augment": (), "mirror": True}
    command = Settings(2.0, 7, "scratch", "scratch", "24 pictures", options).command()
    resumed = Settings(2.0, 7, "scratch", "", "", options, until=5.0, changed={"freeze_D": 2})
    assert resumed.command() == ["--resume", "--minutes", "5", "--freeze-d", "2"]
    assert command[:6] == ["--start", "scratch", "--minutes", "2", "--seed", "7"]
    assert command[6] == "--anyway"  # it was asked before
    assert command[7:] == [
        *("--lr-g", "0.001", "--skip-d-below", "0.4", "--augment", "none", "--mirror"),
    ]
