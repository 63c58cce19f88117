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
    "relativistic" pairs each real picture with a fake one and asks only that it score higher
    (Huang et al. 2024, "The GAN is dead", arXiv:2501.05441, section 2.1; after Jolicoeur-Martineau
    2018, arXiv:1807.00734); chance level is log 2 = 0.693. It wants the R1 and R2 penalties.
    """
    logits_real, logits_fake = logits_real.float(), logits_fake.float()
    if kind == "relativistic":
        return softplus(logits_fake - logits_real).mean()
    if kind == "hinge":
        return relu(1 - logits_real).mean() + relu(1 + logits_fake).mean()
    return softplus(-logits_real).mean() + softplus(logits_fake).mean()


def loss_G(kind: Loss, logits_fake: Tensor, logits_real: Tensor) -> Tensor:
    """G's loss: its pictures should score high with D held still. Logits: float [N].

    logits_real: D's of real pictures, for the relativistic loss alone: above these they should be.

    "non-saturating": BCE with target 1, that is maximising log D(G(z)) instead of minimising
    log(1 - D(G(z))) (Goodfellow et al. 2014, section 3, last paragraph). "hinge": minus the mean.
    """
    logits_fake = logits_fake.float()
    if kind == "relativistic":
        return softplus(logits_real.detach().float() - logits_fake).mean()
    if kind == "hinge":
        return -logits_fake.mean()
    return softplus(-logits_fake).mean()


def steepness(logits: Tensor, x: Tensor | list[Tensor]) -> Tensor:
    """How steep D is at pictures; the mean squared gradient norm, a scalar.

    At real pictures this is the R1 penalty, at made ones R2, each to be weighted by gamma / 2:
    Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?"
    (arXiv:1801.04406), section 4.1. D pays for every slope where the data are, so it cannot win by
    drawing a cliff around them, and its game with G settles.

    logits: D(x), [N], differentiable. x: [N, 3, S, S], or a list of its scales, with requires_grad
    set.
    """
    slopes = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return torch.stack([s.float().square().sum(dim=(1, 2, 3)).mean() for s in slopes]).sum()


def lecam(logits_real: Tensor, logits_fake: Tensor, mean_real: Tensor, mean_fake: Tensor) -> Tensor:
    """LeCam regularisation: holds D's logits on each side near what it said of the other before.

    Source: Tseng et al. 2021, "Regularizing GANs under Limited Data" (arXiv:2104.03310), eq. 4; as
    in their code, only what lies beyond the other side's average is drawn back. A D that learns a
    few pictures by heart would part the two ever further.

    mean_real, mean_fake: scalars, moving averages of D's logits of real and of fake pictures.
    """
    too_real = relu(logits_real.float() - mean_fake).square().mean()
    return too_real + relu(mean_real - logits_fake.float()).square().mean()


def mean_score(logits: Tensor) -> Tensor:
    """Mean of sigmoid(logits): how real D finds these pictures, in [0, 1]."""
    return torch.sigmoid(logits.detach().float()).mean()
