"""One step of the two-phase game: D learns to tell real from fake, then G to fool a held D.

`train_step` is all the arithmetic of training; when to stop, report and save is train.py's. What
is made and what is real are lists of pictures [N, 3, s, s]: of one size, or of all, smallest first.
"""

from typing import TypeAlias

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.profiler import record_function

from gan_core.compute import Compute
from gan_core.gan.augment import augment_scales, mirror
from gan_core.gan.config import TrainConfig
from gan_core.gan.growth import like
from gan_core.gan.losses import lecam, loss_D, loss_G, mean_score, steepness
from gan_core.gan.networks import judge, make
from gan_core.gan.state import TrainState

Pictures: TypeAlias = list[Tensor]

# "Lazy": a penalty is worth its price every so often, with its weight multiplied accordingly
# (Karras et al. 2020, StyleGAN2, section 3.1; 16 there, with a step of its own for it; here it
# joins D's ordinary step, so it comes more often and pushes less at a time).
_LAZY = 8

# What a step consists of, by the names under which a profiler finds it (benchmarks/train_speed.py).
PHASES = (
    "data", "augment", "G forward", "D on real", "D on fake", "D backward", "D step",
    "D in G's phase", "G backward", "G step", "average",
)  # fmt: skip


def train_step(state: TrainState, config: TrainConfig, compute: Compute) -> Tensor:
    """Show one batch: D's phase, G's phase, the moving average. Returns figures for `Tally`.

    Of a team, each process shows its part of the batch, N of its pictures.
    """
    n, part = config.batch_size, state.team.part(config.batch_size)
    state.team.part_ways(state.own_rng, config.seed, state.nimg)
    stage = state.grow(config)
    with record_function("data"):
        x_real = compute.place(state.batches.next(n, part))  # [N, 3, S, S]
        if config.mirror:
            x_real = mirror(x_real, state.own_rng)
    z = torch.randn(n, config.network.z_dim, generator=state.rng)[part].to(compute.device)
    with compute.autocast(), record_function("G forward"):
        x_fake = make(state.G, z)  # made once, used in both phases
    real = like(x_fake, x_real, stage.fade if stage is not None else 1.0)
    logits_real, figures_D = step_D(state, config, compute, real, [x.detach() for x in x_fake])
    figures_G = step_G(state, config, compute, x_fake, logits_real)
    state.nimg += n
    figures = torch.stack([*figures_D, *figures_G])
    with record_function("average"):
        state.team.average([figures, *state.averages()])
        state.update_ema(config, n)
    return figures


def step_D(
    state: TrainState, config: TrainConfig, compute: Compute, x_real: Pictures, x_fake: Pictures
) -> tuple[Tensor, list[Tensor]]:
    """Teach D: real pictures are 1, fake ones 0. G is not touched.

    Returns its logits of the real pictures, [N], and figures: loss, scores of real and fake, mean
    sign on real, 1.0 if D was skipped (the lesson's cure for a D that wins: leaving it alone while
    its loss is below a threshold), and the norm of its gradient.
    """
    with compute.autocast():
        # One batch each: batch norm's statistics of real and fake must not be mixed.
        logits_real = _ask_D("D on real", x_real, config, state)
        logits_fake = _ask_D("D on fake", x_fake, config, state)
    loss = loss_D(config.loss, logits_real, logits_fake)
    is_skipped = config.skip_D_below > 0 and _is_below(config.skip_D_below, loss, state)
    norm = torch.zeros((), device=loss.device)
    if not is_skipped:
        state.opt_D.zero_grad(set_to_none=True)
        with record_function("D backward"):
            total = loss + penalties(state, config, x_real, x_fake, logits_real, logits_fake)
            total.backward()
        with record_function("D step"):
            norm = _agree(state.opt_D, state)
            state.opt_D.step()
    d_sign = logits_real.detach().float().sign().mean()
    skipped = torch.tensor(float(is_skipped), device=loss.device)
    scores = [mean_score(logits_real), mean_score(logits_fake)]
    return logits_real.detach(), [loss.detach(), *scores, d_sign, skipped, norm]


