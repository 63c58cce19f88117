"""Runs for tests: a tiny network, pictures of noise, and states that no worker needs to reach."""

import fcntl
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gan_core.compute import Compute
from gan_core.events import Event, to_json
from gan_core.gan.checkpoint import fingerprint, save_checkpoint
from gan_core.gan.config import NetworkConfig, TrainConfig, config_to_json
from gan_core.gan.networks import build
from gan_core.gan.run import EVENTS_FILE, STOP_FILE
from gan_core.gan.snapshot import CONFIG_FILE, Snapshot, save_snapshot
from gan_core.gan.state import new_state
from gan_core.pictures import Dataset, FileReport
from ui.jobs import Runs
from ui.keeper import folders
from ui.request import Settings
from ui.run_folder import PAUSE_FILE
from ui.worker import WORKER_FILE, is_alive, kill

TINY = NetworkConfig(resolution=16, z_dim=8, width_G=4, width_D=4)
_NOBODY = 2**22 + 1  # no process has this number
PATIENCE = 180.0  # seconds: a worker imports torch first, and this machine may be busy


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def noise(n: int = 24) -> Dataset:
    """Prepared pictures of the tiny network's size, no two alike."""
    pixels = np.random.default_rng(0).integers(0, 256, (n, 16, 16, 3), np.uint8)
    return Dataset("noise", pixels, tuple(FileReport(f"{i}", "kept", "") for i in range(n)))


def tiny_model(folder: Path) -> Path:
    save_snapshot(Snapshot(TINY, *build(TINY)), folder)
    return folder


def tiny_settings(model: Path, **options: Any) -> Settings:
    return Settings(5.0, 0, str(model), "tiny", "24 pictures, 5 min", options)


def without_worker(root: Path) -> Runs:
    """Runs that nobody starts: what is done to them is seen in their folders."""
    runs = Runs(root)
    runs.close()
    return runs


def pretend(
    runs: Runs, run_id: str, events: Sequence[Event] = (), ended_by: str = "", **settings: Any
) -> Path:
    """Make a run look as if a worker had begun it, reported so much, saved, and was gone.

    ended_by: the file that says who ended it: "stop", or "user" or "server" for a pause.
    """
    folder, dataset = runs.folder(run_id), noise()
    config = replace(TrainConfig(network=TINY, batch_size=8), **settings)
    state = new_state(config, dataset.images, Compute())
    state.nimg, state.seconds = 800, 60.0
    save_checkpoint(folder, state, config, Compute(), "tiny", fingerprint(dataset.images))
    (folder / CONFIG_FILE).write_text(config_to_json(config))
    (folder / WORKER_FILE).write_text(str(_NOBODY))
    log = "".join(json.dumps(to_json(event)) + "\n" for event in events)
    (folder / EVENTS_FILE).write_text(log)
    if ended_by:
        (folder / STOP_FILE).touch()
    if ended_by in ("user", "server"):
        (folder / PAUSE_FILE).write_text(ended_by)
    return folder


def end_workers(root: Path) -> None:
    """Leave no process behind, also when a test has failed."""
    for folder in folders(root):
        if is_alive(folder):
            kill(folder)


@contextmanager
def alive(folder: Path) -> Iterator[None]:
    """Let a run that `pretend` made look as if its worker still trained."""
    with (folder / WORKER_FILE).open() as worker:
        fcntl.flock(worker, fcntl.LOCK_EX)
        yield
