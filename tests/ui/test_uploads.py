"""What one request may bring, asked of Gradio's own server with a small page behind it."""

import os
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from starlette.middleware import Middleware

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


@pytest.mark.parametrize("announced", [True, False])
def test_words_may_be_long_but_not_endless(page: str, announced: bool) -> None:
    def ask(megabytes: float) -> int:
        body = b'{"data": ["' + b"x" * int(megabytes * MB) + b'"]}'
        content = body if announced else iter([body[:9], body[9:]])
        head = {"Content-Type": "application/json"}
        return httpx.post(f"{page}/call/count", content=content, headers=head).status_code

    assert ask(0.5) == 200
    assert ask(1.5) == (413 if announced else 400)
