"""Between a handler and the page: mistakes become messages, bugs are logged, nothing dies."""

import html
import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from gan_core.errors import AtelierError, BadSetting
from ui import texts

_P = ParamSpec("_P")
_R = TypeVar("_R")
_log = logging.getLogger(__name__)
_SECONDS = 15.0  # long enough to read three sentences


def friendly(handler: Callable[_P, _R]) -> Callable[_P, _R]:
    """Wrap a handler so that every exception reaches the user as a calm message.

    Messages may hold file names that strangers chose, and the page renders them as HTML; so they
    are escaped.
    """

    @wraps(handler)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with _calmly(handler.__name__):
            return handler(*args, **kwargs)

    return guarded


def friendly_stream(handler: Callable[_P, Iterator[_R]]) -> Callable[_P, Iterator[_R]]:
    """The same for a handler that yields."""

    @wraps(handler)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> Iterator[_R]:
        with _calmly(handler.__name__):
            yield from handler(*args, **kwargs)

    return guarded


def friendly_async_stream(
    handler: Callable[_P, AsyncGenerator[_R]],
) -> Callable[_P, AsyncGenerator[_R]]:
    """The same for one that takes long, and holds none of the server's threads meanwhile."""

    @wraps(handler)
    async def guarded(*args: _P.args, **kwargs: _P.kwargs) -> AsyncGenerator[_R]:
        with _calmly(handler.__name__):
            async with aclosing(handler(*args, **kwargs)) as values:
                async for value in values:
                    yield value

    return guarded


@contextmanager
def _calmly(name: str) -> Iterator[None]:
    try:
        yield
    except gr.Error:
        raise
    except AtelierError as error:
        raise _message(str(error)) from error
    except Exception as error:
        _log.exception("unexpected error in %s", name)
        raise _message(texts.UNEXPECTED) from error


def require(name: str, value: Any, low: float, high: float, whole: bool = False) -> float:
    """Return `value` if it is a number within the bounds, and `whole` if it must be.

    A slider's own bounds are not enforced for API calls. Raises: BadSetting.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and low <= value <= high and (not whole or value == int(value)):
        return float(value)
    if value is None or value == "":
        what = texts.EMPTY.format(name=name)
    elif not is_number or value != value:
        what = texts.NOT_A_NUMBER.format(name=name, value=value)
    else:
        what = texts.OUT_OF_BOUNDS.format(name=name, value=_in_full(value))
    expected = texts.NOT_WHOLE_EXPECTED if whole else texts.OUT_OF_BOUNDS_EXPECTED
    bounds = {"low": _in_full(low), "high": _in_full(high)}
    raise BadSetting(what, expected.format(**bounds), texts.OUT_OF_BOUNDS_ADVICE)


def whole_number(name: str, text: str, low: int, high: int) -> int:
    """Read a whole number within the bounds, as of an environment variable. Raises: BadSetting."""
    is_number = text.strip().lstrip("-").isdigit()
    return int(require(name, int(text) if is_number else text, low, high, whole=True))


def _in_full(value: float) -> str:
    """All digits of a number that a person may have typed: 2,147,483,647, not 2.147e+09."""
    return f"{value:,.0f}" if value == round(value, 0) and abs(value) < 1e15 else f"{value:,.10g}"


def _message(text: str) -> gr.Error:
    return gr.Error(
        html.escape(text), duration=_SECONDS, title=texts.ERROR_TITLE, print_exception=False
    )
