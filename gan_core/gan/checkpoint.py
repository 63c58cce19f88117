"""Checkpoints: one file with everything needed to resume a run as if it had not stopped."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors.torch import save_file

from gan_core.compute import Compute
from gan_core.errors import BadRun, BadWeights
from gan_core.files import write_atomically
from gan_core.gan.config import TrainConfig, config_from_dict
from gan_core.gan.state import TrainState, state_from_tensors, state_to_tensors
from gan_core.weights import read_metadata, read_tensors

CHECKPOINT_FILE = "checkpoint.safetensors"
_FORMAT = "gan-atelier-checkpoint-1"


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


def save_checkpoint(
    folder: Path, state: TrainState, config: TrainConfig, compute: Compute, start: str
) -> None:
    """Write RUN/checkpoint.safetensors, whole or not at all. Raises: DiskFull."""
    about = {
        "config": asdict(config),
        "compute": asdict(compute),
        "start": start,
        "nimg": state.nimg,
        "seconds": state.seconds,
        "best": state.best,
        "best_kid": state.best_kid,
        "best_nimg": state.best_nimg,
    }
    metadata = {"format": _FORMAT, "checkpoint": json.dumps(about)}
    with write_atomically(folder / CHECKPOINT_FILE) as path:
        save_file(state_to_tensors(state), path, metadata)


def find_checkpoint(folder: Path) -> Checkpoint:
    """Read what RUN/checkpoint.safetensors says of its run.

    Raises: BadRun when there is none, BadWeights when it is damaged or foreign.
    """
    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        raise BadRun(
            f"{folder} holds no checkpoint.",
            f"A run that can be continued has the file {CHECKPOINT_FILE}.",
            "Check the folder's name, or start a new run.",
        )
    try:
        about = json.loads(read_metadata(path)["checkpoint"])
        return Checkpoint(
            path,
            config_from_dict(TrainConfig, about["config"]),
            Compute(**about["compute"]),
            str(about["start"]),
            int(about["nimg"]),
            float(about["seconds"]),
            float(about["best"]),
            float(about["best_kid"]),
            int(about["best_nimg"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _foreign(path) from error


def restore(checkpoint: Checkpoint, state: TrainState) -> None:
    """Overwrite a fresh state with the checkpoint's. Raises: BadWeights."""
    try:
        state_from_tensors(state, read_tensors(checkpoint.path))
    except (KeyError, RuntimeError, ValueError) as error:
        raise _foreign(checkpoint.path) from error
    state.nimg, state.seconds = checkpoint.nimg, checkpoint.seconds
    state.best, state.best_kid = checkpoint.best, checkpoint.best_kid
    state.best_nimg = checkpoint.best_nimg


def _foreign(path: Path) -> BadWeights:
    return BadWeights(
        f"{path.name} is not a checkpoint that can be resumed.",
        "It must be one that this version of GAN Atelier wrote, undamaged.",
        "Start a new run; its best snapshot, if there is one, can be the start.",
    )
