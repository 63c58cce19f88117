"""For each state of a run, the one thing to turn: of what is not yet in use, the mildest first.

Pure functions of the settings. A change names `TrainConfig` fields of `ADJUSTABLE`, within bounds;
where nothing is left to be turned it is empty, and the advice is in words alone. "A new run from
this model" is a button on the page, and `train PICTURES --start RUN`: of a run, only the best model
is kept.
"""

from collections.abc import Callable
from typing import TypeAlias

from gan_core.gan.config import TrainConfig, derive
from gan_core.gan.signs import CHANCE, Condition
from gan_core.settings import bounds_of

Change: TypeAlias = dict[str, float | int | str | tuple[str, ...]]
Remedy: TypeAlias = tuple[str, Change]

# Of chance level: a loss of 0.25 by the non-saturating loss. It ended spells in which D had won and
# skipped a quarter to a third of D's steps (docs/experiments.md, "Balance").
_SKIP_BELOW = 0.18
_FARTHEST_APART = 8  # the two learning rates: beyond that another reason is more likely
_R1_WORTH_KEEPING = 0.003  # the value that the bundled model was trained with


def remedy(condition: Condition, config: TrainConfig, n_images: int) -> Remedy:
    """What to do about a condition, in a sentence, and as settings to change."""
    find = _REMEDIES.get(condition)
    return find(config, n_images) if find else (_WORDS[condition], {})


def _fuller_augmentation(config: TrainConfig, n_images: int) -> Remedy | None:
    full = derive(n_images, 1.0).augment
    missing = [name for name in full if name not in config.augment]
    if missing:
        whole = tuple(dict.fromkeys((*config.augment, *missing)))
        change: Change = {"augment": whole, "augment_p": 1.0}
        what = f"Augment every picture by {' + '.join(whole)}"
    elif config.augment_p < 1:
        change, what = {"augment_p": 1.0}, "Augment every picture (augment_p 1)"
    else:
        return None
    return (
        f"{what}: D then never sees the same picture twice and cannot learn them by heart.",
        change,
    )


def _hold_d_back(config: TrainConfig, n_images: int) -> Remedy:
    """A slower D before a D that is left alone: the latter cost most in trials (docs/doctor.md)."""
    if found := _fuller_augmentation(config, n_images):
        return found
    if config.lr_D > config.lr_G:
        return _slow_d(config.lr_G)
    if config.skip_D_below == 0:
        below = round(_SKIP_BELOW * CHANCE[config.loss], 2)
        return (
            f"Leave D alone while its loss is below {below:g} (skip_D_below): G can catch up.",
            {"skip_D_below": below},
        )
    if (lr := config.lr_D / 2) >= max(config.lr_G / _FARTHEST_APART, _lowest("lr_D")):
        return _slow_d(lr)
    return "Nothing is left to hold D back with: stop, and begin a new run from this model.", {}


def _slow_d(lr: float) -> Remedy:
    return f"Lower D's learning rate to {lr:.2g} (lr_D), so that G catches up.", {"lr_D": lr}


def _let_d_catch_up(config: TrainConfig, n_images: int) -> Remedy:
    if config.skip_D_below > 0:
        return "Let D learn in every step again (skip_D_below 0).", {"skip_D_below": 0.0}
    if config.freeze_D > 0:
        blocks = config.freeze_D // 2
        what = f"Let more of D learn: only {blocks} of its lower blocks held still (freeze_D)."
        return what, {"freeze_D": blocks}
    if config.lecam > 0:
        return "Let D differ more from what it said before (lecam 0).", {"lecam": 0.0}
    if max(config.r1_gamma, config.r2_gamma) > 0:
        less = {name: _less_penalty(getattr(config, name)) for name in ("r1_gamma", "r2_gamma")}
        what = f"Let D be steeper: R1 penalty {less['r1_gamma']:g}, R2 {less['r2_gamma']:g}."
        return what, {**less}
    lr = config.lr_G if config.lr_D < config.lr_G else 2 * config.lr_D
    if lr <= config.lr_G * _FARTHEST_APART and lr <= bounds_of(TrainConfig, "lr_D")[1]:
        return f"Raise D's learning rate to {lr:.2g} (lr_D), so that it catches up.", {"lr_D": lr}
    return "D cannot be made to learn faster: stop, and begin a new run from this model.", {}


def _less_penalty(gamma: float) -> float:
    return gamma / 10 if gamma / 10 >= _R1_WORTH_KEEPING else 0.0


def _slow_g(config: TrainConfig, n_images: int) -> Remedy:
    back = "If variety does not come back, stop, and begin a new run from this model."
    lr = config.lr_G / 2
    if lr >= max(config.lr_D / _FARTHEST_APART, _lowest("lr_G")):
        what = f"Lower G's learning rate to {lr:.2g} (lr_G): it runs after D's latest weakness."
        return f"{what} {back}", {"lr_G": lr}
    if found := _fuller_augmentation(config, n_images):
        return f"{found[0]} {back}", found[1]
    return (
        "Stop, and begin a new run: from this model, the best so far, or with more pictures, and"
        " such as are more alike.",
        {},
    )


def _against_copies(config: TrainConfig, n_images: int) -> Remedy:
    if found := _fuller_augmentation(config, n_images):
        return found
    return (
        "Stop here: more time brings more copies. The model that is kept was also chosen for"
        " having few; for fewer, begin a new run with more pictures or less time.",
        {},
    )


def _calm_down(config: TrainConfig, n_images: int) -> Remedy:
    change: Change = {
        name: max(getattr(config, name) / 4, _lowest(name)) for name in ("lr_G", "lr_D")
    }
    if all(value == getattr(config, name) for name, value in change.items()):
        return "The rates are at their lowest: stop, and begin a new run from this model.", {}
    return (
        f"Lower both learning rates to a quarter (lr_G {change['lr_G']:.2g}, lr_D"
        f" {change['lr_D']:.2g}). If it does not recover, stop, and begin a new run from this"
        " model.",
        change,
    )


def _lowest(name: str) -> float:
    return bounds_of(TrainConfig, name)[0]


_WORDS: dict[Condition, str] = {
    "learning": "Wait a little.",
    "healthy": "Nothing needs to be turned. Losses that go up and down are how it should be.",
    "settled": "You may end the run: more time has stopped helping, and the best is kept.",
}
_REMEDIES: dict[Condition, Callable[[TrainConfig, int], Remedy]] = {
    "D is winning": _hold_d_back,
    "G is winning": _let_d_catch_up,
    "mode collapse": _slow_g,
    "memorising": _against_copies,
    "diverged": _calm_down,
}
