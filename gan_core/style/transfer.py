"""stylize(...) -> events: a content painted in the manner of one or more styles.

Gatys, Ecker & Bethge 2016: the pixels themselves are optimised, until a feature network sees the
content's forms and the styles' textures in them. From small to large, since large strokes are
settled cheaply while the picture is small, and a size then only adds what the one before lacked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from gan_core.events import Event, Noticed, Painted, Pastiche, Planned
from gan_core.features.network import FeatureNet
from gan_core.style.color import keep_colors
from gan_core.style.config import StyleConfig
from gan_core.style.inputs import Content, Style, check_inputs, feather, sizes_of, spread_styles
from gan_core.style.objective import Target, Terms, from_unit, mean_grams, to_unit, weigh
from gan_core.style.optimizers import Adam, Broken, Lbfgs, Optimizer
from gan_core.style.plan import Cost, share_out
from gan_core.style.seeing import choose_compute, load_network_for, prepare
from gan_core.style.sizes import SHORTEST, fit, resize, resize_area

_SHOW_EVERY = 0.7  # seconds
_LARGEST_STYLE = 1024  # pixels, the side of a square as large: what 4 GB have room for
_MOST_TRIES = 3  # times that a broken optimisation is taken up again


def stylize(
    config: StyleConfig,
    content: Content,
    styles: Sequence[Style],
    should_stop: Callable[[], bool] = lambda: False,
    network: FeatureNet | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Event]:
    """Paint; yield Planned, then Painted every 0.7 seconds, Pastiche last; Noticed when need be.

    network: another than the one that the settings name; where that one cannot be had, StyleNet
    takes its place, and Noticed says so. With `config.steps` and a precision, the same seed
    gives the same picture on the same machine; otherwise timing decides both, and Pastiche tells.

    Raises: BadSetting, BadPicture, BadWeights.
    """
    check_inputs(config, content, styles)
    if network is None:
        network, notice = load_network_for(config)
        if notice:
            yield Noticed(notice)
    began = clock()  # what was fetched takes nothing from the time to paint
    width, height = fit(content.pixels.shape[1], content.pixels.shape[0], config.size)
    if config.strength == 0 and config.objective.form == "relative":
        yield from _unchanged(config, content, width, height, clock() - began)
        return
    run = _Run(config, content, styles, network, width, height)
    yield from run.paint(clock, began, should_stop)


class _Run:
    """One style transfer: its picture, and what it needs from size to size."""

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
        self.compute = choose_compute(network)
        if config.precision != "auto":
            self.compute = replace(self.compute, dtype=config.precision, channels_last=True)
        if config.optimizer == "lbfgs":  # its line search compares losses closer than bf16 tells
            self.compute = replace(self.compute, dtype="float32")
        self.network = prepare(network, self.compute)
        self.content = resize(content.pixels, width, height)
        self.protect = feather(content.protect, width, height)
        self.start = content.start
        self.styles = spread_styles(styles, self.content if config.colors == "match" else None)
        self.rng = torch.Generator().manual_seed(config.seed)

    def paint(
        self, clock: Callable[[], float], began: float, should_stop: Callable[[], bool]
    ) -> Iterator[Event]:
        """From the smallest size to the largest, each for its share of the time."""
        sizes, until = self.plan(clock, began)
        name, whole = self.network.name, max(self.width, self.height)
        yield Planned(self.sentence(sizes), name, tuple(sizes), self.width, self.height)
        if sizes[-1] < whole:
            why = f"{self.config.seconds:g} seconds are" if until else "The steps are"
            yield Noticed(
                f"{why} enough to paint up to {sizes[-1]} px here; the rest, up to {whole} px, is"
                " enlarged."
            )
        if self.style_side(whole) > _LARGEST_STYLE:
            yield Noticed(f"The style is looked at no larger than {_LARGEST_STYLE} px.")
        x, optimizer, target = self.begin(sizes[0]), None, None
        counts: list[int] = []
        stopped, tries, shown, ready = False, 0, -1.0, clock() - began
        for index, size in enumerate(sizes):
            if stopped := stopped or should_stop():
                break
            target = self.target(size)
            if index:
                x = self.enlarge(x, size)
            optimizer = self.optimizer(x, optimizer)
            counts.append(0)
            while True:
                try:
                    terms = optimizer.step(target.evaluate)
                except Broken as error:
                    tries += 1
                    yield Noticed(self.take_up_again(str(error), tries))
                    if tries > _MOST_TRIES:
                        stopped = True
                        break
                    optimizer = Adam(optimizer.picture(), self.config)
                    continue
                counts[-1] += 1
                now = clock() - began
                over = self.is_over(index, counts[-1], now, until)
                if over or now - shown >= _SHOW_EVERY:
                    shown = now
                    left = max(0.0, self.seconds_left(index, counts[-1], now, ready, until))
                    yield self.look(target, optimizer, terms, now, left, size, sum(counts))
                if over or (stopped := should_stop()):
                    break
            x = target.shown(optimizer.picture())
        figures = target.judge(x) if target is not None else (0.0, 1.0)
        yield self.finish(x, clock() - began, counts, sizes, stopped, figures)

    def look(
        self,
        target: Target,
        optimizer: Optimizer,
        terms: Terms,
        now: float,
        left: float,
        size: int,
        step: int,
    ) -> Painted:
        """How it looks now."""
        x = target.shown(optimizer.picture())
        content, style, tv = (
            float(each.detach()) for each in (terms.content, terms.style, terms.tv)
        )
        matched, kept = target.judge(x)
        return Painted(now, left, size, step, content, style, tv, matched, kept, self.show(x))

    def plan(self, clock: Callable[[], float], began: float) -> tuple[list[int], list[float]]:
        """The sizes to pass through, and the time since `began` at which each is over."""
        config = self.config
        sizes = sizes_of(config, self.width, self.height)
        if config.steps:
            return sizes[: len(config.steps)], []
        if len(sizes) == 1:
            return sizes, [config.seconds]
        pixels = [self._pixels(size) for size in sizes]
        cost = self._measure(clock, sizes[0], sizes[1])
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
            f" {self.network.brief_name}, {how}, {self.compute}."
        )

    def target(self, size: int) -> Target:
        """The objective at a size."""
        width, height = fit(self.width, self.height, size)
        config, place = self.config, self.compute.place
        side = min(_LARGEST_STYLE, self.style_side(size))
        pictures = (
            (place(to_unit(resize_area(picture, side))), weight) for picture, weight in self.styles
        )
        grams = mean_grams(self.network, config.objective, pictures)
        content = place(to_unit(resize(self.content, width, height)))
        protect = None
        if self.protect is not None:
            protect = interpolate(self.protect, size=(height, width), mode="area")
            protect = protect.to(content.device)
        return Target(self.network, config.objective, self.weights, content, grams, protect)

    def style_side(self, size: int) -> int:
        """The side of a square of as many pixels as the style has at a size."""
        width, height = fit(self.width, self.height, size)
        side: float = (width * height) ** 0.5 * self.config.style_scale
        return max(SHORTEST, round(side))

    def begin(self, size: int) -> Tensor:
        """The first picture, [1, 3, H, W] in [0, 1]."""
        width, height = fit(self.width, self.height, size)
        chosen = self.start if self.config.start == "picture" else self.content
        assert chosen is not None  # check_inputs saw to it
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

    def seconds_left(
        self, index: int, count: int, now: float, ready: float, until: list[float]
    ) -> float:
        """By the clock's plan; with fixed steps, by how long those since `ready` took."""
        if until:
            return until[-1] - now
        steps = self.config.steps
        sides = sizes_of(self.config, self.width, self.height)
        work = [n * self._pixels(side) for n, side in zip(steps, sides, strict=False)]
        done = sum(work[:index]) + work[index] * count / steps[index]
        return (now - ready) / done * (sum(work) - done)

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
        counts = [count for count in counts if count]  # broken before its first step: not begun
        painted = from_unit(x)
        if painted.shape[:2] != (self.height, self.width):
            painted = resize(painted, self.width, self.height)
        image = keep_colors(painted, self.content) if self.config.colors == "keep" else painted
        if self.protect is not None:
            stay = (self.protect[0, 0] == 1).numpy()[..., None]
            painted, image = (np.where(stay, self.content, each) for each in (painted, image))
        return Pastiche(
            seconds, tuple(counts), tuple(sizes[: len(counts)]), stopped, figures[0], figures[1],
            self.compute.dtype, image, painted, self.content,
        )  # fmt: skip

    def _pixels(self, size: int) -> int:
        width, height = fit(self.width, self.height, size)
        return width * height

    def _measure(self, clock: Callable[[], float], small: int, large: int) -> Cost:
        """Time two steps at each of two sizes; the quicker of each counts."""
        found = []
        for size in (small, large):
            target, optimizer = self.target(size), self.optimizer(self.begin(size), None)
            seconds = []
            for _ in range(2):
                started = clock()
                with suppress(Broken):  # it will be met again, and told
                    optimizer.step(target.evaluate)
                seconds.append(clock() - started)
            found.append((self._pixels(size), min(seconds)))
        self.rng.manual_seed(self.config.seed)  # as if nothing had been drawn
        return Cost.from_two(found[0], found[1])


def _unchanged(
    config: StyleConfig, content: Content, width: int, height: int, seconds: float
) -> Iterator[Event]:
    yield Planned("Strength 0: the content as it is.", config.network, (), width, height)
    pixels = resize(content.pixels, width, height)
    yield Pastiche(seconds, (), (), False, 0.0, 1.0, "auto", pixels, pixels, pixels)
