"""A run survives what can happen to it: kills, damaged checkpoints, other pictures, full disks."""

import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_core.compute import Compute
from gan_core.errors import BadRun, BadWeights, DiskFull
from gan_core.events import Adjusted, Finished, Noticed, Progress, Saved
from gan_core.files import sweep_unfinished
from gan_core.gan.checkpoint import (
    CHECKPOINT_FILE,
    PREVIOUS_FILE,
    Checkpoint,
    find_checkpoint,
    save_checkpoint,
)
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig
from gan_core.gan.run import BEST_FOLDER, EVENTS_FILE, read_events, record
from gan_core.gan.snapshot import G_FILE, load_snapshot
from gan_core.gan.start import Data
from gan_core.gan.state import new_state
from gan_core.gan.train import train
from gan_core.weights import read_tensors

CPU = Compute("cpu", "float32", True, 1)
TINY = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8)
EVERY_STEP = Cadence(report=0.0, preview=None, checkpoint=0.0, measure=None)
IMAGES = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), np.uint8)
CONFIG = TrainConfig(network=TINY, minutes=None, kimg=0.32, batch_size=8, cadence=EVERY_STEP)


def go(folder: Path, config: TrainConfig = CONFIG) -> list:
    """Begin a run in `folder`, or go on with it."""
    torch.set_num_threads(1)
    has_begun = (folder / CHECKPOINT_FILE).exists() or (folder / PREVIOUS_FILE).exists()
    start = find_checkpoint(folder) if has_begun else None
    stream = train(config, Data(IMAGES), folder, start, among=[CPU])
    return list(record(stream, folder, config))


def end_of(folder: Path) -> dict:
    return read_tensors(folder / CHECKPOINT_FILE)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    go(folder)
    return folder


# --- kills --------------------------------------------------------------------------------


def test_a_run_killed_twenty_times_ends_with_the_weights_of_one_left_alone(undisturbed, tmp_path):
    fresh = multiprocessing.get_context("forkserver")  # a fork of this one would have its threads
    fresh.set_forkserver_preload(["gan_core", "pytest", "torch._dynamo"])
    rng, folder = random.Random(0), tmp_path / "run"
    folder.mkdir()
    log, kills = folder / EVENTS_FILE, 0
    while kills < 20:
        worker = fresh.Process(target=go, args=(folder,))
        worker.start()
        grown = (log.stat().st_size if log.exists() else 0) + rng.randrange(1, 1200)
        while worker.is_alive() and not (log.exists() and log.stat().st_size >= grown):
            time.sleep(rng.random() / 1000)  # anywhere: between two steps, or inside a write
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        kills += 1
        if (folder / BEST_FOLDER / G_FILE).exists():
            load_snapshot(folder / BEST_FOLDER)
        if kills < 20 and (folder / CHECKPOINT_FILE).exists():
            assert find_checkpoint(folder).notice == ""  # no write was ever half done
    went_on = go(folder)
    assert isinstance(went_on[-1], Finished)
    ended, expected = end_of(folder), end_of(undisturbed)
    assert ended.keys() == expected.keys()
    assert all(torch.equal(ended[name], expected[name]) for name in expected)
    assert read_events(folder)[-1] == went_on[-1]
    sweep_unfinished(folder, older_than=0)
    assert not list(folder.rglob("*.tmp"))


def test_a_resumed_run_has_lost_no_more_than_came_after_its_last_checkpoint(tmp_path):
    stream = record(train(CONFIG, Data(IMAGES), tmp_path, among=[CPU]), tmp_path, CONFIG)
    saved = 0.0
    for event in stream:
        saved = event.kimg if isinstance(event, Saved) else saved
        if isinstance(event, Progress) and event.kimg > 0.1:
            break
    stream.close()
    first = next(event for event in go(tmp_path) if isinstance(event, Progress))
    assert first.kimg == pytest.approx(saved + 0.008)


# --- damage -------------------------------------------------------------------------------


@pytest.fixture
def alone(undisturbed, tmp_path) -> Path:
    """A folder with a checkpoint and none before it."""
    shutil.copy(undisturbed / CHECKPOINT_FILE, tmp_path)
    return tmp_path


@pytest.mark.parametrize("tenths", range(10))
def test_a_checkpoint_cut_anywhere_is_refused_by_name(alone, tenths):
    path = alone / CHECKPOINT_FILE
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * tenths // 10])
    with pytest.raises(BadWeights, match=CHECKPOINT_FILE):
        find_checkpoint(alone)
    assert path.exists()


@pytest.mark.parametrize("where", [0.3, 0.6, 0.99])
def test_one_wrong_bit_among_the_numbers_is_noticed(alone, where):
    path = alone / CHECKPOINT_FILE
    content = bytearray(path.read_bytes())
    header = int.from_bytes(content[:8], "little") + 8
    content[header + int((len(content) - header) * where)] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadWeights, match=f"{CHECKPOINT_FILE} is damaged"):
        find_checkpoint(alone)


