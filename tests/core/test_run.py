"""A run's folder: what is written, read back and stopped."""

import json
import os
import shutil

import numpy as np
import pytest

from gan_core.compute import Compute
from gan_core.errors import BadRun
from gan_core.events import Finished, Measured, Preview, Progress, Started, to_json
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig, config_to_json
from gan_core.gan.run import (
    is_stop_requested,
    read_config,
    read_events,
    record,
    request_stop,
)
from gan_core.gan.start import Data
from gan_core.gan.train import train
from gan_core.pictures import read_png_metadata

CONFIG = TrainConfig(
    network=NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8),
    minutes=None,
    kimg=0.032,
    batch_size=8,
    cadence=Cadence(0, 0, 0, 0),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    images = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), np.uint8)
    among = [Compute("cpu", "float32", True, 1)]
    return folder, list(record(train(CONFIG, Data(images), folder, among=among), folder, CONFIG))


def test_the_log_holds_what_was_yielded_pixels_apart(finished):
    folder, seen = finished
    logged = read_events(folder)
    assert [type(event) for event in logged] == [type(event) for event in seen]
    assert isinstance(logged[0], Started)
    assert isinstance(logged[-1], Finished)


def test_a_run_whose_folder_is_deleted_ends_and_says_so(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), np.uint8)
    stream = train(CONFIG, Data(images), folder, among=[Compute("cpu", "float32", True, 1)])
    recorded = record(stream, folder, CONFIG)
    next(recorded)
    shutil.rmtree(folder)
    with pytest.raises(BadRun, match="gone was deleted"):
        list(recorded)


def test_every_preview_is_a_png_that_says_its_kimg(finished):
    folder, _ = finished
    previews = [event for event in read_events(folder) if isinstance(event, Preview)]
    assert len({preview.file for preview in previews}) > 2
    for preview in previews:
        assert read_png_metadata(folder / preview.file)["kimg"] == f"{preview.kimg:.3f}"


def test_the_settings_lie_in_the_folder_and_what_the_run_started_from(finished):
    folder, _ = finished
    assert read_config(folder) == CONFIG
    assert json.loads((folder / "config.json").read_text())["start"] == "scratch"


def test_settings_of_an_older_run_do_not_say_what_it_started_from_and_are_read_all_the_same(
    tmp_path,
):
    (tmp_path / "config.json").write_text(config_to_json(CONFIG))
    assert read_config(tmp_path) == CONFIG


@pytest.mark.parametrize("content", [None, "{", "[]", '{"of": "another version"}'])
def test_settings_that_cannot_be_read_are_explained(tmp_path, content):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(BadRun, match=r"The settings of the run .* cannot be read"):
        read_config(tmp_path)


def measured(kimg: float, is_best: bool) -> Measured:
    return Measured(kimg, kimg, 0.5, 0.4, 0.6, 0.6, 0.0, 1.0, 0.9, 24, 64, "colours", is_best)


def progress(kimg: float) -> Progress:
    return Progress(kimg, kimg, 9.0, 200.0, 0.6, 2.5, 0.7, 0.2, 0.7, 0.0, 5.0, 5.0)


def started(kimg: float) -> Started:
    return Started("", 24, 16, 8, 0, "scratch", None, 9.0, kimg, kimg)


def test_what_a_crash_undid_is_not_read_but_for_what_was_measured_of_the_best(tmp_path):
    before = [started(0), progress(1), progress(2), measured(2, False), measured(2.5, True)]
    after = [started(1.5), progress(1.6)]
    lines = [json.dumps(to_json(event)) + "\n" for event in before + after]
    (tmp_path / "events.jsonl").write_text("".join(lines))
    expected = [started(0), progress(1), measured(2.5, True), *after]
    assert read_events(tmp_path) == expected


def test_previews_that_a_crash_undid_are_removed_when_the_run_goes_on(tmp_path):
    (tmp_path / "samples").mkdir()
    for nimg in (0, 1500, 1501, 12000):
        (tmp_path / "samples" / f"{nimg:09d}.png").touch()
    list(record([started(1.5)], tmp_path, CONFIG))
    left = sorted(path.name for path in (tmp_path / "samples").iterdir())
    assert left == ["000000000.png", "000001500.png"]


def test_a_line_still_being_written_is_left_for_the_next_time(finished, tmp_path):
    text = (finished[0] / "events.jsonl").read_text()
    (tmp_path / "events.jsonl").write_text(text + '{"event": "Prog')
    assert len(read_events(tmp_path)) == len(read_events(finished[0]))


def test_a_resumed_run_does_not_lose_its_first_line_in_half_an_old_one(tmp_path):
    (tmp_path / "events.jsonl").write_text('{"event": "Saved", "kimg": 1, "what": "best"}\n{"eve')
    list(record([Finished(2.0, 0.0, False, None)], tmp_path, CONFIG))
    assert [event.kimg for event in read_events(tmp_path)] == [1, 2]


def test_a_resumed_run_that_has_not_reported_yet_leaves_its_whole_log_as_old_as_it_was(tmp_path):
    log = tmp_path / "events.jsonl"
    log.write_text('{"event": "Saved", "kimg": 1, "what": "best"}\n')
    os.utime(log, (1, 1))
    seen = []

    def loading():
        seen.append(log.stat().st_mtime)
        yield Finished(2.0, 0.0, False, None)

    list(record(loading(), tmp_path, CONFIG))
    assert seen == [1]


def test_a_folder_without_a_log_is_refused(tmp_path):
    with pytest.raises(BadRun, match="holds no run"):
        read_events(tmp_path)


def test_a_new_part_of_a_run_forgets_an_old_wish_to_stop(tmp_path):
    request_stop(tmp_path)
    assert is_stop_requested(tmp_path)
    list(record([Finished(0.0, 0.0, False, None)], tmp_path, CONFIG))
    assert not is_stop_requested(tmp_path)


def test_a_part_that_heeds_an_earlier_wish_to_stop_leaves_it_there(tmp_path):
    request_stop(tmp_path)
    list(record([Finished(0.0, 0.0, False, None)], tmp_path, CONFIG, heeds_stop=True))
    assert is_stop_requested(tmp_path)
