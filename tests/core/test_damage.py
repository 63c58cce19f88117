"""What is damaged, old, foreign or gone is named, and costs no more than it must."""

import json
import random
import re
import resource
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gan_core.compute import Compute
from gan_core.errors import BadWeights, DiskFull
from gan_core.events import Failed, Finished, Measured, Noticed, Saved
from gan_core.gan.checkpoint import (
    CHECKPOINT_FILE,
    PREVIOUS_FILE,
    find_checkpoint,
    fingerprint,
    require_same_pictures,
    restore,
    save_checkpoint,
)
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig
from gan_core.gan.networks import build
from gan_core.gan.run import DATASET_FILE, EVENTS_FILE, read_events, record
from gan_core.gan.snapshot import Snapshot, save_snapshot
from gan_core.gan.start import Data
from gan_core.gan.state import new_state, state_to_tensors
from gan_core.gan.train import train
from gan_core.pictures import read_dataset, save_dataset
from gan_core.weights import read_metadata, read_tensors

CPU = Compute("cpu", "float32", True, 1)
TINY = NetworkConfig(resolution=16, z_dim=8, width_G=8, width_D=8)
CONFIG = TrainConfig(
    network=TINY, minutes=None, kimg=0.032, batch_size=8, cadence=Cadence(0, 0, 0, None)
)
IMAGES = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), np.uint8)
SAVED_LINE = json.dumps({"event": "Saved", "kimg": 2, "what": "best"}) + "\n"
LOGS = sorted((Path(__file__).resolve().parents[2] / "weights").glob("*/events*.jsonl"))


def save(folder: Path, nimg: int) -> None:
    state = new_state(CONFIG, IMAGES, CPU)
    state.nimg = nimg
    save_checkpoint(folder, state, CONFIG, CPU, "scratch", fingerprint(IMAGES))


@pytest.fixture
def saved(tmp_path) -> Path:
    """A run saved twice, at 8 and 16 images."""
    save(tmp_path, 8)
    save(tmp_path, 16)
    return tmp_path


# --- checkpoints --------------------------------------------------------------------------


def test_a_damaged_checkpoint_never_takes_the_place_of_the_sound_one_before_it(saved):
    newest = saved / CHECKPOINT_FILE
    newest.write_bytes(newest.read_bytes()[:-100])
    save(saved, 24)  # were it cut off before the end, the one of 8 images is all there is
    newest.write_bytes(newest.read_bytes()[:-100])
    assert find_checkpoint(saved).nimg == 8


def test_a_glance_reads_what_a_checkpoint_says_and_not_its_tensors(saved):
    path, whole = saved / CHECKPOINT_FILE, find_checkpoint(saved)
    assert find_checkpoint(saved, is_glance=True) == whole
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert find_checkpoint(saved).nimg == 8
    assert find_checkpoint(saved, is_glance=True) == whole
    path.write_bytes(content[:-100])  # cut off: that is seen at a glance
    assert find_checkpoint(saved, is_glance=True).nimg == 8


