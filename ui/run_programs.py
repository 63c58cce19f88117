"""What other programs may do with runs: train, watch, pause, go on, download, delete.

Nothing lists runs: whoever has a run's id has the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from gan_core.files import explain_disk_errors
from gan_core.gan.config import TrainConfig
from gan_core.gan.start import SCRATCH
from gan_core.pictures import compose
from gan_core.settings import default_of
from ui import gpu, view
from ui.cache import save_to_cache
from ui.choice import of_network
from ui.errors import friendly, friendly_async_stream
from ui.models import Models
from ui.orders import more_minutes
from ui.pictures_report import READING, read_uploads
from ui.programs import declare, declare_plain, files, numbers, words
from ui.request import USUAL_MINUTES
from ui.result import PACKING, package
from ui.train import asked_settings


class RunPrograms:
    """The endpoints; declared where it is made."""

    def __init__(self, models: Models) -> None:
        self.models, self.runs = models, models.runs
        asked = [
            files("files"),
            *numbers(minutes=USUAL_MINUTES),
            *words(start=models.default() or SCRATCH),
            *numbers(seed=default_of(TrainConfig, "seed")),
        ]
        declare(self.train, asked, gr.Textbox(visible=False, label="run_id"), **READING)
        for endpoint in (self.train_status, self.pause, self.resume, self.stop, self.delete):
            declare_plain(endpoint, queue=False)
        if gpu.LENT:
            answer = gr.JSON(visible=False, label="status")
            declare(self.drive, words(run_id=None), answer, concurrency_limit=None)
        self.zip = gr.File(label="zip", visible=False)
        declare(self.download, words(run_id=None), self.zip, **PACKING)

    @friendly
    def train(self, files: list[str], minutes: float, start: str, seed: float) -> str:
        """Train a model on pictures, in line behind those that train already.

        Args:
            files: 20 pictures or more, or one zip of them.
            minutes: the time it is given, at most 240.
            start: what it starts from: a bundled model, one from the Hub that has both networks
                (`fetch_model`), a run's id, or "scratch".
            seed: 0 to 2147483647.

        Returns:
            The run's id, which is its only key: keep it. On a Space with ZeroGPU it waits for
            `drive`.
        """
        choice = of_network(self.models.start(start)[1], start)
        dataset = compose(read_uploads(files, choice.resolution))
        settings = asked_settings(self.models, dataset, minutes, choice, seed, {})
        return self.runs.create(dataset, settings)

    @friendly
    def train_status(self, run_id: str) -> dict[str, Any]:
        """Say how a run is doing.

        Args:
            run_id: from `train`.

        Returns:
            `state` (queued, starting, running, stopping, paused, finished, stopped, failed ...),
            `message`, a sentence; `has_model`, whether `generate` can use it; `ahead`, runs before
            it in line; and, once they are known, kimg, seconds_left, loss_G, loss_D, kid.
        """
        return view.figures(self.runs.look(run_id))

    @friendly
    def pause(self, run_id: str) -> dict[str, Any]:
        """Let a run save and make room for others, until it is let go on.

        Args:
            run_id: from `train`.

        Returns:
            What `train_status` gives.
        """
        self.runs.pause(run_id)
        return self.train_status(run_id)

    @friendly
    def resume(self, run_id: str, minutes: float = 0) -> dict[str, Any]:
        """Let a run that was paused, or has ended, go on.

        Args:
            run_id: from `train`.
            minutes: how many more it is given, at most 240; 0: what is left of its time.

        Returns:
            What `train_status` gives.
        """
        self.runs.resume(run_id, more_minutes(minutes) if minutes else None)
        return self.train_status(run_id)

    @friendly
    def stop(self, run_id: str) -> dict[str, Any]:
        """Ask a run to save and end; it keeps what it has learned.

        Args:
            run_id: from `train`.

        Returns:
            What `train_status` gives.
        """
        self.runs.stop(run_id)
        return self.train_status(run_id)

    @friendly_async_stream
    async def drive(self, run_id: str) -> AsyncGenerator[dict[str, Any]]:
        """Let a run that waits train here, on the caller's GPU quota, until it has ended.

        Called after `train` and `resume`. If the call is given up, the run saves and is paused,
        until it is called again.

        Args:
            run_id: from `train`.

        Returns:
            Once in a second what `train_status` gives.
        """
        async with aclosing(self.runs.drive(run_id)) as driving:
            async for _ in driving:
                yield await asyncio.to_thread(self.train_status, run_id)
        yield await asyncio.to_thread(self.train_status, run_id)

    @friendly
    def download(self, run_id: str) -> str:
        """Give an ended run's zip: both networks, settings, previews, time-lapse, model card.

        Args:
            run_id: from `train`.

        Returns:
            The zip. The pictures that the run learned from are not in it.
        """
        packed, name = package(self.runs, run_id)
        kept_in = self.zip.GRADIO_CACHE
        with explain_disk_errors(Path(kept_in)):
            return save_to_cache(packed.read_bytes(), f"{name}.zip", kept_in)

    @friendly
    def delete(self, run_id: str) -> str:
        """Delete a run with its pictures and its model, now and for good; if it trains, end it.

        Args:
            run_id: from `train`.

        Returns:
            "deleted"
        """
        self.runs.delete(run_id)
        return "deleted"
