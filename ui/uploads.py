"""How much one request may bring: a stranger's uploads fill neither the disk nor the memory.

Gradio bounds each file, and how many come at once, but neither what they come to nor what other
requests say.
"""

from pathlib import Path

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gan_core.files import free_mb
from gan_core.pictures.archive import Limits
from ui import texts

_MB = 1_000_000
_FILES_MB = Limits.max_total_bytes // _MB  # of one set of pictures; more would not be read
_WORDS_MB = 20  # of every other request; it says numbers, names and where files lie
_SPARE_MB = 1000  # on the disk, for runs, which save while somebody uploads


class Bounded:
    """Middleware that refuses what is too much: at once if it is announced, else as it comes.

    folder: where uploads are kept. files_mb, words_mb: megabytes of an upload, of another request.
    spare_mb: what an upload must leave free on the disk.
    """

    def __init__(
        self,
        app: ASGIApp,
        folder: Path,
        files_mb: int = _FILES_MB,
        words_mb: int = _WORDS_MB,
        spare_mb: int = _SPARE_MB,
    ) -> None:
        self.app, self.folder = app, folder
        self.files_mb, self.words_mb, self.spare_mb = files_mb, words_mb, spare_mb

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        is_upload = scope["path"].rstrip("/").endswith("/upload")
        most = self.files_mb if is_upload else self.words_mb
        megabytes = int(Headers(scope=scope).get("content-length", "0")) / _MB
        free = free_mb(self.folder) - self.spare_mb if is_upload else most
        if megabytes > most:
            refusal = PlainTextResponse(texts.TOO_MUCH.format(most=most), 413)
            await refusal(scope, receive, send)
        elif megabytes > free:
            refusal = PlainTextResponse(texts.NO_ROOM.format(free=max(free, 0)), 507)
            await refusal(scope, receive, send)
        else:
            await self.app(scope, _counting(receive, most), send)


def _counting(receive: Receive, most: int) -> Receive:
    """The same, but not more than so many megabytes, whether or not they were announced."""
    came = 0

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > most * _MB:
            # Gradio removes what it has of an upload, and answers 413; to JSON FastAPI answers 400.
            raise MultiPartException(texts.TOO_MUCH.format(most=most))
        return message

    return counted
