"""Runs that train turn after turn in visitors' events, as where a GPU is only lent."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import torch
from serving import in_a_loop
from tiny_runs import PATIENCE, noise, tiny_model, tiny_settings, wait_until

from gan_core.commands.start import start_from
from gan_core.errors import BadRun
from gan_core.events import Failed, Finished, Noticed, Preview, Progress, Started
from gan_core.gan.checkpoint import find_checkpoint
from gan_core.gan.config import TrainConfig, network_of
from gan_core.gan.run import read_events, request_stop
from gan_core.gan.start import SCRATCH, Data
from gan_core.gan.train import train
from gan_core.hub.resolve import DEFAULT_MODEL
from gan_core.models import NEWER
from gan_core.settings import default_of
from gan_core.weights import read_tensors
from ui import choice, gpu, turn, turns, view
from ui import run_texts as texts
from ui import texts as page_texts
from ui.generate import GenerateTab
from ui.jobs import Runs
from ui.mine import Mine, Store
from ui.models import Models
from ui.request import Settings
from ui.run_folder import paused_by
from ui.turn import seconds_of, take_turn
from ui.watch import Watch
from ui.worker import WORKER_FILE, is_alive


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    runs = Runs(tmp_path / "runs", at_once=0)
    yield runs
    runs.close()


Drive = Callable[[str], "Future[list[str]]"]


@pytest.fixture
def drive(runs: Runs) -> Iterator[Drive]:
    """Let a run train in an event, all of them in one loop as a server's; `cancel` closes one.

    Its result: how the run was found meanwhile.
    """
    loop = asyncio.new_event_loop()
    server = threading.Thread(target=loop.run_forever)
    server.start()
    events: list[Future[list[str]]] = []

    async def follow(run_id: str) -> list[str]:
        async with aclosing(runs.drive(run_id)) as driving:
            return [runs.look(run_id).state async for _ in driving]

    def begin(run_id: str) -> "Future[list[str]]":
        events.append(asyncio.run_coroutine_threadsafe(follow(run_id), loop))
        return events[-1]

    yield begin
    for event in events:
        event.cancel()
    asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result(PATIENCE)
    loop.call_soon_threadsafe(loop.stop)
    server.join()
    loop.close()


@pytest.fixture
def settings(model: Path) -> Settings:
    return tiny_settings(model, batch_size=8)


def short(settings: Settings, seconds: float) -> Settings:
    return replace(settings, minutes=seconds / 60)


# --- one turn after another -----------------------------------------------------------------------


def test_two_turns_come_to_the_same_weights_as_a_run_that_was_never_broken_off(
    runs: Runs, settings: Settings, tmp_path: Path
) -> None:
    run_id = runs.create(noise(), settings)
    folder = runs.folder(run_id)
    assert take_turn(str(folder), 0.3, False)
    first = find_checkpoint(folder).nimg
    assert take_turn(str(folder), 0.3, True)
    both = find_checkpoint(folder)
    assert 0 < first < both.nimg

    whole = tmp_path / "whole"
    whole.mkdir()
    config = replace(both.config, minutes=None, kimg=both.nimg / 1000)
    start, _, _ = start_from(settings.start)
    *_, end = train(config, Data(noise().images), whole, start, among=[both.compute])
    assert isinstance(end, Finished)
    tensors, expected = (read_tensors(each / "checkpoint.safetensors") for each in (folder, whole))
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)


def test_the_log_of_several_turns_is_that_of_one_run_and_stop_ends_it(
    runs: Runs, settings: Settings
) -> None:
    run_id = runs.create(noise(), settings)
    folder = runs.folder(run_id)
    assert take_turn(str(folder), 0.2, False)
    assert take_turn(str(folder), 0.2, True)
    events = read_events(folder)
    assert [isinstance(event, Started) for event in events].count(True) == 1
    assert not any(isinstance(event, Finished | Failed) for event in events)
    shown = [event.kimg for event in events if isinstance(event, Preview | Progress)]
    assert shown == sorted(shown)
    assert runs.look(run_id).has_model

    request_stop(folder)
    assert not take_turn(str(folder), 0.2, True)
    end = read_events(folder)[-1]
    assert isinstance(end, Finished)
    assert end.kimg == find_checkpoint(folder).nimg / 1000
    assert runs.look(run_id).state == "stopped"


def test_a_turn_takes_no_more_than_is_left_and_counts_all_turns(
    runs: Runs, settings: Settings
) -> None:
    long, brief = (
        runs.folder(runs.create(noise(), short(settings, each))) for each in (300.0, 9.0)
    )
    assert seconds_of(long, False) == turn.SECONDS
    assert seconds_of(brief, False) == pytest.approx(9 + 5)
    assert take_turn(str(brief), 0.2, False)
    had = find_checkpoint(brief).seconds
    assert 0 < had < 9
    assert seconds_of(brief, True) == pytest.approx(9 - had + 5)


def test_a_network_that_grows_is_timed_in_its_first_turn(runs: Runs) -> None:
    network = {"kind": "pyramid", "resolution": 16, "width_G": 8, "width_D": 8}
    options = {"grow_from": 8, "batch_size": 8}
    asked = Settings(5.0, 0, SCRATCH, SCRATCH, "24 pictures", options, network=network)
    folder = runs.folder(runs.create(noise(), asked))
    assert take_turn(str(folder), 0.2, False)
    first = find_checkpoint(folder)
    assert first.config.grow_from == 8
    assert first.config.grow_kimg != default_of(TrainConfig, "grow_kimg")
    assert take_turn(str(folder), 0.2, True)
    assert find_checkpoint(folder).config.grow_kimg == first.config.grow_kimg


def test_only_the_end_of_a_run_says_how_far_its_network_has_grown_not_that_of_a_turn(
    runs: Runs,
) -> None:
    network = {"kind": "pyramid", "resolution": 16, "width_G": 8, "width_D": 8}
    options = {"grow_from": 8, "grow_kimg": 100.0, "batch_size": 8}
    asked = Settings(5.0, 0, SCRATCH, SCRATCH, "24 pictures", options, network=network)
    folder = runs.folder(runs.create(noise(), asked))
    for goes_on in (False, True):
        assert take_turn(str(folder), 0.2, goes_on)
        assert not any(isinstance(event, Noticed) for event in read_events(folder))
    before = len(read_events(folder))

    def stop_once_it_trains() -> None:
        wait_until(lambda: len(read_events(folder)) > before)
        request_stop(folder)

    threading.Thread(target=stop_once_it_trains).start()
    assert not take_turn(str(folder), 60.0, True)
    *_, said, end = read_events(folder)
    assert isinstance(end, Finished)
    assert isinstance(said, Noticed)
    assert "8 of 16 px" in said.text


def test_a_turn_begins_with_the_very_model_that_was_asked_for_and_looks_for_no_newer_one(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NEWER, "nonsense")  # whoever looks is told so
    pixels = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), np.uint8)
    asked = Settings(5.0, 0, DEFAULT_MODEL, DEFAULT_MODEL, "20 pictures", {"batch_size": 4})
    folder = runs.folder(runs.create(replace(noise(20), images=pixels), asked))
    assert take_turn(str(folder), 0.1, False)
    started = read_events(folder)[0]
    assert isinstance(started, Started)
    assert started.start == DEFAULT_MODEL


def test_a_run_whose_pictures_are_gone_fails_with_the_reason(
    runs: Runs, settings: Settings
) -> None:
    run_id = runs.create(noise(), settings)
    folder = runs.folder(run_id)
    (folder / "dataset.safetensors").unlink()
    assert not take_turn(str(folder), 0.2, False)
    run = runs.look(run_id)
    assert run.state == "failed"
    assert "dataset.safetensors" in run.reason


# --- driven by a visitor's event ------------------------------------------------------------------


def test_nobody_starts_a_run_but_who_drives_it_and_then_it_ends_by_its_time(
    runs: Runs, drive: Drive, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "SECONDS", 2.0)
    run_id, other = (runs.create(noise(), short(settings, 6.0)) for _ in range(2))
    assert (runs.look(run_id).state, runs.look(run_id).ahead) == ("queued", 0)
    assert set(drive(run_id).result(PATIENCE)) <= {"queued", "starting", "running", "stopping"}
    run = runs.look(run_id)
    assert run.state == "finished"
    assert run.has_model
    assert runs.look(other).state == "queued"
    assert not (runs.folder(other) / WORKER_FILE).exists()


def test_a_closed_page_pauses_the_run_and_one_that_is_opened_lets_it_go_on(
    runs: Runs, drive: Drive, settings: Settings
) -> None:
    run_id = runs.create(noise(), settings)
    folder = runs.folder(run_id)
    page = drive(run_id)
    wait_until(lambda: runs.look(run_id).state == "running")
    assert is_alive(folder)
    page.cancel()
    wait_until(lambda: runs.look(run_id).state == "paused")
    assert paused_by(folder) == "page"
    saved = find_checkpoint(folder).nimg
    assert saved > 0
    again = drive(run_id)
    wait_until(lambda: runs.look(run_id).state == "running")
    runs.stop(run_id)
    again.result(PATIENCE)
    assert runs.look(run_id).state == "stopped"
    begun = [event.kimg for event in read_events(folder) if isinstance(event, Started)]
    assert begun == [0.0, saved / 1000]
    assert find_checkpoint(folder).nimg >= saved


def test_a_reloaded_page_stands_by_until_its_former_self_lets_go_and_trains_then(
    runs: Runs, drive: Drive, settings: Settings
) -> None:
    run_id = runs.create(noise(), settings)
    former = drive(run_id)
    wait_until(lambda: runs.look(run_id).state == "running")
    reloaded = drive(run_id)
    former.cancel()

    def begun() -> int:
        events = read_events(runs.folder(run_id))
        return [isinstance(event, Started) for event in events].count(True)

    wait_until(lambda: begun() == 2)
    assert not reloaded.done()
    runs.stop(run_id)
    reloaded.result(PATIENCE)
    assert runs.look(run_id).state == "stopped"


def test_an_order_to_a_run_that_trains_leaves_no_second_event_standing_by(
    runs: Runs, drive: Drive, settings: Settings, tmp_path: Path
) -> None:
    tiny_model(tmp_path / "bundled" / "tiny")
    models = Models(tmp_path / "bundled", runs)
    with gr.Blocks(analytics_enabled=False):
        watch = Watch(models, GenerateTab(models), Store())
    run_id = runs.create(noise(), settings)
    page = drive(run_id)
    wait_until(lambda: runs.look(run_id).state == "running")

    async def ordered() -> list[None]:
        mine = Mine().with_run(run_id).to_browser()
        async with aclosing(watch.train_here_what_waits(mine)) as driving:
            return [each async for each in driving]

    assert in_a_loop(ordered()) == []
    assert not page.done()
    assert runs.look(run_id).state == "running"


def test_what_its_visitor_has_paused_waits_for_the_visitor(
    runs: Runs, drive: Drive, settings: Settings
) -> None:
    run_id = runs.create(noise(), settings)
    page, other = drive(run_id), drive(run_id)
    wait_until(lambda: runs.look(run_id).state == "running")
    runs.pause(run_id)
    page.result(PATIENCE)
    other.result(PATIENCE)
    assert drive(run_id).result(PATIENCE) == []
    assert runs.look(run_id).state == "paused"
    runs.resume(run_id)
    drive(run_id)
    wait_until(lambda: runs.look(run_id).state == "running")


def test_a_server_that_ends_pauses_what_trains(
    runs: Runs, drive: Drive, settings: Settings
) -> None:
    run_id = runs.create(noise(), settings)
    page = drive(run_id)
    wait_until(lambda: runs.look(run_id).state == "running")
    runs.close()
    page.result(PATIENCE)
    assert runs.look(run_id).state == "paused"
    assert paused_by(runs.folder(run_id)) == "server"


def test_no_event_holds_a_thread_and_more_runs_than_may_are_refused_and_wait(
    runs: Runs, drive: Drive, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "MOST_DRIVEN", 1)
    run_id, other = (runs.create(noise(), settings) for _ in range(2))
    drive(run_id)
    wait_until(lambda: runs.look(run_id).state == "running")
    threads = threading.active_count()
    pages = [drive(run_id) for _ in range(50)]
    with pytest.raises(BadRun, match=r"train here now: 1,.* At most 1 may"):
        drive(other).result(PATIENCE)
    assert runs.look(other).state == "queued"
    assert not any(page.done() for page in pages)
    assert threading.active_count() <= threads


def test_no_more_runs_than_a_few_wait_for_somebody_to_let_them_train(
    tmp_path: Path, settings: Settings
) -> None:
    runs = Runs(tmp_path / "runs", at_once=0)
    first = runs.create(noise(), settings)
    for _ in range(31):
        runs.create(noise(), settings)
    with pytest.raises(BadRun, match="At most 32 may wait"):
        runs.create(noise(), settings)
    runs.delete(first)
    assert runs.look(runs.create(noise(), settings)).state == "queued"
    runs.close()


def test_where_no_gpu_is_lent_a_function_stays_what_it_is() -> None:
    def task(seconds: float) -> float:
        return seconds

    assert not gpu.LENT
    assert gpu.lend(lambda seconds: seconds)(task) is task
    assert gpu.device() == "cpu"


def test_where_a_gpu_is_lent_no_step_is_timed_before_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gpu, "LENT", True)
    hopeless = TrainConfig(network_of("pyramid", resolution=256), minutes=0.05)
    assert choice.estimate(hopeless, is_from_scratch=True) == (
        f'<p class="note">{page_texts.CLOCK_LENT}</p>'
    )


def test_the_page_says_that_it_must_stay_open_where_it_lends_its_time(
    runs: Runs, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.look(runs.create(noise(), settings))
    assert texts.CLOSE_TAB in view.status_html(run)
    monkeypatch.setattr(gpu, "LENT", True)
    assert texts.KEEP_TAB in view.status_html(run)
    assert texts.WAITS_FOR_GPU in view.status_html(run)
