"""What the leader of a team tells the others, and what they do: the same steps with the same state.

The leader says once what is trained from which state, then before every step "go on", and sometimes
other settings. Nobody else reads the pictures' files, the command's options or the run's folder.
"""

import json
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save

from gan_core.compute import Compute
from gan_core.gan.config import TrainConfig, config_from_dict, config_to_json
from gan_core.gan.state import TrainState, new_state, state_from_tensors, state_to_tensors
from gan_core.gan.steps import train_step
from gan_core.gan.team import Launched, Team


def begin(
    team: Team, config: TrainConfig, compute: Compute, images: NDArray[np.uint8], state: TrainState
) -> None:
    """Let the others begin with the leader's pictures and state."""
    if team.size == 1:
        return
    tensors = torch.frombuffer(bytearray(save(state_to_tensors(state))), dtype=torch.uint8)
    about = {
        "config": asdict(config),
        "compute": asdict(compute),
        "nimg": state.nimg,
        "images": images.shape,
        "bytes": len(tensors),
    }
    team.tell(json.dumps(about))
    team.spread(torch.from_numpy(np.ascontiguousarray(images)))
    team.spread(tensors)


def change(team: Team, config: TrainConfig) -> None:
    """Let the others go on with other settings."""
    team.tell(config_to_json(config))


class _Run(NamedTuple):
    state: TrainState
    config: TrainConfig
    compute: Compute


def follow(team: Launched) -> TrainState | None:
    """Do what the leader says until it is done. Returns the state at the end, None if none began.

    Raises: BadRun when the leader or another process is gone.
    """
    run: _Run | None = None
    while (told := team.hear()) is not None:
        if told:
            run = _taken(json.loads(told), team, run)
        else:
            assert run is not None
            train_step(*run)
    return run.state if run is not None else None


def _taken(about: dict[str, Any], team: Launched, run: _Run | None) -> _Run:
    """What there is to be done from now on: a run that begins, or other settings of this one."""
    if "bytes" not in about:
        assert run is not None
        run = run._replace(config=config_from_dict(TrainConfig, about))
        run.state.follow(run.config)
        return run
    config, compute = config_from_dict(TrainConfig, about["config"]), Compute(**about["compute"])
    torch.set_num_threads(compute.threads)
    images = np.empty(about["images"], np.uint8)
    tensors = torch.empty(about["bytes"], dtype=torch.uint8)
    team.spread(torch.from_numpy(images))
    team.spread(tensors)
    state = new_state(config, images, compute, team=team)
    state_from_tensors(state, load(tensors.numpy().tobytes()))
    state.nimg = about["nimg"]
    return _Run(state, config, compute)
