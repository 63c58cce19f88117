"""Between a handler and the page: mistakes become messages, bugs are logged, nothing dies."""

import html
import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

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
        try:
            return handler(*args, **kwargs)
        except gr.Error:
            raise
        except AtelierError as error:
            raise _message(str(error)) from error
        except Exception as error:
            _log.exception("unexpected error in %s", handler.__name__)
            raise _message(texts.UNEXPECTED) from error

    return guarded


def require(name: str, value: float | None, low: float, high: float) -> float:
    """Return `value` if it lies within the bounds. A slider's own are not enforced for API calls.

    Raises: BadSetting.
    """
    if value is None or not low <= value <= high:
        raise BadSetting(
            texts.OUT_OF_BOUNDS.format(name=name, value=float("nan") if value is None else value),
            texts.OUT_OF_BOUNDS_EXPECTED.format(low=low, high=high),
            texts.OUT_OF_BOUNDS_ADVICE,
        )
    return value


def _message(text: str) -> gr.Error:
    return gr.Error(
        html.escape(text), duration=_SECONDS, title=texts.ERROR_TITLE, print_exception=False
    )
