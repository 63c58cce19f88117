"""How long our style transfer takes beside a plain loop after the PyTorch tutorial, and its memory.

The plain loop: VGG-19 in float32 with max pooling, mean squared errors of features and Gram
matrices, the picture as the parameter of L-BFGS with its default settings, 300 evaluations of the
closure (the tutorial counts these, and calls them steps). Two choices of layers: those of Gatys et
al. 2016, up to relu5_1, and the tutorial's shallower ones, up to conv3_1. Weights are random: the
speed does not depend on their values. Both paint the same square content, each in a process of its
own, so that the peak memory is its own; they take turns.

Ours takes the time that it is given, 20 s, so the ratio says how soon one has a picture, not how
alike the two are. The short run's 300 are reckoned from the median of a few evaluations; as L-BFGS
remembers 100 pictures, the last ones take longer and more memory, which `--full` includes.

    python -m benchmarks.style_speed [--evaluations 5] [--repeats 3] [--full]
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gan_core.compute import available_threads
from gan_core.events import Painted, Pastiche
from gan_core.features.load import VGG19
from gan_core.features.network import standardise
from gan_core.pictures.decode import fit_square
from gan_core.pictures.paintings import PAINTINGS
from gan_core.pictures.scenes import SCENES
from gan_core.style.config import StyleConfig
from gan_core.style.inputs import Content, Style
from gan_core.style.objective import to_unit
from gan_core.style.transfer import stylize

ROOT = Path(__file__).resolve().parents[1]
WHOLE = 300  # evaluations
LAYERS = {  # content, style
    "paper": (("relu4_2",), ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")),
    "tutorial": (("relu2_2",), ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1")),
}
NAMES = {"paper": "plain loop, Gatys' layers", "tutorial": "plain loop, tutorial's layers"}
OURS = "ours"


class Enough(Exception):
    """As many evaluations as were wanted."""


class PlainVgg(nn.Module):
    """VGG-19's convolutions with He's random weights, cut after the deepest layer in use."""

    def __init__(self, layers: tuple[str, ...]) -> None:
        super().__init__()
        self.wanted, self.steps, block = layers, nn.ModuleDict(), "relu1"
        for name, _, n_in, n_out in VGG19.up_to(max(layers)).layers():
            conv = nn.Conv2d(n_in, n_out, 3, padding=1)
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            pool = [] if name.startswith(block) else [nn.MaxPool2d(2)]
            self.steps[name] = nn.Sequential(*pool, conv, nn.ReLU())
            block = name.split("_")[0]
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """x: [1, 3, H, W] in [0, 1]."""
        found = {}
        h = standardise(x)
        for name, step in self.steps.items():
            h = step(h)
            if name in self.wanted:
                found[name] = h
        return found


def plain_closure(content: Tensor, style: Tensor, kind: str, x: Tensor) -> Callable[[], Tensor]:
    """The loss of the picture x, with its slope, as often as it is called."""
    content_layers, style_layers = LAYERS[kind]
    net = PlainVgg(tuple(dict.fromkeys((*content_layers, *style_layers))))

    def gram(h: Tensor) -> Tensor:
        flat = h.flatten(2)[0]
        return flat @ flat.T / h.numel()

    with torch.no_grad():
        features, textures = net(content), net(style)
        grams = {layer: gram(textures[layer]) for layer in style_layers}

    def closure() -> Tensor:
        with torch.no_grad():
            x.clamp_(0, 1)
        x.grad = None
        found = net(x)
        loss = 1e6 * sum(mse_loss(gram(found[k]), grams[k]) for k in style_layers)
        loss = loss + sum(mse_loss(found[k], features[k]) for k in content_layers)
        assert isinstance(loss, Tensor)
        loss.backward()
        return loss

    return closure


def run_plain(kind: str, size: int, evaluations: int) -> dict[str, Any]:
    """Seconds of each evaluation, with what L-BFGS does between them; the first one is warm-up."""
    torch.set_num_threads(available_threads())
    torch.manual_seed(0)
    content = to_unit(fit_square(SCENES["landscape"](), size))
    style = to_unit(fit_square(PAINTINGS["strokes"](), size))
    x = content.clone(memory_format=torch.contiguous_format).requires_grad_()
    closure = plain_closure(content, style, kind, x)
    optimizer, marks, losses = torch.optim.LBFGS([x]), list[float](), list[float]()

    def timed() -> Tensor:
        marks.append(time.perf_counter())
        if len(marks) > evaluations + 1:  # what a whole evaluation took is known at the next
            raise Enough
        loss = closure()
        losses.append(loss.item())
        return loss

    try:
        while True:
            optimizer.step(timed)
    except Enough:
        pass
    if not all(loss < float("inf") for loss in losses):
        sys.exit(f"The plain loop's loss was not a number: {losses[-3:]}")
    seconds = [after - before for before, after in zip(marks[1:], marks[2:], strict=False)]
    return {"seconds": seconds, "peak": peak_megabytes()}


def run_ours(size: int, seconds: float) -> dict[str, Any]:
    """`stylize` with its default settings; the network's loading and the planning count."""
    content = Content(fit_square(SCENES["landscape"](), size))
    style = Style((fit_square(PAINTINGS["strokes"](), size),))
    began, first, last = time.perf_counter(), float("nan"), None
    for event in stylize(StyleConfig(size=size, seconds=seconds), content, [style]):
        if isinstance(event, Painted) and first != first:
            first = time.perf_counter() - began
        last = event
    assert isinstance(last, Pastiche)
    return {
        "seconds": time.perf_counter() - began, "first": first, "peak": peak_megabytes(),
        "steps": dict(zip(map(str, last.sizes), last.steps, strict=True)),
        "matched": last.style_matched,
    }  # fmt: skip


