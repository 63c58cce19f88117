"""Real processes that train together, each with one thread, as a launcher would start them."""

import multiprocessing
import os
import socket
from collections.abc import Callable

import torch

from gan_core.gan.team import Team, joined

SECONDS = 60  # far more than any of it takes; who is still there then, hangs


def launch(work: Callable[..., object], *arguments: object, size: int = 2) -> list[int | None]:
    """Call work(team, *arguments) in each of `size` processes. Returns their exit codes."""
    fresh = multiprocessing.get_context("forkserver")  # a fork of this one would have its threads
    fresh.set_forkserver_preload(["gan_core", "pytest", "torch._dynamo"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [
        fresh.Process(target=_join, args=(rank, size, port, work, arguments))
        for rank in range(size)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(SECONDS)
    codes = [process.exitcode for process in started]
    for process in started:
        process.kill()
        process.join()
    return codes


def _join(rank: int, size: int, port: int, work: Callable[[Team], None], arguments: tuple) -> None:
    torch.set_num_threads(1)
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    who = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
    os.environ |= {name: str(value) for name, value in {**where, **who}.items()}
    with joined() as team:
        work(team, *arguments)
