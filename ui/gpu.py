"""A GPU that is lent for a call at a time, as Spaces on ZeroGPU do; elsewhere, nothing changes.

This is all that knows of `spaces`, the package that such a Space brings. A call runs in a forked
process: what it is given, gives back and yields is pickled, and what else it changes is lost. It is
the visitor's quota that pays, so a call belongs into a visitor's event, or into its context.
"""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from gan_core.compute import has_gpu, is_zero_gpu, take_lent_gpu
from ui.errors import friendly, friendly_stream

LENT = is_zero_gpu()
if LENT:
    import spaces

READY = 15.0  # seconds in which a process is forked, finds its GPU, loads, and saves at the end
LONGEST = 120.0  # seconds, all in all: no more than somebody without an account has in a day
_P = ParamSpec("_P")
_R = TypeVar("_R")


def lend(work: Callable[_P, float]) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Have a function, or a generator, run where the GPU is lent. Elsewhere it stays as it is.

    work: how many seconds it takes, of the same arguments; getting ready comes on top. There an
    AtelierError becomes the message that the page shows; what ZeroGPU refuses is a gr.Error too.
    """

    def decorate(task: Callable[_P, _R]) -> Callable[_P, _R]:
        if not LENT:
            return task

        def duration(*args: _P.args, **kwargs: _P.kwargs) -> int:
            return _as_asked(READY + work(*args, **kwargs))

        return cast(Callable[_P, _R], spaces.GPU(duration=duration)(_inside(task)))

    return decorate


def device() -> str:
    """Where this process keeps networks: on the GPU that it was lent, or else on the CPU."""
    return "cuda" if LENT and has_gpu() else "cpu"


def _as_asked(seconds: float) -> int:
    """What to ask `spaces` for, in whole seconds, so as to be lent so many, and at most LONGEST.

    It multiplies what it is asked for by a factor of the hardware: 1.5 on today's.
    """
    factor = _factor()
    return max(1, min(math.floor(LONGEST / factor), math.ceil(seconds / factor)))


def _factor() -> float:
    """By what `spaces` multiplies here; 1 for a version that has no such factor."""
    try:
        config = importlib.import_module("spaces.zero.config").get_config()
        factor = float(config["duration_factor"])
    except (ImportError, AttributeError, LookupError, TypeError, ValueError):
        return 1.0
    return factor if factor > 0 else 1.0


def _inside(task: Callable[..., Any]) -> Callable[..., Any]:
    """The task in the process that the GPU is lent to."""
    if inspect.isgeneratorfunction(task):
        # A generator function itself: by that `spaces` tells what it is given.
        @wraps(task)
        def stream(*args: Any, **kwargs: Any) -> Any:
            take_lent_gpu()
            yield from friendly_stream(task)(*args, **kwargs)

        return stream

    @wraps(task)
    def call(*args: Any, **kwargs: Any) -> Any:
        take_lent_gpu()
        return friendly(task)(*args, **kwargs)

    return call
