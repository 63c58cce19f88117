"""stylize(...) -> events: a content painted in the manner of one or more styles.

Gatys, Ecker & Bethge 2016: the pixels themselves are optimised, until a feature network sees the
content's forms and the styles' textures in them. From small to large, since large strokes are
settled cheaply while the picture is small, and a size then only adds what the one before lacked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor
from torch.nn.functional import interpolate

from gan_core.compute import Compute, choose
from gan_core.errors import BadPicture, BadSetting, HubUnreachable
from gan_core.events import Event, Noticed, Painted, Pastiche, Planned
from gan_core.features.load import load_network
from gan_core.features.network import FeatureNet
from gan_core.style.color import keep_colors, match_colors
from gan_core.style.config import StyleConfig
from gan_core.style.objective import (
    Target,
    from_unit,
    layers_of,
    mean_grams,
    to_unit,
    weigh,
)
from gan_core.style.optimizers import Adam, Broken, Lbfgs
from gan_core.style.plan import Cost, share_out
from gan_core.style.sizes import SHORTEST, fit, pyramid, resize

_PROBED_SIDE = 128  # pixels: a step there takes milliseconds, and ranks the ways of computing
MOST_PICTURES = 32  # of one style; of more, so many are taken at even distances
_SHOW_EVERY = 0.7  # seconds
_MOST_TRIES = 3  # times that a broken optimisation is taken up again


@dataclass(frozen=True)
class Style:
    """One style: a picture, or a folder's pictures taken together. uint8 [H, W, 3] each."""

    pictures: tuple[NDArray[np.uint8], ...]
    weight: float = 1.0


@dataclass(frozen=True)
class Content:
    """pixels: uint8 [H, W, 3]. protect: float [h, w] in [0, 1], 1 where it must stay as it is;
    it is stretched over the picture. start: uint8 [h, w, 3], for the start "picture".
    """

    pixels: NDArray[np.uint8]
    protect: NDArray[np.float32] | None = None
    start: NDArray[np.uint8] | None = None


def stylize(
    config: StyleConfig,
    content: Content,
    styles: Sequence[Style],
    should_stop: Callable[[], bool] = lambda: False,
    network: FeatureNet | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Event]:
    """Paint; yield Planned, then Painted about every second, Noticed when need be, Pastiche last.

    network: another than the one that the settings name; where that one cannot be had, StyleNet
    takes its place, and Noticed says so. With `config.steps`, the same seed gives the same picture on the
    same machine; otherwise the clock decides how far it gets, and Pastiche says how far that was.

    Raises: BadSetting, BadPicture, BadWeights.
    """
    began = clock()
    _check(config, content, styles)
    if network is None:
        network, notice = _load(config)
        if notice:
            yield Noticed(notice)
    width, height = fit(content.pixels.shape[1], content.pixels.shape[0], config.size)
    if config.strength == 0 and config.objective.form == "relative":
        yield from _unchanged(config, content, width, height, clock() - began)
        return
    run = _Run(config, content, styles, network, width, height)
    sizes, until = run.plan(clock, began)
    yield Planned(run.sentence(sizes), network.name, tuple(sizes), width, height)
    if sizes[-1] < max(width, height):
        yield Noticed(
            f"{config.seconds:g} seconds are enough to paint up to {sizes[-1]} px here; the rest,"
            f" up to {max(width, height)} px, is enlarged."
        )
    x: Tensor | None = None
    optimizer: Adam | Lbfgs | None = None
    counts: list[int] = []
    stopped, tries, shown = False, 0, -1.0
    for index, size in enumerate(sizes):
        target = run.target(size)
        x = run.begin(size) if x is None else run.enlarge(x, size)
        optimizer = run.optimizer(x, optimizer)
        counts.append(0)
        while not (stopped := should_stop()):
            try:
                terms = optimizer.step(target.evaluate)
            except Broken as error:
                tries += 1
                yield Noticed(run.take_up_again(str(error), tries))
                if tries > _MOST_TRIES:
                    stopped = True
                    break
                optimizer = Adam(optimizer.picture(), run.config)
                continue
            counts[-1] += 1
            now = clock() - began
            over = run.is_over(index, counts[-1], now, until)
            if over or now - shown >= _SHOW_EVERY:
                shown = now
                matched, kept = target.judge(optimizer.picture())
                yield Painted(
                    now, max(0.0, run.seconds_left(index, counts[-1], now, until)), size,
                    sum(counts), float(terms.content.detach()), float(terms.style.detach()), float(terms.tv.detach()),
                    matched, kept, run.show(target.shown(optimizer.picture())),
                )  # fmt: skip
            if over:
                break
        x = target.shown(optimizer.picture())
        if stopped:
            break
    matched, kept = target.judge(x)
    yield run.finish(x, clock() - began, counts, sizes, stopped, (matched, kept))


