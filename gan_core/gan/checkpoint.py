"""Checkpoints: one file with everything needed to resume a run as if it had not stopped.

The one before is kept beside the newest, should the disk have damaged that. A checkpoint knows its
own digest, and which pictures it learned from.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from gan_core.compute import Compute
from gan_core.errors import BadRun, BadWeights
from gan_core.files import write_atomically
from gan_core.gan.config import TrainConfig, config_from_dict
from gan_core.gan.state import TrainState, state_from_tensors, state_to_tensors
from gan_core.weights import read_metadata, read_tensors

CHECKPOINT_FILE = "checkpoint.safetensors"
PREVIOUS_FILE = "checkpoint-before.safetensors"
_FORMAT, _VERSION = "gan-atelier-checkpoint-", 2


class _LaterVersion(BadWeights):
    """Not for us to read; going on from the one before it would overwrite what was learned."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says of its run; the tensors stay in the file until `restore`."""

    path: Path
    config: TrainConfig
    compute: Compute
    start: str  # what the run began from, for the record
    nimg: int
    seconds: float
    best: float
    best_kid: float
    best_nimg: int
    best_is_late: bool
    pictures: str = ""  # the `fingerprint` of what it learns from; "" if it is not known
    notice: str = ""  # why it is not the newest, if it is not


def fingerprint(images: NDArray[np.uint8]) -> str:
    """Tell sets of pictures, uint8 [N, S, S, 3], apart: by number, and a digest of the pixels."""
    digest = hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()
    return f"{len(images)} pictures of {images.shape[1]} px, {digest[:12]}"


def save_checkpoint(
    folder: Path,
    state: TrainState,
    config: TrainConfig,
    compute: Compute,
    start: str,
    pictures: str = "",
) -> None:
    """Write RUN/checkpoint.safetensors, whole or not at all, and keep the one before.

    pictures: the `fingerprint` of those it learns from. Raises: DiskFull.
    """
    tensors = state_to_tensors(state)
    about = {
        "config": asdict(config),
        "compute": asdict(compute),
        "start": start,
        "nimg": state.nimg,
        "seconds": state.seconds,
        "best": state.best,
        "best_kid": state.best_kid,
        "best_nimg": state.best_nimg,
        "best_is_late": state.best_is_late,
        "pictures": pictures,
        "digest": _digest(tensors),
    }
    text = json.dumps(about)
    metadata = {"format": f"{_FORMAT}{_VERSION}", "checkpoint": text, "seal": _seal(text)}
    with write_atomically(folder / CHECKPOINT_FILE) as path:
        save_file(tensors, path, metadata)
        _keep_previous(folder)


def has_checkpoint(folder: Path) -> bool:
    """Whether there is a checkpoint to try, sound or not; the one before the newest will do."""
    return any((folder / name).is_file() for name in (CHECKPOINT_FILE, PREVIOUS_FILE))


def find_checkpoint(folder: Path, is_glance: bool = False) -> Checkpoint:
    """Read what a run's newest sound checkpoint says; `notice` tells if that is the one before.

    is_glance: only what it says is read and checked, at once however large it is; whether its
    tensors are sound is not known then.

    Raises: BadRun when there is none, BadWeights when none is sound: damaged, foreign, or of a
    later version.
    """
    newest, before = folder / CHECKPOINT_FILE, folder / PREVIOUS_FILE
    if not has_checkpoint(folder):
        raise BadRun(
            f"{folder} holds no checkpoint.",
            f"A run that can be continued has the file {CHECKPOINT_FILE}.",
            "Check the folder's name, or start a new run.",
        )
    try:
        return _read(newest, is_glance)
    except _LaterVersion:
        raise
    except BadWeights as error:
        if not before.is_file():
            raise
        try:
            found = _read(before, is_glance)
        except BadWeights:
            raise error from None
        return replace(
            found,
            notice=f"{error.what} The run goes on from the checkpoint before it, at"
            f" {found.nimg / 1000:.1f} kimg.",
        )


