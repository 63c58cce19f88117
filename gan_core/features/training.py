"""Train StyleNet: a classifier of photographs, by stochastic gradient descent in one cycle.

The schedule is a function of the time spent, so that a run ends when it was told to, on any
machine. It can be interrupted and resumed; a resumed run goes on in the same cycle.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy

from gan_core.compute import Compute, available_threads
from gan_core.errors import BadRun, BadWeights
from gan_core.events import Classified
from gan_core.features.classifier import Classifier
from gan_core.features.photographs import Photographs, normalise, random_crops
from gan_core.files import write_atomically
from gan_core.weights import read_metadata, read_tensors

CHECKPOINT_FILE = "checkpoint.safetensors"
_FORMAT = "gan-atelier-stylenet-1"
_GLANCE = 2000  # pictures of the validation set between whiles; all of them at the end


@dataclass(frozen=True)
class StyleNetConfig:
    """One run. epsilon: > 0 trains on adversarial pictures (robust features)."""

    minutes: float = 90.0
    batch_size: int = 128
    lr: float = 0.1  # at the top of the cycle
    warmup: float = 0.1  # share of the run until the top
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1  # Szegedy et al. 2016, arXiv:1512.00567
    # Radius of the L2 ball in [0, 1] RGB of a 64 px picture (Madry et al. 2018, arXiv:1706.06083).
    epsilon: float = 0.0
    seed: int = 0
    report: float = 180.0  # seconds
    checkpoint: float = 120.0
    dtype: str = "bfloat16"


@dataclass
class _State:
    net: Classifier
    optimizer: torch.optim.SGD
    step: int = 0
    nimg: int = 0
    seconds: float = 0.0
    order: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))


def train_classifier(
    config: StyleNetConfig,
    seen: Photographs,
    unseen: Photographs,
    folder: Path,
    start: Classifier | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Classified]:
    """Train, report, and keep a checkpoint in `folder`; an existing one is resumed.

    start: a trained network to go on from (for a robust finish); its head must fit.

    Raises: BadWeights for a foreign checkpoint or start, BadRun when it diverges, DiskFull.
    """
    compute = Compute("cpu", config.dtype, True, available_threads())
    torch.set_num_threads(compute.threads)
    if start is not None and start.head.out_features != seen.classes:
        raise BadWeights(
            f"The network to start from tells {start.head.out_features} classes apart.",
            f"These photographs have {seen.classes}.",
            "Start from a network of the same photographs, or from none.",
        )
    state = _begin(config, seen, folder, start, compute)
    began = time.perf_counter() - state.seconds
    reported, saved, losses, since = state.seconds, state.seconds, [], state.nimg
    while state.seconds < config.minutes * 60 and not should_stop():
        losses.append(_step(state, config, seen, compute))
        if not math.isfinite(losses[-1]):
            raise BadRun(
                f"The loss was not a number at {state.nimg / 1000:.0f} kimg.",
                "The last checkpoint is from before.",
                "Resume it with a lower --lr.",
            )
        state.seconds = time.perf_counter() - began
        if state.seconds - reported >= config.report:
            speed = (state.nimg - since) / (state.seconds - reported)
            accuracy = measure_accuracy(state.net, unseen, compute, _GLANCE)
            yield _report(state, config, speed, sum(losses) / len(losses), accuracy)
            state.seconds = time.perf_counter() - began
            reported, since, losses = state.seconds, state.nimg, []
        if state.seconds - saved >= config.checkpoint:
            _save(state, config, folder)
            saved = state.seconds
    _save(state, config, folder)
    accuracy = measure_accuracy(state.net, unseen, compute)
    yield _report(state, config, 0.0, sum(losses) / max(1, len(losses)), accuracy)


def load_classifier(folder: Path) -> tuple[Classifier, dict[str, Any]]:
    """The network of a run's checkpoint, in eval mode, and what the checkpoint says of the run.

    Raises: BadRun when there is none, BadWeights when it is foreign.
    """
    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        raise BadRun(
            f"{folder} holds no checkpoint.",
            f"A run of train-stylenet has the file {CHECKPOINT_FILE}.",
            "Check the folder's name.",
        )
    tensors, about = read_tensors(path), _read_about(path)
    try:
        net = Classifier(int(about["classes"]))
        net.load_state_dict({k[4:]: v for k, v in tensors.items() if k.startswith("net.")})
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise _foreign(path) from error
    return net.eval(), about


@torch.no_grad()
def measure_accuracy(
    net: Classifier, photographs: Photographs, compute: Compute, most: int | None = None
) -> float:
    """Share of the pictures (of `most`, at even distances) that are named rightly."""
    net.eval()
    every = max(1, len(photographs) // (most or len(photographs)))
    images, labels = photographs.images[::every], photographs.labels[::every]
    right = 0
    for begin in range(0, len(images), 250):
        x = compute.place(normalise(torch.from_numpy(images[begin : begin + 250])))
        with compute.autocast():
            guess = net(x).argmax(1)
        right += int((guess == torch.from_numpy(labels[begin : begin + 250])).sum())
    return right / len(images)


def _step(state: _State, config: StyleNetConfig, seen: Photographs, compute: Compute) -> float:
    rng = torch.Generator().manual_seed(config.seed * 1_000_003 + state.step)
    if len(state.order) < config.batch_size:
        state.order = torch.cat([state.order, torch.randperm(len(seen), generator=rng)])
    chosen, state.order = state.order[: config.batch_size], state.order[config.batch_size :]
    share = state.seconds / (config.minutes * 60)
    x = random_crops(normalise(torch.from_numpy(seen.images[chosen.numpy()])), share, rng)
    x, labels = compute.place(x), torch.from_numpy(seen.labels[chosen.numpy()])
    for group in state.optimizer.param_groups:
        group["lr"] = config.lr * _cycle(share, config.warmup)
    if config.epsilon:
        x = _attack(state.net, x, labels, config.epsilon, compute)
    state.net.train()
    with compute.autocast():
        logits = state.net(x)
    loss = cross_entropy(logits.float(), labels, label_smoothing=config.label_smoothing)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer.step()
    state.step, state.nimg = state.step + 1, state.nimg + len(labels)
    return float(loss.detach())


def _cycle(share: float, warmup: float) -> float:
    """Up in a straight line, down by a cosine (Smith & Topin 2018, arXiv:1708.07120)."""
    if share < warmup:
        return max(0.02, share / warmup)
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (share - warmup) / (1 - warmup)))


def _attack(
    net: Classifier, x: Tensor, labels: Tensor, epsilon: float, compute: Compute, steps: int = 2
) -> Tensor:
    """Move every picture within an L2 ball to where the network errs most (projected gradient)."""
    net.eval()
    radius = epsilon / 0.226  # pictures are in units of a standard deviation of 0.226
    delta = torch.zeros_like(x)
    for _ in range(steps):
        moved = (x + delta).requires_grad_()
        with compute.autocast():
            logits = net(moved)
        (slope,) = torch.autograd.grad(cross_entropy(logits.float(), labels), moved)
        delta = delta + 0.75 * radius * slope / _length(slope)
        delta = delta * (radius / _length(delta)).clamp_max(1)
    return x + delta


def _length(x: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(x.flatten(1), dim=1)
    return length.clamp_min(1e-12).view(-1, 1, 1, 1)


def _begin(
    config: StyleNetConfig,
    seen: Photographs,
    folder: Path,
    start: Classifier | None,
    compute: Compute,
) -> _State:
    torch.manual_seed(config.seed)
    net = compute.place_module(start if start is not None else Classifier(seen.classes))
    # Only what multiplies is drawn to zero, not batch norm's scales (He et al. 2019, 1812.01187).
    weights = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() == 1]
    groups: list[dict[str, Any]] = [
        {"params": weights, "weight_decay": config.weight_decay},
        {"params": others},
    ]
    optimizer = torch.optim.SGD(
        groups,
        lr=config.lr,
        momentum=config.momentum,
        nesterov=True,
    )
    state = _State(net, optimizer)
    path = folder / CHECKPOINT_FILE
    if path.is_file():
        _restore(state, path, len(seen))
    return state


def _save(state: _State, config: StyleNetConfig, folder: Path) -> None:
    tensors = {f"net.{name}": tensor for name, tensor in state.net.state_dict().items()}
    for name, parameter in state.net.named_parameters():
        if "momentum_buffer" in state.optimizer.state.get(parameter, {}):
            tensors[f"velocity.{name}"] = state.optimizer.state[parameter]["momentum_buffer"]
    tensors["order"] = state.order
    about = {
        "config": asdict(config),
        "classes": state.net.head.out_features,
        "step": state.step,
        "nimg": state.nimg,
        "seconds": state.seconds,
    }
    with write_atomically(folder / CHECKPOINT_FILE) as path:
        plain = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
        save_file(plain, path, {"format": _FORMAT, "about": json.dumps(about)})


def _restore(state: _State, path: Path, n_images: int) -> None:
    tensors, about = read_tensors(path), _read_about(path)
    try:
        state.net.load_state_dict({k[4:]: v for k, v in tensors.items() if k.startswith("net.")})
        for name, parameter in state.net.named_parameters():
            if f"velocity.{name}" in tensors:
                velocity = torch.empty_like(parameter).copy_(tensors[f"velocity.{name}"])
                state.optimizer.state[parameter] = {"momentum_buffer": velocity}
        state.order = tensors["order"]
        state.step, state.nimg = int(about["step"]), int(about["nimg"])
        state.seconds = float(about["seconds"])
        if len(state.order) and int(state.order.max()) >= n_images:
            raise ValueError("it was made with more photographs")
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise _foreign(path) from error


def _read_about(path: Path) -> dict[str, Any]:
    metadata = read_metadata(path)
    try:
        if metadata["format"] != _FORMAT:
            raise ValueError(metadata["format"])
        return dict(json.loads(metadata["about"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _foreign(path) from error


def _foreign(path: Path) -> BadWeights:
    return BadWeights(
        f"{path.name} is not a checkpoint of train-stylenet that can be resumed.",
        "It must be one that this version wrote, undamaged, from the same photographs.",
        "Start a new run in another folder.",
    )


def _report(
    state: _State, config: StyleNetConfig, speed: float, loss: float, accuracy: float
) -> Classified:
    left = max(0.0, config.minutes * 60 - state.seconds)
    return Classified(
        round(state.nimg / 1000, 3),
        round(state.seconds, 1),
        round(left, 1),
        round(speed, 1),
        round(loss, 4),
        round(accuracy, 4),
    )
