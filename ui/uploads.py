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
_LOOK_MB = 16  # of an upload, after which the disk is looked at again


class Bounded:
    """Middleware that refuses what is too much: at once if it is announced, else as it comes.

    folder: where uploads are kept. files_mb, words_mb: megabytes of an upload, of another request.
    spare_mb: what all uploads together must leave free on the disk. look_mb: it is looked at each
    time that so much has come, for not everything is announced, and others write there too.
    """

    def __init__(
        self,
        app: ASGIApp,
        folder: Path,
        files_mb: int = _FILES_MB,
        words_mb: int = _WORDS_MB,
        spare_mb: int = _SPARE_MB,
        look_mb: float = _LOOK_MB,
    ) -> None:
        self.app, self.folder = app, folder
        self.files_mb, self.words_mb, self.spare_mb = files_mb, words_mb, spare_mb
        self.look_mb = look_mb
        self._announced = 0  # bytes of uploads that are still to come

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        is_upload = scope["path"].rstrip("/").endswith("/upload")
        most = self.files_mb if is_upload else self.words_mb
        announced = int(Headers(scope=scope).get("content-length", "0"))
        if announced > most * _MB:
            refusal = PlainTextResponse(texts.TOO_MUCH.format(most=most), 413)
            await refusal(scope, receive, send)
        elif not is_upload:
            await self.app(scope, _counting(receive, most), send)
        elif announced / _MB > (free := self._free()):
            refusal = PlainTextResponse(texts.NO_ROOM.format(free=max(free, 0)), 507)
            await refusal(scope, receive, send)
        else:
            await self._upload(scope, _counting(receive, most), send, announced)

    def _free(self) -> float:
        """Megabytes that may still be announced, or come unannounced."""
        return free_mb(self.folder) - self.spare_mb - self._announced / _MB

    async def _upload(self, scope: Scope, receive: Receive, send: Send, announced: int) -> None:
        """Let an upload come while there is room for it, and for the others that were announced."""
        left, looked_at = announced, 0.0
        came = 0

        async def looking() -> Message:
            nonlocal left, looked_at, came
            message = await receive()
            came += (piece := len(message.get("body", b"")))
            self._announced -= min(left, piece)
            left -= min(left, piece)
            if came - looked_at >= self.look_mb * _MB:
                looked_at = came
                if self._free() < 0:
                    raise MultiPartException(texts.NO_ROOM.format(free=0))
            return message

        self._announced += announced
        try:
            await self.app(scope, looking, send)
        finally:
            self._announced -= left


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