def _load(config: StyleConfig) -> tuple[FeatureNet, str]:
    """The network of the settings, or StyleNet and why. Raises: BadSetting, BadWeights."""
    layers = [*layers_of(config.objective)]
    deepest = max(layers)  # relu1_1 ... relu5_4: the order of the alphabet is that of depth
    try:
        return load_network(config.network, deepest), ""
    except HubUnreachable as error:
        return load_network("stylenet", min(deepest, "relu5_1")), f"{error} StyleNet is used."


class _Run:
    """What one style transfer needs from size to size."""

    def __init__(
        self,
        config: StyleConfig,
        content: Content,
        styles: Sequence[Style],
        network: FeatureNet,
        width: int,
        height: int,
    ) -> None:
        self.config, self.width, self.height = config, width, height
        self.weights = weigh(config.objective, config.strength)
        self.compute = _choose_compute(network)
        if config.optimizer == "lbfgs":  # its line search compares losses closer than bf16 tells
            self.compute = replace(self.compute, dtype="float32")
        self.network = _prepare(network, self.compute)
        self.content = resize(content.pixels, width, height)
        self.protect = _feather(content.protect, width, height)
        self.start = content.start
        self.styles = _spread(styles, self.content if config.colors == "match" else None)
        self.rng = torch.Generator().manual_seed(config.seed)

    def plan(self, clock: Callable[[], float], began: float) -> tuple[list[int], list[float]]:
        """The sizes to pass through, and the time since `began` at which each is over."""
        config = self.config
        first = self.config.size if config.start == "picture" else config.first_size
        sizes = pyramid(self.width, self.height, min(first, config.size), config.size)
        if config.steps:
            return sizes[-len(config.steps) :], []
        pixels = [self._pixels(size) for size in sizes]
        cost = self._measure(clock, sizes[0], sizes[min(1, len(sizes) - 1)])
        left = config.seconds - (clock() - began)
        shares = share_out(pixels, max(0.5, left), cost)
        ends = np.cumsum(shares) + (clock() - began)
        return sizes[: len(shares)], [float(end) for end in ends]

    def sentence(self, sizes: list[int]) -> str:
        """What will be done."""
        how = {"adam": "Adam", "lbfgs": "L-BFGS"}[self.config.optimizer]
        time = "" if self.config.steps else f" in {self.config.seconds:g} s"
        return (
            f"{self.width} × {self.height} px{time}, by way of {', '.join(map(str, sizes))} px;"
            f" {self.network.name}, {how}, {self.compute}."
        )

    def target(self, size: int) -> Target:
        """The objective at a size."""
        width, height = fit(self.width, self.height, size)
        config, place = self.config, self.compute.place
        side = max(SHORTEST, round((width * height) ** 0.5 * config.style_scale))
        pictures = [
            (place(to_unit(_resize_area(picture, side))), weight) for picture, weight in self.styles
        ]
        grams = mean_grams(self.network, config.objective, pictures)
        content = place(to_unit(resize(self.content, width, height)))
        protect = None
        if self.protect is not None:
            protect = interpolate(self.protect, size=(height, width), mode="area")
            protect = protect.to(content.device)
        return Target(self.network, config.objective, self.weights, content, grams, protect)

    def begin(self, size: int) -> Tensor:
        """The first picture, [1, 3, H, W] in [0, 1]."""
        width, height = fit(self.width, self.height, size)
        chosen = self.start if self.config.start == "picture" else self.content
        assert chosen is not None  # _check saw to it
        x = to_unit(resize(chosen, width, height))
        if self.config.start == "noise":
            x = torch.rand(x.shape, generator=self.rng)
        if self.config.start == "noisy content":  # the lesson's N(-0.3, 0.3)
            x = (x + torch.randn(x.shape, generator=self.rng) * 0.3 - 0.3).clamp(0, 1)
        return self.compute.place(x)

    def enlarge(self, x: Tensor, size: int) -> Tensor:
        """The result of one size as the start of the next."""
        width, height = fit(self.width, self.height, size)
        larger = interpolate(x, size=(height, width), mode="bicubic", align_corners=False)
        return larger.clamp(0, 1)

    def optimizer(self, x: Tensor, before: Adam | Lbfgs | None) -> Adam | Lbfgs:
        """The optimiser for a new size."""
        if self.config.optimizer == "lbfgs":
            return Lbfgs(x)
        return Adam(x, self.config, before if isinstance(before, Adam) else None)

    def take_up_again(self, reason: str, tries: int) -> str:
        """After a break: go on with Adam, more slowly each time; the sentence that says so."""
        lr = self.config.lr if self.config.optimizer == "lbfgs" else self.config.lr / 2
        was = "L-BFGS" if self.config.optimizer == "lbfgs" else "Adam"
        self.config = replace(self.config, optimizer="adam", lr=max(lr, 1e-5))
        if tries > _MOST_TRIES:
            return f"{was} ended: {reason}. The last good picture was kept."
        return f"{was} ended: {reason}. Adam goes on from the best picture, lr {lr:g}."

    def is_over(self, index: int, count: int, now: float, until: list[float]) -> bool:
        """Whether a size has had its share."""
        if self.config.steps:
            return count >= self.config.steps[index]
        return now >= until[index]

    def seconds_left(self, index: int, count: int, now: float, until: list[float]) -> float:
        """By the clock's plan; with fixed steps, by how long those so far took."""
        if until:
            return until[-1] - now
        steps = self.config.steps
        sides = pyramid(self.width, self.height, self.config.first_size, self.config.size)
        work = [n * self._pixels(s) for n, s in zip(steps, sides[-len(steps) :], strict=False)]
        done = sum(work[:index]) + work[index] * count / steps[index]
        return now / done * (sum(work) - done)

    def show(self, x: Tensor) -> NDArray[np.uint8]:
        """A preview in the colours that were asked for."""
        painted = from_unit(x)
        if self.config.colors != "keep":
            return painted
        return keep_colors(painted, resize(self.content, painted.shape[1], painted.shape[0]))

    def finish(
        self,
        x: Tensor,
        seconds: float,
        counts: list[int],
        sizes: list[int],
        stopped: bool,
        figures: tuple[float, float],
    ) -> Pastiche:
        """The result at its full size; protected places are the content's, to the bit."""
        painted = from_unit(x)
        if painted.shape[:2] != (self.height, self.width):
            painted = resize(painted, self.width, self.height)
        image = keep_colors(painted, self.content) if self.config.colors == "keep" else painted
        if self.protect is not None:
            stay = (self.protect[0, 0] == 1).numpy()[..., None]
            painted, image = (np.where(stay, self.content, each) for each in (painted, image))
        return Pastiche(
            seconds, tuple(counts), tuple(sizes[: len(counts)]), stopped, *figures,
            image, painted, self.content,
        )  # fmt: skip

    def _pixels(self, size: int) -> int:
        width, height = fit(self.width, self.height, size)
        return width * height

    def _measure(self, clock: Callable[[], float], small: int, large: int) -> Cost:
        """Time two steps at each of two sizes; the quicker of each counts."""
        found = []
        for size in (small, large):
            target, x = self.target(size), self.begin(size)
            optimizer = Adam(x, self.config)
            seconds = []
            for _ in range(2):
                started = clock()
                optimizer.step(target.evaluate)
                seconds.append(clock() - started)
            found.append((self._pixels(size), min(seconds)))
        self.rng.manual_seed(self.config.seed)  # as if nothing had been drawn
        if small == large:
            return Cost(0.0, found[0][1] / found[0][0])
        return Cost.from_two(found[0], found[1])


