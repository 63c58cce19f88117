"""All that changes during a training run, and how it becomes named tensors and back.

`TrainState` holds what a checkpoint must hold for the resumed run to equal the uninterrupted one:
both networks, the moving average, both optimisers, the random generator, the data order, counters.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.swa_utils import get_ema_multi_avg_fn

from gan_core.compute import Compute
from gan_core.errors import BadSetting
from gan_core.gan import networks
from gan_core.gan.config import TrainConfig, enlarged
from gan_core.gan.growth import Stage, begins_at, learned_side, stage_at
from gan_core.gan.snapshot import Snapshot, require_same
from gan_core.gan.team import ALONE, Team
from gan_core.gan.whole_batch import normalise_together
from gan_core.pictures.batches import Batches

_LOGITS_KEPT = 0.99  # a step; the decay of Tseng et al. 2021's code


@dataclass
class TrainState:
    """The networks and their company in mid-training."""

    G: nn.Module
    D: nn.Module
    G_ema: nn.Module
    opt_G: Adam
    opt_D: Adam
    rng: torch.Generator  # on the CPU; latents and data order come from it, in all of a team alike
    own_rng: torch.Generator  # augmentation and networks' noise; the same one, if alone
    batches: Batches
    mean_logits: Tensor  # [2]: D's of real and of fake pictures, averaged; for LeCam
    team: Team = ALONE
    nimg: int = 0  # real pictures shown to D
    seconds: float = 0.0
    best: float = float("inf")  # the best snapshot's `metrics.shortfall`
    best_kid: float = float("inf")
    best_nimg: int = 0  # when that was
    best_is_late: bool = False  # whether that was in the second half of the run

    def is_finite(self) -> bool:
        """Whether every weight and statistic of the networks is a number."""
        tensors = [t for net in (self.G, self.D, self.G_ema) for t in _floats(net)]
        return all(bool(tensor.detach().isfinite().all()) for tensor in tensors)

    def follow(self, config: TrainConfig) -> None:
        """Take over what of the settings is kept outside of them: learning rates, what is held."""
        self.hold_D(False, config)
        hold_G(self.G, config)
        for optimiser, lr in ((self.opt_G, config.lr_G), (self.opt_D, config.lr_D)):
            for group in optimiser.param_groups:
                group["lr"] = lr

    def grow(self, config: TrainConfig) -> Stage | None:
        """Set both networks and the average to the stage they are at; None if they do not grow."""
        stage = stage_at(self.nimg, config)
        if stage is not None:
            for network in (self.G, self.D, self.G_ema):
                networks.grow(network, stage.side, stage.fade)
        return stage

    def hold_D(self, is_held: bool, config: TrainConfig) -> None:
        """Hold all of D still, or let it learn but for its `freeze_D` lowest blocks.

        That few pictures are learned better when D's lower layers stay as they were pretrained is
        FreezeD's finding (Mo et al. 2020, arXiv:2002.10964).
        """
        for block, parameters in enumerate(networks.blocks(self.D)):
            for parameter in parameters:
                parameter.requires_grad_(not is_held and block >= config.freeze_D)

    def remember_logits(self, logits_real: Tensor, logits_fake: Tensor) -> None:
        """Move the averages of D's logits on; they begin at 0, where D does not know."""
        now = torch.stack(
            [logits_real.detach().float().mean(), logits_fake.detach().float().mean()]
        )
        self.team.average([now])
        self.mean_logits = self.mean_logits.lerp(now, 1 - _LOGITS_KEPT)

    def averages(self) -> list[Tensor]:
        """The statistics that G and D keep by themselves, of their own part of each batch."""
        buffers = (*self.G.buffers(), *self.D.buffers())
        return [buffer for buffer in buffers if buffer.is_floating_point()]

    def update_ema(self, config: TrainConfig, batch_size: int) -> None:
        """Move G_ema towards G. Batch-norm statistics are averaged in the same way.

        The half-life is capped at a share of the images seen so far (a rule of the code of Karras
        et al. 2020, ADA), so that the untrained beginning does not drag the average down.
        Differs from the StyleGAN line: their nets have no buffers, a DCGAN's must follow.
        """
        halflife = min(config.ema_halflife_kimg * 1000, self.nimg * config.ema_rampup)
        decay = 0.5 ** (batch_size / halflife) if halflife > 0 else 0.0
        averaged, current = _floats(self.G_ema), _floats(self.G)
        with torch.no_grad():
            get_ema_multi_avg_fn(decay)(averaged, current, 0)
            for mean, now in zip(self.G_ema.buffers(), self.G.buffers(), strict=True):
                if not mean.is_floating_point():
                    mean.copy_(now)


def hold_G(G: nn.Module, config: TrainConfig) -> None:
    """Let all of G learn, or only the scale and shift of its batch norms.

    The latter keeps G's filters as they are: Noguchi and Harada 2019 (arXiv:1904.01774), for the
    smallest sets.
    """
    norms = (nn.BatchNorm1d, nn.BatchNorm2d)
    for module in G.modules():
        is_free = config.train_G == "all" or isinstance(module, norms)
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(is_free)


