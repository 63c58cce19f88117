"""The signs that a run shows of what is wrong with it: figures in, a sentence with figures out.

Every threshold was set on figures: of the bundled model's own training (a healthy run of 994 kimg
and two after it: weights/dcgan-kaokore-64), of retraining on 120 photographs, which went well, and
on 104 icons, which went badly (docs/doctor.md), and of small runs that were brought into each state
on purpose (tests/core/test_doctor.py). A pair is (to say it, to go on saying it): the second is
easier to meet, so that a figure near the first does not make the verdict flap.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeAlias

from gan_core.events import Measured, Progress, Started, say_kid
from gan_core.gan.config import TrainConfig

Condition: TypeAlias = Literal[
    "learning", "healthy", "D is winning", "G is winning", "mode collapse", "memorising",
    "diverged", "settled",
]  # fmt: skip

# D's loss when it can only guess: log 2 for each of the two sides it answers for (losses.py).
CHANCE = {"non-saturating": 2 * math.log(2), "hinge": 2.0, "relativistic": math.log(2)}

# Shares of a run. Icons: D's loss was 0.03 at 1/8 of it and 0.22 at 1/4, and nobody had helped.
BEGINNING = 0.2
_MODES_TAKE_TIME = 0.3  # in the same runs G's pictures became alike until then, and then varied
_NEVER_VARIED_BY = 0.7  # from scratch, small nets made one grey picture for up to half of it
_LATELY = 0.2
LEAST_REPORTS = 3

# Of chance. Healthy: 0.3 in the median, below 0.07 for 8.4 kimg at most. Won on purpose: 0.003.
_D_WINS = (0.07, 0.14)
_ALWAYS_SKIPPED = (0.9, 0.8)  # the bundled model's log: in 99 % of the reports below 0.87
# Of chance. Guessing is 1; above it D is wrong more often than not. A held D: 1.1 to 2.3.
_FOOLED = (1.1, 1.05)
_LEVEL = (0.95, 0.9)
_WELL_COVERED = 0.5  # level with the real pictures covered is what is wanted; stuck: 0.1 to 0.2

# Two kinds of pictures, made over and over, have a diversity of 1/2; k kinds (k - 1)/k.
_ALIKE = (0.35, 0.5)
_FEWER_KINDS = (0.6, 0.7)  # together with next to no coverage, or when fallen to ...
_FALLEN = 0.8  # ... this share of what it was
_HARDLY_COVERED = 0.1  # the two worst runs on icons: 0.01 to 0.12 in the second half
_UNCOVERED = (0.3, 0.4)  # photographs at half-time: 0.33 to 0.82
_RISING = 1.1

_COPIES = (0.3, 0.2)  # other pictures of the kind: 0.03 (photographs), 0.1 (icons); copies: 0.9
# As a share of what lies between real ones. Good runs: 0.9 to 1.2; copies of four: 0.6 to 0.8.
_NEAR, _VERY_NEAR = (0.85, 0.95), (0.5, 0.6)
_VARIED = 0.5  # copies of one picture alone are mode collapse

# The worst of a run that had not diverged: losses of 12.6, a typical gradient of 134.
_HUGE_LOSS, _HUGE_GRADIENT = 50.0, 1000.0
_NO_GRADIENT = 1e-6
_FAR_WORSE = (3.0, 2.0)
_KID_FLOOR = 0.1  # below this a multiple of the best KID is within its noise
_SETTLED_FOR = 5  # measurements; what users of DiffAugment are told is 3 to 5 checkpoints
_BETTER = 0.97  # the pictures and latents are always the same, so that less than this is noise
_RECOVERING = 0.9


@dataclass(frozen=True)
class Evidence:
    """What is known of a run at one moment, the oldest first.

    share: of the run's time or pictures that is over. reports: those of the latest window.
    is_sustained: whether they span it, with nothing changed meanwhile. measured: all so far; fresh:
    those since the settings last changed. had_gradient: whether G's gradient was ever reported.
    """

    config: TrainConfig
    share: float
    reports: Sequence[Progress]
    is_sustained: bool
    measured: Sequence[Measured]
    fresh: Sequence[Measured]
    had_gradient: bool

    def typical(self, name: str) -> float:
        """The median of a figure over the window: one odd report does not count."""
        return median(float(getattr(report, name)) for report in self.reports)

    def after(self, share: float) -> list[Measured]:
        return [m for m in self.measured if share_of(m, self.config) >= share]

    def last_two(self, share: float) -> list[Measured]:
        """The last two fresh measurements, if both were made after that share of the run."""
        two = [m for m in self.fresh[-2:] if share_of(m, self.config) >= share]
        return two if len(two) == 2 else []

    def is_growing(self) -> bool:
        """Whether what is made is still smaller than what it is measured against."""
        last = self.reports[-1:]
        side = self.config.network.resolution
        return any(0 < report.side < side or report.fade < 1 for report in last)

    def is_nearing(self) -> bool:
        """Whether the last measurement was nearer to the real pictures than the one before."""
        two = self.measured[-2:]
        return len(two) == 2 and two[1].kid < _BETTER * two[0].kid

    def is_improving(self) -> bool:
        """Whether KID was lately better than ever; also when there is nothing to compare with."""
        since = share_of(self.measured[-1], self.config) - _LATELY
        late = self.after(max(since, BEGINNING))
        before = self.after(BEGINNING)[: -len(late)] if late else []
        return not before or min(m.kid for m in late) < _BETTER * min(m.kid for m in before)


def share_of(event: Started | Progress | Measured, config: TrainConfig) -> float:
    """How much of the run was over at an event, in [0, 1]."""
    return share_done(event.kimg, event.seconds, config)


def share_done(kimg: float, seconds: float, config: TrainConfig) -> float:
    """How much of the run is over after so many images and seconds, in [0, 1]."""
    by_time = seconds / (60 * config.minutes) if config.minutes else 0.0
    by_images = kimg / config.kimg if config.kimg else 0.0
    return min(1.0, max(by_time, by_images))


def blown_up(seen: Evidence, is_said: bool) -> str | None:
    reports, measured = seen.reports[-1:], seen.measured[-1:]
    figures = [(m, name) for m in reports for name in ("loss_D", "loss_G", "grad_D", "grad_G")]
    for event, name in [*figures, *((m, "kid") for m in measured)]:
        if not math.isfinite(value := getattr(event, name)):
            return f"{name} is {value}, which is no number."
    if seen.is_sustained:
        for name, limit in (
            ("loss_D", _HUGE_LOSS), ("loss_G", _HUGE_LOSS),
            ("grad_D", _HUGE_GRADIENT), ("grad_G", _HUGE_GRADIENT),
        ):  # fmt: skip
            if abs(seen.typical(name)) > limit:
                return f"{name} is {seen.typical(name):.3g}; {limit:g} is already far too much."
        if seen.had_gradient and seen.typical("grad_G") < _NO_GRADIENT:
            return f"G's gradient is {seen.typical('grad_G'):.1g}: it has stopped learning."
    return None


def far_worse(seen: Evidence, is_said: bool) -> str | None:
    last, before = seen.last_two(BEGINNING), seen.after(BEGINNING)[:-2]
    if last and before and last[1].kid > _RECOVERING * last[0].kid:
        best = min(before, key=lambda m: m.kid)
        limit = _FAR_WORSE[is_said] * max(best.kid, _KID_FLOOR)
        if all(m.kid_low > limit for m in last):
            now, then = say_kid(last[-1]), say_kid(best)
            return f"KID is {now}; at {best.kimg:.1f} thousand pictures it was {then}."
    return None


def memorising(seen: Evidence, is_said: bool) -> str | None:
    last = seen.last_two(BEGINNING)
    copies, near, very_near = _COPIES[is_said], _NEAR[is_said], _VERY_NEAR[is_said]
    if not last or any(m.diversity < _VARIED for m in last):
        return None
    # Many made pictures near one real one that stands alone count as copies, and are none.
    signs = ((m.memorised > copies and m.nearest < near) or m.nearest < very_near for m in last)
    if not _agree(is_said, signs):
        return None
    sign = f", and D's mean sign on them is {seen.typical('d_sign'):.2f}" if seen.reports else ""
    return (
        f"{last[-1].memorised:.0%} of the made pictures copy a real one; their median distance is"
        f" {last[-1].nearest:.2f} of that between real ones{sign}."
    )


def d_is_winning(seen: Evidence, is_said: bool) -> str | None:
    if not seen.is_sustained or seen.share < BEGINNING:
        return None
    if not is_said and seen.is_nearing():  # icons: D leads while faces turn into something else
        return None
    loss, skipped = seen.typical("loss_D"), seen.typical("skipped_D")
    chance = CHANCE[seen.config.loss]
    if loss < _D_WINS[is_said] * chance:
        return f"{say_balance(seen)} G's loss is {seen.typical('loss_G'):.1f}."
    if skipped > _ALWAYS_SKIPPED[is_said]:
        return f"D was left alone in {skipped:.0%} of the steps, and G does not catch up."
    return None


def g_is_winning(seen: Evidence, is_said: bool) -> str | None:
    if not seen.is_sustained or seen.share < BEGINNING:
        return None
    loss = seen.typical("loss_D") / CHANCE[seen.config.loss]
    if loss > _FOOLED[is_said]:
        return f"D is wrong more often than not: {say_balance(seen)}"
    if loss < _LEVEL[is_said] or len(seen.fresh) < 2 or seen.is_improving():
        return None
    if seen.measured[-1].coverage >= _WELL_COVERED:
        return None
    return f"{say_balance(seen)} KID is {say_kid(seen.measured[-1])} and does not fall."


def mode_collapse(seen: Evidence, is_said: bool) -> str | None:
    last = seen.last_two(_MODES_TAKE_TIME)
    if not last:
        return None
    if not is_said and (last[1].diversity > _RISING * last[0].diversity or seen.is_improving()):
        return None
    peak = max(m.diversity for m in seen.measured)
    if peak < _ALIKE[0] and seen.share < _NEVER_VARIED_BY:
        return None
    fewer = _FEWER_KINDS[is_said]
    if any(m.coverage > _HARDLY_COVERED for m in last):
        fewer = min(fewer, _FALLEN * peak)
    limit = max(_ALIKE[is_said], fewer)
    uncovered = _UNCOVERED[is_said]
    if not _agree(is_said, (m.diversity < limit and m.coverage < uncovered for m in last)):
        return None
    return (
        f"The made pictures are {last[1].diversity:.2f} as different from one another as the real"
        f" ones ({peak:.2f} at best before), and {last[1].coverage:.0%} of the real ones have a"
        " made one like them."
    )


def settled(seen: Evidence, is_said: bool) -> str | None:
    last = seen.fresh[-_SETTLED_FOR:]
    before = seen.after(BEGINNING)[:-_SETTLED_FOR]
    if len(last) < _SETTLED_FOR or not before or share_of(last[0], seen.config) < 0.5:
        return None
    if seen.is_improving():
        return None
    best = min(before, key=lambda m: m.kid)
    if not math.isfinite(best.kid_low) or any(m.kid < best.kid_low for m in last):
        return None
    now, then = say_kid(last[-1]), say_kid(best)
    return (
        f"KID is {now}; it was {then} at {best.kimg:.1f} thousand pictures, and the last"
        f" {_SETTLED_FOR} measurements were not better."
    )


def _agree(is_said: bool, signs: Iterable[bool]) -> bool:
    """It takes two measurements to say a thing, and two to stop saying it."""
    return any(signs) if is_said else all(signs)


def say_balance(seen: Evidence) -> str:
    """D's loss and scores over the window, as a sentence."""
    text = f"D's loss is {seen.typical('loss_D'):.2g} (guessing: {CHANCE[seen.config.loss]:.2f})"
    if seen.config.loss == "relativistic":  # only differences of scores mean something
        return f"{text}."
    real, fake = seen.typical("score_real"), seen.typical("score_fake")
    return f"{text}; it scores real pictures {real:.2f} and made ones {fake:.2f}."


def say_healthy(seen: Evidence) -> str:
    """The figures of a run with which nothing is wrong."""
    kid = f" KID is {say_kid(seen.measured[-1])}." if seen.measured else ""
    return say_balance(seen) + kid


# In the order in which they are looked for. Balance before collapse: who has won is the reason why
# the pictures are alike, and what can be turned.
SIGNS: tuple[tuple[Condition, Callable[[Evidence, bool], str | None]], ...] = (
    ("diverged", blown_up),
    ("memorising", memorising),
    ("D is winning", d_is_winning),
    ("G is winning", g_is_winning),
    ("mode collapse", mode_collapse),
    ("diverged", far_worse),
    ("settled", settled),
)

# What can be said of a network while it grows: its pictures lack all that is finer, and so by what
# is measured of them they are far from the real ones and alike.
WHILE_GROWING = (blown_up, d_is_winning)
