"""One step of the two-phase game: D learns to tell real from fake, then G to fool a held D.

`train_step` is all the arithmetic of training; when to stop, report and save is train.py's.
"""

import torch
from torch import Tensor

from gan_core.compute import Compute
from gan_core.gan.augment import augment, mirror
from gan_core.gan.config import TrainConfig
from gan_core.gan.losses import loss_D, loss_G, mean_score, r1
from gan_core.gan.state import TrainState

# "Lazy": the penalty is worth its price every so often, with its weight multiplied accordingly
# (Karras et al. 2020, StyleGAN2, section 3.1; 16 there, with a step of its own for it; here it
# joins D's ordinary step, so it comes more often and pushes less at a time).
_R1_EVERY = 8


def train_step(state: TrainState, config: TrainConfig, compute: Compute) -> Tensor:
    """Show one batch: D's phase, G's phase, the moving average. Returns figures for `Tally`."""
    n = config.batch_size
    x_real = compute.place(state.batches.next(n))  # [N, 3, S, S]
    if config.mirror:
        x_real = mirror(x_real, state.rng)
    z = torch.randn(n, config.network.z_dim, generator=state.rng).to(compute.device)
    with compute.autocast():
        x_fake = state.G(z)  # [N, 3, S, S]; made once, used in both phases
    figures_D = step_D(state, config, compute, x_real, x_fake.detach())
    figure_G = step_G(state, config, compute, x_fake)
    state.nimg += n
    state.update_ema(config, n)
    return torch.stack([*figures_D, figure_G])


def step_D(
    state: TrainState, config: TrainConfig, compute: Compute, x_real: Tensor, x_fake: Tensor
) -> list[Tensor]:
    """Teach D: real pictures are 1, fake ones 0. G is not touched.

    Returns its loss, scores of real and fake, mean sign on real, and 1.0 if D was skipped:
    the lesson's cure for a D that wins, leaving it alone while its loss is below a threshold.
    """
    with compute.autocast():
        # One batch each: batch norm's statistics of real and fake must not be mixed.
        logits_real = state.D(augment(x_real, config.augment, state.rng))
        logits_fake = state.D(augment(x_fake, config.augment, state.rng))
    loss = loss_D(config.loss, logits_real, logits_fake)
    is_skipped = config.skip_D_below > 0 and float(loss.detach()) < config.skip_D_below
    if not is_skipped:
        state.opt_D.zero_grad(set_to_none=True)
        total = loss
        if config.r1_gamma > 0 and state.nimg // config.batch_size % _R1_EVERY == 0:
            total = loss + config.r1_gamma / 2 * _R1_EVERY * penalty_R1(state, config, x_real)
        total.backward()
        state.opt_D.step()
    d_sign = logits_real.detach().float().sign().mean()
    skipped = torch.tensor(float(is_skipped), device=loss.device)
    return [loss.detach(), mean_score(logits_real), mean_score(logits_fake), d_sign, skipped]


def penalty_R1(state: TrainState, config: TrainConfig, x_real: Tensor) -> Tensor:
    """The R1 penalty on a batch of real pictures, in float32: gradients of gradients need it."""
    x_real = augment(x_real, config.augment, state.rng).detach().requires_grad_(True)
    return r1(state.D(x_real), x_real)


def step_G(state: TrainState, config: TrainConfig, compute: Compute, x_fake: Tensor) -> Tensor:
    """Teach G through a frozen D, target 1. D's weights get no gradient, which also saves time."""
    state.D.requires_grad_(False)
    with compute.autocast():
        logits = state.D(augment(x_fake, config.augment, state.rng))
    loss = loss_G(config.loss, logits)
    state.opt_G.zero_grad(set_to_none=True)
    loss.backward()
    state.opt_G.step()
    state.D.requires_grad_(True)
    return loss.detach()


class Tally:
    """Means of the step figures since the last report. Summed on the device: reading is a sync."""

    NAMES = ("loss_D", "score_real", "score_fake", "d_sign", "skipped_D", "loss_G")

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