def new_state(
    config: TrainConfig,
    images: NDArray[np.uint8],
    compute: Compute,
    start: Snapshot | None = None,
    team: Team = ALONE,
) -> TrainState:
    """Set up a run from scratch, or from a snapshot's G and, where it has one, D.

    A network that grows may start from a smaller one: what they have in common is taken over.

    Raises: BadWeights when the snapshot is of another network than the configuration, BadSetting
    when it is smaller and the run does not begin at its size.
    """
    G, D = networks.build(config.network, config.seed)
    if start is not None:
        _take_over(start, G, D, config)
    G, D = compute.place_module(G).train(), compute.place_module(D).train()
    rng = torch.Generator().manual_seed(config.seed)
    own_rng = team.own_rng(rng)
    state = TrainState(
        G=G,
        D=D,
        G_ema=copy.deepcopy(G).eval().requires_grad_(False),
        opt_G=_adam(G, config.lr_G, config),
        opt_D=_adam(D, config.lr_D, config),
        rng=rng,
        own_rng=own_rng,
        batches=Batches(images, rng),
        mean_logits=torch.zeros(2, device=compute.device),
        team=team,
    )
    for network in (G, D):
        networks.draw_from(network, own_rng)
        if team.size > 1:
            normalise_together(network, team)
    state.follow(config)
    state.grow(config)
    return state


def _take_over(start: Snapshot, G: nn.Module, D: nn.Module, config: TrainConfig) -> None:
    """Copy what a snapshot has learned; of a smaller one, into the part that both have."""
    have, whole = start.network, config.network
    require_same(enlarged(have, whole.resolution), whole)
    if config.grow_from or begins_at(start.G, have.resolution, whole.resolution):
        require_begun(start, config)
    for network, trained in ((G, start.G), (D, start.D)):
        if trained is not None:
            network.load_state_dict(trained.state_dict(), strict=whole == have)


def require_begun(start: Snapshot, config: TrainConfig) -> None:
    """Compare where a run begins to grow with what its start has learned. Raises: BadSetting."""
    learned = learned_side(start.G, start.network.resolution)
    if not 0 < config.grow_from <= learned:
        begins = config.grow_from or config.network.resolution
        raise BadSetting(
            f"The run would begin at {begins} px, and the model it starts from has learned"
            f" {learned} px.",
            f"On the way to {config.network.resolution} px it must begin at what is learned.",
            f"Give {learned} as the first side (grow_from), or less.",
        )


def state_to_tensors(state: TrainState) -> dict[str, Tensor]:
    """Name every tensor of the state: "G.main.0.weight", "opt_D.3.exp_avg", "rng", "waiting"."""
    tensors: dict[str, Tensor] = {
        "rng": state.rng.get_state(),
        "waiting": state.batches.waiting,
        "mean_logits": state.mean_logits,
    }
    for part in ("G", "D", "G_ema"):
        for name, tensor in getattr(state, part).state_dict().items():
            tensors[f"{part}.{name}"] = tensor
    for part in ("opt_G", "opt_D"):
        for index, moments in getattr(state, part).state_dict()["state"].items():
            for name, tensor in moments.items():
                tensors[f"{part}.{index}.{name}"] = tensor
    # safetensors refuses tensors that are not contiguous.
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def state_from_tensors(state: TrainState, tensors: Mapping[str, Tensor]) -> None:
    """Overwrite a fresh state with saved tensors.

    Raises: KeyError, RuntimeError or ValueError when the tensors are of another run's shape.
    """
    for part in ("G", "D", "G_ema"):
        prefix = f"{part}."
        saved = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        getattr(state, part).load_state_dict(saved, strict=True)
    for part in ("opt_G", "opt_D"):
        _load_moments(getattr(state, part), part, tensors)
    state.rng.set_state(tensors["rng"])
    state.batches.waiting = tensors["waiting"].clone()
    if "mean_logits" in tensors:  # checkpoints of the first format have none
        state.mean_logits = tensors["mean_logits"].to(state.mean_logits.device)


def _load_moments(optimiser: Adam, part: str, tensors: Mapping[str, Tensor]) -> None:
    parameters: list[Tensor] = optimiser.param_groups[0]["params"]
    moments: dict[int, dict[str, Any]] = {}
    for index, parameter in enumerate(parameters):
        if f"{part}.{index}.step" not in tensors:
            continue  # this optimiser has not stepped yet
        moments[index] = {"step": tensors[f"{part}.{index}.step"]}
        for name in ("exp_avg", "exp_avg_sq"):
            # In the parameter's own memory layout: the fused step walks both side by side.
            moment = torch.empty_like(parameter).copy_(tensors[f"{part}.{index}.{name}"])
            moments[index][name] = moment
    state = optimiser.state_dict()
    optimiser.load_state_dict({"state": moments, "param_groups": state["param_groups"]})


def _adam(network: nn.Module, lr: float, config: TrainConfig) -> Adam:
    betas = (config.beta1, config.beta2)
    return Adam(network.parameters(), lr=lr, betas=betas, fused=True)


def _floats(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *(b for b in module.buffers() if b.is_floating_point())]