@lru_cache(maxsize=4)
def _choose_compute(network: FeatureNet) -> Compute:
    """Time a step at a small size in every way there is; once for a network and process."""

    def make_step(compute: Compute) -> Callable[[], None]:
        prepared = _prepare(network, compute)
        x = compute.place(torch.rand(1, 3, _PROBED_SIDE, _PROBED_SIDE)).requires_grad_()
        deepest = prepared.architecture.names()[-1:]

        def step() -> None:
            prepared(x, deepest)[deepest[0]].float().square().mean().backward()

        return step

    return choose(make_step, 1, seconds=0.3)[0]


@lru_cache(maxsize=4)
def _prepare(network: FeatureNet, compute: Compute) -> FeatureNet:
    """A copy of the network on the device, in the precision and layout. Adam's pixels, losses and
    Gram matrices stay float32."""
    return network.copy_to(compute)


def _spread(
    styles: Sequence[Style], content: NDArray[np.uint8] | None
) -> list[tuple[NDArray[np.uint8], float]]:
    """All style pictures with their weights; recoloured to `content` where it is given."""
    whole = sum(style.weight for style in styles)
    found = []
    for style in styles:
        chosen = np.linspace(0, len(style.pictures) - 1, min(MOST_PICTURES, len(style.pictures)))
        for index in chosen.round().astype(int):
            picture = style.pictures[index]
            if content is not None:
                picture = match_colors(picture, content)
            found.append((picture, style.weight / whole / len(chosen)))
    return [(picture, weight) for picture, weight in found if weight > 0]


