"""Real processes that train together, each with one thread, as a launcher would start them."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from gan_core.__main__ import main
from gan_core.gan.team import joined

SECONDS = 180  # far more than any of it takes; who is still there then, hangs


def launch(work: Callable[..., object], *arguments: object, size: int = 2) -> list[int | None]:
    """Call work(team, *arguments) in each of `size` processes. Returns their exit codes."""
    return codes(start(_join, work, *arguments, size=size))


def start_command(*words: object, said: Path, size: int = 2) -> list[BaseProcess]:
    """Start a command of the command line in each process; all they say is added to a file."""
    return start(_command, said, *map(str, words), size=size)


def start(target: Callable[..., object], *arguments: object, size: int) -> list[BaseProcess]:
    fresh = multiprocessing.get_context("forkserver")  # a fork of this one would have its threads
    fresh.set_forkserver_preload(["gan_core", "pytest", "torch._dynamo"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started: list[BaseProcess] = [
        fresh.Process(target=_be_one_of, args=(rank, size, port, target, arguments))
        for rank in range(size)
    ]
    for process in started:
        process.start()
    return started


def codes(started: list[BaseProcess]) -> list[int | None]:
    """Wait for all to end. Returns their exit codes; None for one that hangs."""
    for process in started:
        process.join(SECONDS)
    found = [process.exitcode for process in started]
    for process in started:
        process.kill()
        process.join()
    return found


def _be_one_of(
    rank: int, size: int, port: int, target: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    torch.set_num_threads(1)
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    who = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
    os.environ |= {name: str(value) for name, value in {**where, **who}.items()}
    target(*arguments)


def _join(work: Callable[..., object], *arguments: object) -> None:
    with joined() as team:
        work(team, *arguments)


def _command(said: Path, *words: str) -> None:
    with said.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    main(list(words))