def peak_megabytes() -> float:
    """Most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux


def in_new_process(name: str, given: argparse.Namespace) -> dict[str, Any]:
    """Run one of the loops in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.style_speed", "--only", name]
    command += ["--size", str(given.size), "--seconds", str(given.seconds)]
    command += ["--evaluations", str(given.evaluations)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"The process that runs {name!r} failed; its message is above.")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--evaluations", type=int, default=5, help="timed, after one to warm up")
    parser.add_argument("--full", action="store_true", help=f"all {WHOLE} evaluations")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each loop")
    parser.add_argument("--size", type=int, default=512, help="side of the square, pixels")
    parser.add_argument("--seconds", type=float, default=20, help="that ours is given")
    parser.add_argument("--only", choices=(*LAYERS, OURS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.full:
        given.evaluations = WHOLE
    return given


def main() -> None:
    """Print medians [lowest..highest] over the turns."""
    given = parse()
    if given.only:
        if given.only == OURS:
            found = run_ours(given.size, given.seconds)
        else:
            found = run_plain(given.only, given.size, given.evaluations)
        print(json.dumps(found))
        return
    print(f"torch {torch.__version__}, {available_threads()} threads, {given.size} px.")
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in (*LAYERS, OURS)}
    for _ in range(given.repeats):
        for name, runs in results.items():
            runs.append(in_new_process(name, given))
    ours = statistics.median(run["seconds"] for run in results[OURS])
    for name, label in NAMES.items():
        each = [WHOLE * statistics.median(run["seconds"]) for run in results[name]]
        if given.full:
            each = [sum(run["seconds"]) for run in results[name]]
        ratio = f"x {statistics.median(each) / ours:.1f} of ours"
        print(f"{label:32} {_spread(each, 's')}   {ratio}   {_peak(results[name])}")
    mine = results[OURS]
    print(f"{OURS:32} {_spread([r['seconds'] for r in mine], 's')}   {_peak(mine)}")
    print(f"{'ours, first preview':32} {_spread([run['first'] for run in mine], 's')}")
    for run in mine:
        steps = ", ".join(f"{count} at {size} px" for size, count in run["steps"].items())
        print(f"{'ours, steps':32} {steps}; style matched {run['matched']:.2f}")


def _spread(values: list[float], unit: str) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:7.1f} [{low:.1f}..{high:.1f}] {unit}"


def _peak(runs: list[dict[str, Any]]) -> str:
    return f"at most {max(run['peak'] for run in runs):.0f} MB"


if __name__ == "__main__":
    main()
