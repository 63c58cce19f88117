"""What one request may bring, asked of Gradio's own server with a small page behind it."""

import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from serving import in_a_loop
from starlette.formparsers import MultiPartException
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from ui import uploads
from ui.uploads import Bounded

MB = 1_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where Gradio keeps what is uploaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        yield Path(os.environ["GRADIO_TEMP_DIR"])


def count(words: str) -> int:
    return len(words)


def serving(folder: Path, spare_mb: int) -> Iterator[str]:
    bounds = {"folder": folder, "files_mb": 2, "words_mb": 1, "spare_mb": spare_mb}
    with gr.Blocks(analytics_enabled=False) as page:
        gr.api(count)
    page.launch(
        prevent_thread_lock=True,
        quiet=True,
        app_kwargs={"middleware": [Middleware(Bounded, **bounds)]},
    )
    assert page.local_url is not None
    yield f"{page.local_url}gradio_api"
    page.close()


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[str]:
    yield from serving(folder, spare_mb=0)


@pytest.fixture(scope="module")
def full_page(folder: Path) -> Iterator[str]:
    yield from serving(folder, spare_mb=10**9)


def upload(page: str, *sizes: float) -> httpx.Response:
    files = [("files", (f"{n}.png", bytes([n]) * int(size * MB))) for n, size in enumerate(sizes)]
    return httpx.post(f"{page}/upload", files=files)


def in_pieces(megabytes: float) -> Iterator[bytes]:
    """A form with one file, of which nobody says beforehand how long it is."""
    yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    for _ in range(round(megabytes * 10)):
        yield bytes(MB // 10)
    yield b"\r\n--x--\r\n"


def test_files_that_are_together_within_the_bound_come_whole(page: str, folder: Path) -> None:
    answer = upload(page, 0.9, 0.9)
    assert answer.status_code == 200, answer.text
    assert [Path(path).stat().st_size for path in answer.json()] == [900_000] * 2


def test_files_that_are_together_too_large_are_refused_in_words(page: str) -> None:
    answer = upload(page, 0.9, 0.9, 0.9)
    assert (answer.status_code, "2 MB at once" in answer.text) == (413, True)


@pytest.mark.parametrize(("megabytes", "status"), [(1.5, 200), (2.5, 413)])
def test_what_is_not_announced_is_counted_as_it_comes_and_nothing_stays_of_what_is_refused(
    page: str, folder: Path, megabytes: float, status: int
) -> None:
    before = set(folder.rglob("*"))
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = httpx.post(f"{page}/upload", content=in_pieces(megabytes), headers=head)
    assert answer.status_code == status, answer.text
    assert bool(set(folder.rglob("*")) - before) == (status == 200)


def test_a_full_disk_refuses_uploads_and_nothing_else(full_page: str) -> None:
    answer = upload(full_page, 0.1)
    assert (answer.status_code, "room for 0 MB" in answer.text) == (507, True)
    assert httpx.post(f"{full_page}/call/count", json={"data": ["word"]}).status_code == 200


class Slow:
    """Uploads to an app that keeps on a disk what comes; each piece comes when it is let."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "upload"
        self.bounded = Bounded(self.keep, folder, 50, 1, spare_mb=10, look_mb=1)

    async def keep(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.file.open("ab") as file:
            while (message := await receive())["more_body"]:
                file.write(message["body"])
                file.flush()
        await PlainTextResponse("whole")(scope, receive, send)

    async def upload(
        self, pieces: list[bytes], announced: int | None, meanwhile: Callable[[], Awaitable[int]]
    ) -> int:
        """The status; 413 for what Gradio answers so. meanwhile: done before the first piece."""
        status: list[int] = []
        left = iter([*pieces, b""])

        async def receive() -> Message:
            if (piece := next(left)) is pieces[0]:
                await meanwhile()
            return {"type": "http.request", "body": piece, "more_body": bool(piece)}

        async def send(message: Message) -> None:
            status.append(message.get("status", 0))

        headers = [] if announced is None else [(b"content-length", str(announced).encode())]
        scope = {"type": "http", "method": "POST", "path": "/upload", "headers": headers}
        try:
            await self.bounded(scope, receive, send)
        except MultiPartException:
            return 413
        return status[0]


async def nothing() -> int:
    return 0


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slow:
    """On a disk of 20 MB; what is free on a real one changes with whatever else writes there."""
    slow = Slow(tmp_path)
    slow.file.touch()
    monkeypatch.setattr(uploads, "free_mb", lambda _: 20 - slow.file.stat().st_size / MB)
    return slow


def test_what_is_not_announced_ends_where_the_disk_must_be_left_free(slow: Slow) -> None:
    assert in_a_loop(slow.upload([bytes(MB)] * 40, None, nothing)) == 413
    assert 10 * MB <= slow.file.stat().st_size <= 11 * MB


def test_what_uploads_announce_is_counted_together_until_it_is_there(slow: Slow) -> None:
    said: list[int] = []

    async def another(megabytes: int) -> int:
        said.append(await slow.upload([b"x"], megabytes * MB, nothing))
        return said[-1]

    first = slow.upload([b"x"], 6 * MB, lambda: another(6))
    assert in_a_loop(first) == 200
    assert in_a_loop(another(6)) == 200  # the first has ended, though less came than it said
    assert said == [507, 200]


@pytest.mark.parametrize("announced", [True, False])
def test_words_may_be_long_but_not_endless(page: str, announced: bool) -> None:
    def ask(megabytes: float) -> int:
        body = b'{"data": ["' + b"x" * int(megabytes * MB) + b'"]}'
        content = body if announced else iter([body[:9], body[9:]])
        head = {"Content-Type": "application/json"}
        return httpx.post(f"{page}/call/count", content=content, headers=head).status_code

    assert ask(0.5) == 200
    assert ask(1.5) == (413 if announced else 400)