def test_one_wrong_bit_in_the_header_is_never_taken_for_another_run(saved):
    (saved / PREVIOUS_FILE).unlink()
    path, expected = saved / CHECKPOINT_FILE, find_checkpoint(saved)
    whole, rng = path.read_bytes(), random.Random(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    for _ in range(300):
        content = bytearray(whole)
        content[rng.randrange(header)] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        try:
            assert find_checkpoint(saved) == expected  # padding, or a key nothing hangs on
        except BadWeights as error:
            assert CHECKPOINT_FILE in str(error)


def test_a_later_version_is_not_passed_over_for_an_older_checkpoint(saved):
    path = saved / CHECKPOINT_FILE
    path.write_bytes(path.read_bytes().replace(b"checkpoint-2", b"checkpoint-7"))
    with pytest.raises(BadWeights, match="Update GAN Atelier"):
        find_checkpoint(saved)


def test_a_checkpoint_of_the_first_version_is_resumed_with_defaults_for_what_it_lacks(saved):
    path = saved / CHECKPOINT_FILE
    about, tensors = json.loads(read_metadata(path)["checkpoint"]), read_tensors(path)
    for name in ("pictures", "digest", "best"):
        del about[name]
    for name in ("r2_gamma", "lecam", "freeze_D", "train_G", "augment_p", "autopilot"):
        del about["config"][name]
    del tensors["mean_logits"]
    metadata = {"format": "gan-atelier-checkpoint-1", "checkpoint": json.dumps(about)}
    save_file(tensors, path, metadata)
    found = find_checkpoint(saved)
    assert (found.nimg, found.notice, found.config) == (16, "", CONFIG)
    require_same_pictures(found, IMAGES[:20])  # it cannot know, and does not claim to
    state = new_state(CONFIG, IMAGES, CPU)
    restore(found, state)
    now = state_to_tensors(state)
    assert all(torch.equal(now[name], tensors[name]) for name in tensors)


# --- the log ------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [b"3", b"null", b"[1]", b"\0" * 40, b'{"eve', b"\xff"])
def test_damaged_lines_do_not_hide_the_others_and_are_counted(tmp_path, line):
    (tmp_path / EVENTS_FILE).write_bytes(line + b"\n" + SAVED_LINE.encode() + line + b"\n")
    saved, noticed = read_events(tmp_path)
    assert saved == Saved(2, "best")
    assert isinstance(noticed, Noticed)
    assert noticed.text.startswith("2 lines")


def test_a_record_that_names_no_event_is_passed_over(tmp_path):
    (tmp_path / EVENTS_FILE).write_text('{"event": ["x"]}\n' + SAVED_LINE)
    assert read_events(tmp_path) == [Saved(2, "best")]


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_logs_from_before_a_measurement_had_an_interval_lose_only_their_measurements(log, tmp_path):
    shutil.copy(log, tmp_path / EVENTS_FILE)
    kinds = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    read = [type(event).__name__ for event in read_events(tmp_path)]
    kept = [kind for kind in kinds if kind != Measured.__name__]
    assert [kind for kind in read if kind != Measured.__name__] == kept


# --- no room ------------------------------------------------------------------------------


def go(folder: Path, kimg: float, measure: float | None = None) -> str:
    """Begin or go on with a run to its end; returns what went wrong, "" if nothing did."""
    start = find_checkpoint(folder) if (folder / CHECKPOINT_FILE).exists() else None
    config = replace(CONFIG, kimg=kimg, cadence=Cadence(0, 0, 0, measure))
    try:
        events = list(
            record(train(config, Data(IMAGES), folder, start, among=[CPU]), folder, config)
        )
    except DiskFull as error:
        return str(error)
    assert isinstance(events[-1], Failed | Finished)
    return events[-1].reason if isinstance(events[-1], Failed) else ""


@pytest.mark.parametrize(
    ("limit", "named"),
    [
        (100, r"config\.json"),
        (2000, r"\d{9}\.png"),
        (5000, r"discriminator\.safetensors"),
        (20_000, r"events\.jsonl"),
        (60_000, r"checkpoint\.safetensors"),
    ],
)
def test_a_disk_full_in_any_write_is_told_by_name_and_the_run_goes_on_afterwards(
    tmp_path, limit, named
):
    """The system's own limit on a file's size stands in for the disk: it fails inside the write."""
    assert go(tmp_path, 0.016) == ""
    before = find_checkpoint(tmp_path)
    (tmp_path / EVENTS_FILE).write_text(SAVED_LINE * (500 if "events" in named else 1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        told = go(tmp_path, 0.032, measure=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert re.search(f"no room to write {named}", told), told
    assert find_checkpoint(tmp_path) == before
    assert not list(tmp_path.rglob("*.tmp"))
    assert go(tmp_path, 0.032) == ""
    assert find_checkpoint(tmp_path).nimg == 32
    assert isinstance(read_events(tmp_path)[-1], Finished)


# --- the command line ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("damage")


@pytest.fixture
def run_folder(atelier, picture_folder, place, tmp_path) -> Path:
    """A copy of a short run on pictures whose folder was deleted afterwards; made once."""
    made = place / "run"
    if not made.exists():
        save_snapshot(Snapshot(TINY, *build(TINY)), place / "tiny")
        words = ("--start", place / "tiny", "--kimg", 0.1, "--batch-size", 8)
        done = atelier("train", picture_folder, "--out", made, *words)
        assert done.code == 0, done.err
    shutil.rmtree(picture_folder)
    return Path(shutil.copytree(made, tmp_path / "run"))


def test_a_run_goes_on_without_the_folder_its_pictures_came_from(atelier, run_folder):
    done = atelier("train", "--resume", "--out", run_folder, "--kimg", 0.12)
    assert done.code == 0, done.err


def test_a_run_whose_own_pictures_changed_or_are_gone_is_refused_and_keeps_what_it_has(
    atelier, run_folder
):
    path = run_folder / DATASET_FILE
    dataset = read_dataset(path)
    save_dataset(replace(dataset, images=dataset.images[:20]), path)
    changed = atelier("train", "--resume", "--out", run_folder, "--kimg", 0.12)
    assert changed.code == 2
    assert re.search(r"20 pictures .* now,\s+24 pictures .* then", changed.err)
    path.unlink()
    gone = atelier("train", "--resume", "--out", run_folder, "--kimg", 0.12)
    assert (gone.code, DATASET_FILE in gone.err) == (2, True)
    assert find_checkpoint(run_folder).nimg >= 100


def test_a_run_killed_before_its_first_checkpoint_is_not_advised_to_resume(atelier, run_folder):
    for name in (CHECKPOINT_FILE, PREVIOUS_FILE):
        (run_folder / name).unlink(missing_ok=True)
    refused = atelier("train", run_folder / DATASET_FILE, "--out", run_folder)
    assert (refused.code, "before its first checkpoint" in refused.err) == (2, True)
    assert "--resume" not in refused.err


def test_pretraining_goes_on_from_the_checkpoint_before_and_keeps_its_network(
    atelier, picture_folder, tmp_path
):
    words = ("pretrain", picture_folder, "--out", tmp_path / "pre")
    sizes = ("--resolution", 16, "--width-g", 8, "--width-d", 8, "--held-out", 4, "--batch-size", 8)
    first = atelier(*words, *sizes, "--kimg", 0.02)
    assert first.code == 0, first.err
    other = atelier(*words, "--width-g", 16, "--kimg", 0.04)
    assert (other.code, "width_G = 8, and 16" in other.err) == (2, True)
    (tmp_path / "pre" / CHECKPOINT_FILE).rename(tmp_path / "pre" / PREVIOUS_FILE)
    second = atelier(*words, *sizes, "--kimg", 0.04)
    assert second.code == 0, second.err
    assert "Resumed at 0.0" in second.out
