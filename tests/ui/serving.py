"""The program in a process of its own, as a user starts it."""

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from browsing import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
_T = TypeVar("_T")


@contextmanager
def serve(folder: Path, program: Sequence[str] = ("app.py",), **settings: str) -> Iterator[str]:
    """Run the program, and give its address. settings: of its environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings |= {"GAN_ATELIER_RUNS": str(folder / "runs"), "GRADIO_SERVER_PORT": str(port)}
    environment = {**os.environ, **settings}
    environment.pop("GRADIO_TEMP_DIR", None)
    with (folder / "log").open("wb") as log:
        command = [sys.executable, *program]
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(address, server, folder / "log")
            yield address
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(address: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 3 * PATIENCE / 1000  # it imports torch first
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text()}")


def in_a_loop(task: Coroutine[Any, Any, _T]) -> _T:
    """Run it in a loop of another thread: where a browser was driven, a loop runs in this one."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, task).result()
