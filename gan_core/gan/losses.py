"""Adversarial losses as pure functions of D's logits; every one returns a scalar to minimise."""

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from gan_core.gan.config import Loss


def loss_D(kind: Loss, logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """D's loss: real should score high, fake low. Logits: float [N].

    "non-saturating" is binary cross-entropy with targets real = 1 and fake = 0 (Goodfellow et al.
    2014, section 3), written with softplus: BCE(logit, 1) = softplus(-logit). Real and fake are
    summed, not averaged: chance level is 2 log 2 = 1.386.
    "hinge" is that of Lim and Ye 2017 (arXiv:1705.02894), section 2; chance level is 2.
    """
    logits_real, logits_fake = logits_real.float(), logits_fake.float()
    if kind == "hinge":
        return relu(1 - logits_real).mean() + relu(1 + logits_fake).mean()
    return softplus(-logits_real).mean() + softplus(logits_fake).mean()


def loss_G(kind: Loss, logits_fake: Tensor) -> Tensor:
    """G's loss: its pictures should score high with D held still. Logits: float [N].

    "non-saturating": BCE with target 1, that is maximising log D(G(z)) instead of minimising
    log(1 - D(G(z))) (Goodfellow et al. 2014, section 3, last paragraph). "hinge": minus the mean.
    """
    logits_fake = logits_fake.float()
    if kind == "hinge":
        return -logits_fake.mean()
    return softplus(-logits_fake).mean()


def r1(logits_real: Tensor, x_real: Tensor) -> Tensor:
    """R1 penalty: how steep D is at real pictures; the mean squared gradient norm, a scalar.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?"
    (arXiv:1801.04406), section 4.1; to be weighted by r1_gamma / 2. D pays for every slope where
    the data are, so it cannot win by drawing a cliff around them, and its game with G settles.

    logits_real: D(x_real), [N], differentiable. x_real: [N, 3, S, S], with requires_grad set.
    """
    (slope,) = torch.autograd.grad(logits_real.sum(), x_real, create_graph=True)
    return slope.float().square().sum(dim=(1, 2, 3)).mean()


def mean_score(logits: Tensor) -> Tensor:
    """Mean of sigmoid(logits): how real D finds these pictures, in [0, 1]."""
    return torch.sigmoid(logits.detach().float()).mean()