def penalties(
    state: TrainState,
    config: TrainConfig,
    x_real: Pictures,
    x_fake: Pictures,
    logits_real: Tensor,
    logits_fake: Tensor,
) -> Tensor:
    """What is added to D's loss to hold it back: LeCam in every step, R1 and R2 in some."""
    total = torch.zeros((), device=logits_real.device)
    if config.lecam > 0:
        state.remember_logits(logits_real, logits_fake)
        means = state.mean_logits[0], state.mean_logits[1]
        total = total + config.lecam * lecam(logits_real, logits_fake, *means)
    if state.nimg // config.batch_size % _LAZY == 0:
        for gamma, x in ((config.r1_gamma, x_real), (config.r2_gamma, x_fake)):
            if gamma > 0:
                # In float32, outside autocast: gradients of gradients need it.
                x = [scale.detach().requires_grad_(True) for scale in _augment(x, config, state)]
                total = total + gamma / 2 * _LAZY * steepness(judge(state.D, x), x)
    return total


def step_G(
    state: TrainState, config: TrainConfig, compute: Compute, x_fake: Pictures, logits_real: Tensor
) -> list[Tensor]:
    """Teach G through a held D, target 1. D's weights get no gradient, which also saves time.

    logits_real: D's of real pictures, [N]. Returns G's loss and the norm of its gradient.
    """
    state.hold_D(True, config)
    with compute.autocast():
        logits = _ask_D("D in G's phase", x_fake, config, state)
    loss = loss_G(config.loss, logits, logits_real)
    state.opt_G.zero_grad(set_to_none=True)
    with record_function("G backward"):
        loss.backward()
    with record_function("G step"):
        norm = _agree(state.opt_G, state)
        state.opt_G.step()
    state.hold_D(False, config)
    return [loss.detach(), norm]


def _ask_D(phase: str, x: Pictures, config: TrainConfig, state: TrainState) -> Tensor:
    """D's logits of augmented pictures, [N]."""
    x = _augment(x, config, state)
    with record_function(phase):
        return judge(state.D, x)


def _augment(x: Pictures, config: TrainConfig, state: TrainState) -> Pictures:
    with record_function("augment"):
        return augment_scales(x, config.augment, state.own_rng, config.augment_p)


def _is_below(threshold: float, loss: Tensor, state: TrainState) -> bool:
    """Whether the loss of the whole batch is, so that all of a team decide alike."""
    loss = loss.detach().clone()
    state.team.average([loss])
    return float(loss) < threshold


def _agree(optimiser: Optimizer, state: TrainState) -> Tensor:
    """Let the optimiser use the gradients of the whole batch; returns the norm of all of them."""
    gradients = [p.grad for group in optimiser.param_groups for p in group["params"]]
    gradients = [gradient for gradient in gradients if gradient is not None]
    state.team.average(gradients)
    return torch.nn.utils.get_total_norm(gradients)


class Tally:
    """Means of the step figures since the last report. Summed on the device: reading is a sync."""

    NAMES = (
        "loss_D", "score_real", "score_fake", "d_sign", "skipped_D", "grad_D", "loss_G", "grad_G",
    )  # fmt: skip

    def __init__(self, now: float, nimg: int) -> None:
        self.since, self.nimg, self.steps = now, nimg, 0
        self.sums: Tensor | None = None

    def add(self, figures: Tensor) -> None:
        self.sums = figures if self.sums is None else self.sums + figures
        self.steps += 1

    def is_finite(self) -> bool:
        return self.sums is None or bool(self.sums.isfinite().all())

    def take(self, now: float, nimg: int) -> tuple[dict[str, float], float]:
        sums = torch.zeros(len(self.NAMES)) if self.sums is None else self.sums
        means = (sums / max(self.steps, 1)).tolist()
        speed = (nimg - self.nimg) / max(now - self.since, 1e-9)
        self.since, self.nimg, self.steps, self.sums = now, nimg, 0, None
        return dict(zip(self.NAMES, means, strict=True)), speed