def test_with_a_damaged_checkpoint_the_run_goes_on_from_the_one_before_and_says_so(
    undisturbed, tmp_path
):
    folder = tmp_path / "run"
    shutil.copytree(undisturbed, folder)
    newest = folder / CHECKPOINT_FILE
    newest.write_bytes(newest.read_bytes()[:-100])
    seen = go(folder)
    (notice,) = [event for event in seen if isinstance(event, Noticed)]
    assert CHECKPOINT_FILE in notice.text
    assert "0.3 kimg" in notice.text
    made_again, expected = end_of(folder), end_of(undisturbed)
    assert all(torch.equal(made_again[name], expected[name]) for name in expected)


def test_a_missing_newest_checkpoint_is_made_good_by_the_one_before(undisturbed, tmp_path):
    shutil.copy(undisturbed / PREVIOUS_FILE, tmp_path)
    assert find_checkpoint(tmp_path).nimg == 312


def test_a_checkpoint_of_a_later_version_asks_for_an_update(alone):
    path = alone / CHECKPOINT_FILE
    content = path.read_bytes()
    path.write_bytes(content.replace(b"checkpoint-2", b"checkpoint-7"))
    with pytest.raises(BadWeights, match=r"later version .*format 7.*Update GAN Atelier"):
        find_checkpoint(alone)


def test_a_log_with_lines_of_another_version_can_still_be_read(tmp_path):
    lines = [{"event": "Sung", "kimg": 1}, {"event": "Saved", "kimg": 2, "what": "best"}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / EVENTS_FILE).write_text(text)
    assert read_events(tmp_path) == [Saved(2, "best")]


def test_only_what_dead_writers_left_is_swept(tmp_path):
    old, young = tmp_path / ".a.png.00.tmp", tmp_path / ".b.png.11.tmp"
    for path in (old, young):
        path.touch()
    os.utime(old, (0, 0))
    sweep_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [young.name]


# --- what has changed meanwhile -----------------------------------------------------------


def test_other_pictures_than_before_are_refused_with_both_counts(undisturbed, tmp_path):
    start = find_checkpoint(undisturbed)
    stream = train(CONFIG, Data(IMAGES[:20]), tmp_path, start, among=[CPU])
    with pytest.raises(BadRun, match=r"20 pictures of 16 px.* now, 24 pictures of 16 px.* then"):
        next(stream)


def test_settings_that_differ_on_resuming_are_named(undisturbed, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(undisturbed, folder)
    changed = TrainConfig(
        network=TINY, minutes=None, kimg=0.328, batch_size=8, lr_G=1e-4, cadence=EVERY_STEP
    )
    (adjusted,) = [event for event in go(folder, changed) if isinstance(event, Adjusted)]
    assert adjusted.before == {"kimg": 0.32, "lr_G": 2e-4}
    assert adjusted.after == {"kimg": 0.328, "lr_G": 1e-4}
    assert adjusted.by == "user"


VARIANTS = {
    "frozen": {"freeze_D": 1},
    "norms": {"train_G": "batch-norm"},
    "lecam": {"lecam": 0.1},
    "relativistic": {"loss": "relativistic", "r1_gamma": 0.1, "r2_gamma": 0.1},
    "part": {"augment_p": 0.5, "mirror": True},
    "skipped": {"skip_D_below": 1.4},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_with_every_lever_a_resumed_run_equals_the_uninterrupted_one(tmp_path, changes):
    settings = {"network": TINY, "minutes": None, "batch_size": 8, "cadence": EVERY_STEP, **changes}
    whole, half = tmp_path / "whole", tmp_path / "half"
    go(whole, TrainConfig(kimg=0.16, **settings))
    go(half, TrainConfig(kimg=0.08, **settings))
    go(half, TrainConfig(kimg=0.16, **settings))
    first, second = end_of(whole), end_of(half)
    assert all(torch.equal(first[name], second[name]) for name in first)


# --- no room ------------------------------------------------------------------------------


def test_a_disk_that_fills_up_leaves_the_last_checkpoint_whole(undisturbed, tmp_path):
    """The system's own limit on a file's size stands in for the disk: it fails inside the write."""
    folder = tmp_path / "run"
    shutil.copytree(undisturbed, folder)
    before = find_checkpoint(folder)
    state = new_state(CONFIG, IMAGES, CPU)
    size = (folder / CHECKPOINT_FILE).stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 8, hard))
    try:
        with pytest.raises(DiskFull, match=CHECKPOINT_FILE):
            save_checkpoint(folder, state, CONFIG, CPU, "scratch")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert find_checkpoint(folder) == before
    assert not list(folder.glob("*.tmp"))
    save_checkpoint(folder, state, CONFIG, CPU, "scratch")
    assert isinstance(find_checkpoint(folder), Checkpoint)