def restore(checkpoint: Checkpoint, state: TrainState) -> None:
    """Overwrite a fresh state with the checkpoint's. Raises: BadWeights."""
    try:
        state_from_tensors(state, read_tensors(checkpoint.path))
    except (KeyError, RuntimeError, ValueError) as error:
        raise _foreign(checkpoint.path) from error
    state.nimg, state.seconds = checkpoint.nimg, checkpoint.seconds
    state.best, state.best_kid = checkpoint.best, checkpoint.best_kid
    state.best_nimg = checkpoint.best_nimg
    state.best_is_late = checkpoint.best_is_late


def require_same_pictures(checkpoint: Checkpoint, images: NDArray[np.uint8]) -> None:
    """Raises: BadRun when a run would go on with other pictures than it has learned from."""
    now = fingerprint(images)
    if checkpoint.pictures and checkpoint.pictures != now:
        raise BadRun(
            f"The pictures are not those this run learned from: {now} now,"
            f" {checkpoint.pictures} then.",
            "A run goes on with its own pictures.",
            "Put these back, or start a new run from this one's model.",
        )


def _read(path: Path, is_glance: bool = False) -> Checkpoint:
    """Read one file, all of it: only then is it known to be sound; or, at a glance, what it says.

    Raises: BadWeights.
    """
    metadata = read_metadata(path)
    version = metadata.get("format", "").removeprefix(_FORMAT)
    if version.isdigit() and int(version) > _VERSION:
        raise _LaterVersion(
            f"{path.name} was written by a later version of GAN Atelier (format {version}).",
            f"This one reads formats up to {_VERSION}.",
            "Update GAN Atelier, and continue the run then.",
        )
    try:
        text = metadata["checkpoint"]
        if "seal" in metadata and metadata["seal"] != _seal(text):
            raise _damaged(path)
        about = json.loads(text)
        if not is_glance:
            _require_sound(path, about)
        return Checkpoint(
            path,
            _config(path, about["config"]),
            Compute(**about["compute"]),
            str(about["start"]),
            int(about["nimg"]),
            float(about["seconds"]),
            float(about.get("best", "inf")),
            float(about["best_kid"]),
            int(about["best_nimg"]),
            bool(about.get("best_is_late", True)),  # not told by an earlier version: keep it
            str(about.get("pictures", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _foreign(path) from error


def _require_sound(path: Path, about: Mapping[str, Any]) -> None:
    if "digest" in about and _digest(read_tensors(path)) != about["digest"]:
        raise _damaged(path)


def _config(path: Path, values: Mapping[str, Any]) -> TrainConfig:
    try:
        return config_from_dict(TrainConfig, values)
    except BadWeights as error:  # it speaks of settings, and does not know of which file
        raise BadWeights(f"{path.name}: {error.what}", error.expected, error.advice) from error


def _seal(text: str) -> str:
    """A digest of what a checkpoint says of its run: one wrong bit there is another kimg."""
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _keep_previous(folder: Path) -> None:
    """Give the newest checkpoint a second name: at no moment is there none under its own.

    A damaged one is not kept: the run then goes on from the one before, which alone is sound until
    the next has its name.
    """
    newest, before = folder / CHECKPOINT_FILE, folder / PREVIOUS_FILE
    if not newest.exists():
        return
    try:
        _read(newest)
    except BadWeights:
        return
    second = folder / f".{PREVIOUS_FILE}.tmp"
    second.unlink(missing_ok=True)
    try:
        os.link(newest, second)
    except OSError:  # not every file system can
        with write_atomically(before) as copy:
            shutil.copyfile(newest, copy)
        return
    second.replace(before)


def _damaged(path: Path) -> BadWeights:
    return BadWeights(
        f"{path.name} is damaged: its content is not what was written.",
        "Its numbers must have the digest that it names.",
        "Continue from a copy of the run, or start a new one from its best snapshot.",
    )


def _foreign(path: Path) -> BadWeights:
    return BadWeights(
        f"{path.name} is not a checkpoint that can be resumed.",
        "It must be one that this version of GAN Atelier wrote, undamaged.",
        "Start a new run; its best snapshot, if there is one, can be the start.",
    )
