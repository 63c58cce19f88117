"""What training and painting tell the world: frozen records of plain values, to and from JSON.

`gan.train`, `features.training` and `style.transfer` yield them; the command line prints them, a
run's folder keeps them (`events.jsonl`) and the page shows them. None holds a tensor, a module or
an open file.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Started:
    """The run has begun or was resumed; `plan` says in one sentence what it will do."""

    plan: str
    n_images: int
    resolution: int
    batch_size: int
    seed: int
    start: str  # "scratch", or the name of the model it started from
    minutes: float | None  # the run's whole budget, None when kimg is the limit
    kimg_limit: float | None
    kimg: float = 0.0  # > 0 when resumed
    seconds: float = 0.0


@dataclass(frozen=True)
class Probed:
    """What the timed probe chose for this machine, and what it chose from."""

    device: str
    dtype: str
    channels_last: bool
    threads: int
    images_per_second: float
    tried: dict[str, float]  # "bfloat16, channels_last" -> images/s


@dataclass(frozen=True)
class Progress:
    """Means since the last report. Scores are sigmoid(logits): 1 = "D says real"."""

    kimg: float
    seconds: float  # of training so far, resumed parts included
    seconds_left: float
    images_per_second: float
    loss_D: float
    loss_G: float
    score_real: float
    score_fake: float
    d_sign: float  # mean sign of D(real), in [-1, 1]; near 1 = D is memorising (ADA)
    skipped_D: float  # share of steps in which D was left alone, in [0, 1]
    grad_D: float = 0.0  # mean norm of D's gradient, over all its weights that learn
    grad_G: float = 0.0
    side: int = 0  # that a growing network works at, pixels; 0: it does not grow
    fade: float = 1.0  # what the layers of this side count, in [0, 1]


@dataclass(frozen=True)
class Preview:
    """What G_ema makes of the run's fixed latents: uint8 [H, W, 3], one grid.

    In JSON only `file` is kept, relative to the run's folder.
    """

    kimg: float
    image: NDArray[np.uint8] | None = None
    file: str | None = None


@dataclass(frozen=True)
class Measured:
    """How G_ema's pictures compare with the real ones, in the features of `extractor`.

    kid: kernel inception distance, unscaled; show it times 1000, with its 90 % interval.
    The other four say what kid cannot: see `gan.metrics.Quality`.
    """

    kimg: float
    seconds: float
    kid: float
    kid_low: float
    kid_high: float
    coverage: float  # share of the real pictures that have a made one nearby, in [0, 1]
    memorised: float  # share of the made pictures that lie too near to a real one, in [0, 1]
    nearest: float  # made-to-real distance over real-to-real distance, medians; 1 = as far apart
    diversity: float  # mean distance between made pictures over that between real ones
    n_real: int
    n_fake: int
    extractor: str
    is_best: bool


@dataclass(frozen=True)
class Diagnosed:
    """What the run doctor makes of the latest figures; yielded when its verdict changes.

    change: setting -> value: the one thing to turn, as `TrainConfig` fields; empty for none.
    """

    kimg: float
    state: str  # a `gan.doctor.Condition`
    evidence: str  # a sentence with the figures
    advice: str
    change: dict[str, float | int | str | tuple[str, ...]]


@dataclass(frozen=True)
class Adjusted:
    """Settings of a run were changed under way, or on resuming. before, after: by name."""

    kimg: float
    before: dict[str, object]
    after: dict[str, object]
    by: str  # "user" | "autopilot"


@dataclass(frozen=True)
class Saved:
    """A checkpoint (to resume) or the best snapshot (to use) was written."""

    kimg: float
    what: str  # "checkpoint" | "best"


@dataclass(frozen=True)
class Finished:
    """The run ended as wished: its time was up, or somebody pressed Stop."""

    kimg: float
    seconds: float
    stopped: bool
    best_kid: float | None


@dataclass(frozen=True)
class Failed:
    """The run ended by itself; the last good snapshot, if there is one, was kept."""

    kimg: float
    reason: str
    advice: str
    has_snapshot: bool


@dataclass(frozen=True)
class Classified:
    """How far a classifier's training is; means since the last report."""

    kimg: float
    seconds: float  # of training so far, resumed parts included
    seconds_left: float
    images_per_second: float
    loss: float  # cross-entropy, in nats
    accuracy: float  # on photographs that are not learned from, in [0, 1]


@dataclass(frozen=True)
class Planned:
    """What a style transfer will do: one sentence, and the longer sides it passes through."""

    plan: str
    network: str
    sizes: tuple[int, ...]
    width: int
    height: int


@dataclass(frozen=True)
class Noticed:
    """Something did not go as asked, and what was done instead."""

    text: str


@dataclass(frozen=True)
class Painted:
    """A pastiche as it grows. image: uint8 [H, W, 3], of the size that is being painted."""

    seconds: float
    seconds_left: float
    size: int  # longer side
    step: int  # of all sizes together
    content_loss: float
    style_loss: float
    tv_loss: float
    style_matched: float  # share of the gap between content and style that is closed, [0, 1]
    content_kept: float  # share of the content's features, by their squares, [0, 1]
    image: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Pastiche:
    """The end of a style transfer.

    image: uint8 [H, W, 3], in the colours that were asked for; painted: in those of the style;
    content: the content at the same size. (`style.color.keep_colors` makes one of the other two.)
    steps: how many were taken at each size; with the precision they repeat the picture.
    """

    seconds: float
    steps: tuple[int, ...]
    sizes: tuple[int, ...]
    stopped: bool
    style_matched: float
    content_kept: float
    precision: str  # of the network's numbers: "float32" | "bfloat16"
    image: NDArray[np.uint8] | None = None
    painted: NDArray[np.uint8] | None = None
    content: NDArray[np.uint8] | None = None


Event: TypeAlias = (
    Started
    | Probed
    | Progress
    | Preview
    | Measured
    | Diagnosed
    | Adjusted
    | Saved
    | Finished
    | Failed
    | Classified
    | Planned
    | Noticed
    | Painted
    | Pastiche
)


class HasKid(Protocol):
    """`Measured`, and the `gan.metrics.Quality` it is made from."""

    @property
    def kid(self) -> float: ...
    @property
    def kid_low(self) -> float: ...
    @property
    def kid_high(self) -> float: ...


_KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}


def say_kid(found: HasKid) -> str:
    """KID times 1000 with its 90 % interval, as text: "226 [180..272]"."""
    low, high = found.kid_low * 1000, found.kid_high * 1000
    return f"{found.kid * 1000:.0f} [{low:.0f}..{high:.0f}]"


def to_json(event: Event) -> dict[str, Any]:
    """Make a JSON-ready dict with the event's class name under "event"; pixels are left out."""
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    for pixels in ("image", "painted", "content"):
        values.pop(pixels, None)
    return {"event": type(event).__name__, **values}


def from_json(record: dict[str, Any]) -> Event:
    """Rebuild an event from `to_json`'s dict.

    Raises: ValueError for an unknown event or unknown fields (a log of another version).
    """
    values = dict(record)
    kind = _KINDS.get(values.pop("event", ""))
    if kind is None:
        raise ValueError(f"unknown event {record.get('event')!r}")
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"cannot read {record.get('event')} event: {error}") from error