def _resize_area(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Resize to about side * side pixels, the aspect ratio kept."""
    height, width = pixels.shape[:2]
    scale = side / (width * height) ** 0.5
    return resize(pixels, max(SHORTEST, round(width * scale)), max(SHORTEST, round(height * scale)))


def _feather(protect: NDArray[np.float32] | None, width: int, height: int) -> Tensor | None:
    """The mask at the result's size, [1, 1, H, W], with a soft rim outside of what was painted."""
    if protect is None or not (protect > 0.5).any():
        return None
    painted = Image.fromarray(((protect > 0.5) * 255).astype(np.uint8))
    painted = painted.resize((width, height), Image.Resampling.NEAREST)
    rim = painted.filter(ImageFilter.GaussianBlur(max(width, height) / 100))
    mask = np.maximum(np.array(painted), np.array(rim)).astype(np.float32) / 255
    return torch.from_numpy(mask)[None, None]


def _unchanged(
    config: StyleConfig, content: Content, width: int, height: int, seconds: float
) -> Iterator[Event]:
    yield Planned("Strength 0: the content as it is.", config.network, (), width, height)
    pixels = resize(content.pixels, width, height)
    yield Pastiche(seconds, (), (), False, 0.0, 1.0, pixels, pixels, pixels)


def _check(config: StyleConfig, content: Content, styles: Sequence[Style]) -> None:
    pictures = [picture for style in styles for picture in style.pictures]
    starts = [content.start] if content.start is not None else []
    for name, picture in (
        ("The content", content.pixels),
        *(("A style", picture) for picture in pictures),
        *(("The start", picture) for picture in starts),
    ):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise BadPicture(
                f"{name} is {picture.dtype} of shape {list(picture.shape)}.",
                "It must be uint8 [height, width, 3]: RGB, 0 to 255.",
                "Open the file with gan_core.pictures.decode.",
            )
        if min(picture.shape[:2]) < SHORTEST:
            raise BadPicture(
                f"{name} is {picture.shape[1]} × {picture.shape[0]} px.",
                f"Both sides must be at least {SHORTEST} px.",
                "Use a larger copy.",
            )
    if any(not 0 <= style.weight <= 1e6 for style in styles):
        raise BadSetting(
            f"A style's weight is {[style.weight for style in styles]}.",
            "Weights must be numbers from 0 on.",
            "Give for instance 1 and 2.",
        )
    if config.objective.style_layers and not sum(
        style.weight * len(style.pictures) for style in styles
    ):
        raise BadSetting(
            "There is no style, or every style has the weight 0.",
            "One style picture at least is needed.",
            "Give a style picture with a weight above 0.",
        )
    if config.start == "picture" and content.start is None:
        raise BadSetting(
            "The start is a picture, and there is none.",
            "This start goes on from a picture.",
            "Give one, or choose the start content.",
        )
    _check_steps(config, content)


def _check_steps(config: StyleConfig, content: Content) -> None:
    height, width = content.pixels.shape[:2]
    fitted = fit(width, height, config.size)
    sizes = pyramid(*fitted, min(config.first_size, config.size), config.size)
    if len(config.steps) > len(sizes):
        raise BadSetting(
            f"There are {len(config.steps)} numbers of steps.",
            f"This picture passes through {len(sizes)} sizes: {', '.join(map(str, sizes))} px.",
            "Give one number for each, or fewer: they then count from the largest.",
        )
