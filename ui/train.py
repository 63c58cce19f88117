"""The Train tab, before a run: pictures in, what became of them, one dial, Start.

What is seen while a run trains is `watch`.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import gradio as gr
from gradio.events import api

from gan_core.errors import BadDataset, BadSetting
from gan_core.gan.config import AUGMENTATIONS, TrainConfig, derive
from gan_core.gan.train import SCRATCH
from gan_core.pictures import Dataset, UnusableDataset, load_dataset, make_grid
from ui import texts, view
from ui.errors import friendly, require
from ui.mine import Mine
from ui.models import Models
from ui.run_folder import MOST_MINUTES, SHORTEST_MINUTES, Settings
from ui.watch import Watch

_CROPS = 32
_BY_HAND = ("batch_size", "lr_G", "lr_D", "loss", "skip_D_below", "r1_gamma")
_FIELDS = {entry.name: entry for entry in fields(TrainConfig)}


@dataclass(frozen=True)
class Draft:
    """Pictures that were read and wait for Start."""

    run_id: str
    n_images: int


def settings_from(
    models: Models, n_images: int, minutes: float, start: str, seed: float, options: dict[str, Any]
) -> Settings:
    """Check what the page or a client of the API asked for, by the same rules as the trainer.

    Raises: BadSetting, BadWeights, BadRun.
    """
    require(texts.TIME, minutes, SHORTEST_MINUTES, MOST_MINUTES)
    require(texts.SEED, seed, 0, _FIELDS["seed"].metadata["high"], whole=True)
    called, network = models.start(start)
    if network.resolution != (wanted := models.resolution()):
        raise BadSetting(
            texts.OTHER_SIZE.format(found=network.resolution),
            texts.OTHER_SIZE_EXPECTED.format(wanted=wanted),
            texts.OTHER_SIZE_ADVICE,
        )
    derived = derive(n_images, minutes, network)
    by_hand = {
        name: value
        for name, value in options.items()
        if value is not None and value != getattr(derived, name)
    }
    # Raises for what is out of bounds; the trainer will derive the same again.
    derive(n_images, minutes, network, seed=int(seed), **by_hand)
    return Settings(
        minutes=minutes,
        seed=int(seed),
        start=called,
        start_name=start if start == SCRATCH else models.title(start),
        label=texts.RUN_LABEL.format(n=n_images, minutes=minutes),
        options=by_hand,
    )


def read_pictures(files: Sequence[str] | None, size: int) -> Dataset:
    """Read what was uploaded. Raises: BadDataset."""
    if not files:
        raise _no_pictures()
    return load_dataset(sorted(map(Path, files), key=lambda path: path.name), size)


class TrainTab:
    """What is seen before a run, inside `watch.setup`, and the endpoints for programs."""

    def __init__(self, models: Models, watch: Watch) -> None:
        self.models, self.watch = models, watch
        gr.Markdown(texts.TRAIN_INTRO)
        with gr.Tabs():
            with gr.Tab(texts.FILES_TAB):
                self.files = gr.File(
                    label=texts.FILES, file_count="multiple", height=150, elem_id="files"
                )
            with gr.Tab(texts.FOLDER_TAB):
                self.folder = gr.File(
                    label=texts.FOLDER, file_count="directory", height=150, elem_id="folder"
                )
        gr.Markdown(texts.RETENTION, elem_classes="quiet")
        self._lay_out_report()
        self.minutes = gr.Radio(list(texts.TIMES), value=5.0, label=texts.TIME, elem_id="time")
        self.button = gr.Button(texts.START, variant="primary", interactive=False, elem_id="start")
        with gr.Accordion(texts.ADVANCED, open=False, elem_id="advanced"):
            self.advanced = self._lay_out_advanced()
        self.draft = gr.State(None)
        self.report: list[Any] = [
            self.draft, self.summary, self.seen, self.crops, self.table, self.button,
        ]  # fmt: skip

    def _lay_out_report(self) -> None:
        self.summary = gr.HTML(visible=False, elem_id="summary")
        with gr.Row():
            with gr.Column(visible=False, min_width=280) as self.seen:
                gr.HTML(f'<p class="caption">{texts.CROPS}</p>')
                self.crops = gr.Image(
                    show_label=False, format="png", interactive=False, buttons=[],
                    elem_id="crops", alt_text=texts.CROPS,
                )  # fmt: skip
            self.table = gr.Dataframe(
                headers=list(texts.REPORT_COLUMNS), label=texts.REPORT, visible=False, wrap=True,
                min_width=280, interactive=False, max_height=320, elem_id="report",
                column_widths=["40%", "20%", "40%"],
            )  # fmt: skip

    def _lay_out_advanced(self) -> list[Any]:
        """Everything that may be set by hand, in the order in which `start` takes it."""
        with gr.Row():
            other = gr.Number(
                0, label=texts.OTHER_TIME, info=texts.OTHER_TIME_INFO, elem_id="other-time"
            )
            self.watch.start_from.render()  # type: ignore[no-untyped-call]
            seed = _control("seed")
        by_hand = []
        for names in (_BY_HAND[:3], _BY_HAND[3:]):
            with gr.Row():
                by_hand += [_control(name) for name in names]
        with gr.Row():
            augment = gr.CheckboxGroup(
                list(AUGMENTATIONS), value=list(AUGMENTATIONS), label=texts.AUGMENTATION,
                info=texts.AUGMENTATION_INFO,
            )  # fmt: skip
            mirror = gr.Checkbox(False, label=texts.MIRROR)
        return [other, self.watch.start_from, seed, *by_hand, augment, mirror]

    def wire(self) -> None:
        """Connect uploads and Start; declare the endpoints train, train_status and stop."""
        private: dict[str, Any] = {"api_visibility": "private"}
        reading: dict[str, Any] = {"concurrency_id": "read", "concurrency_limit": 2}
        for drop in (self.files, self.folder):
            drop.upload(self.read, [drop, self.draft], [*self.report, drop], **reading, **private)
        self.button.click(
            self.start,
            [self.draft, self.minutes, *self.advanced, self.watch.mine],
            [*self.report, *self.watch.outputs],
            show_progress="minimal",
            **private,
        )
        # Not `api`: only a File component checks that a path in a request was really uploaded.
        inputs = [
            gr.File(file_count="multiple", visible=False, label=texts.FILES),
            gr.Number(5, visible=False, label=texts.TIME),
            gr.Textbox(self.models.default() or SCRATCH, visible=False, label=texts.START_FROM),
            gr.Number(0, visible=False, label=texts.SEED),
        ]
        run_id = gr.Textbox(visible=False, label="run_id")
        endpoint = gr.Button(visible=False)
        endpoint.click(self.train, inputs, run_id, api_name="train", **reading)
        api(self.train_status, api_name="train_status", queue=False)
        api(self.stop, api_name="stop", queue=False)

    @friendly
    def read(self, paths: list[str] | None, before: Draft | None) -> list[Any]:
        """Read an upload and report on it; a draft that was not started is thrown away."""
        runs = self.models.runs
        if before is not None and runs.exists(before.run_id):
            runs.forget(before.run_id)
        try:
            dataset = read_pictures(paths, self.models.resolution())
        except BadDataset as error:
            rows = view.report_rows(error.report if isinstance(error, UnusableDataset) else ())
            return [None, *_report(str(error), None, rows), gr.update(interactive=False), None]
        kept = Draft(runs.add(dataset), len(dataset))
        crops = make_grid(dataset.images[:_CROPS], columns=8)
        rows = view.report_rows(dataset.report)
        return [kept, *_report(dataset.summary(), crops, rows), gr.update(interactive=True), None]

    @friendly
    def start(
        self, kept: Draft | None, dial: float, other: float | None, start: str, seed: float,
        *rest: Any,
    ) -> list[Any]:  # fmt: skip
        """Put the draft in line, and turn the page to watching it."""
        *by_hand, augment, mirror, stored = rest
        if kept is None:
            raise _no_pictures()
        options = dict(zip(_BY_HAND, by_hand, strict=True))
        options |= {"augment": tuple(augment), "mirror": mirror}
        settings = settings_from(self.models, kept.n_images, other or dial, start, seed, options)
        self.models.runs.start(kept.run_id, settings)
        mine = Mine.from_browser(stored).with_run(kept.run_id)
        hidden = [gr.update(visible=False)] * 4
        return [None, *hidden, gr.update(interactive=False), *self.watch.show(mine)]

    @friendly
    def train(self, files: list[str], minutes: float, start: str, seed: float) -> str:
        """Train on pictures or one zip for `minutes`; returns the run's id, its only key."""
        dataset = read_pictures(files, self.models.resolution())
        settings = settings_from(self.models, len(dataset), minutes, start, seed, {})
        return self.models.runs.create(dataset, settings)

    @friendly
    def train_status(self, run_id: str) -> dict[str, Any]:
        """How a run is doing: state, a sentence, and the latest figures."""
        return view.figures(self.models.runs.look(run_id))

    @friendly
    def stop(self, run_id: str) -> dict[str, Any]:
        """Ask a run to save and end; answers like train_status."""
        self.models.runs.stop(run_id)
        return view.figures(self.models.runs.look(run_id))


def _control(name: str) -> gr.components.Component:
    """Make the control for one setting; bounds and words are those of the configuration."""
    entry = _FIELDS[name]
    about, default = entry.metadata, cast(Any, entry.default)
    if "choices" in about:
        return gr.Dropdown(list(about["choices"]), value=default, label=about["help"])
    is_whole = isinstance(default, int)
    return gr.Number(
        default,
        label=about["help"],
        precision=0 if is_whole else None,
        step=1 if is_whole else about["low"] or 0.1,
    )


def _report(text: str, crops: Any, rows: list[list[str]]) -> list[Any]:
    return [
        gr.update(value=f"<p>{html.escape(text)}</p>", visible=True),
        gr.update(visible=crops is not None),
        gr.update(value=crops),
        gr.update(value=rows, visible=bool(rows)),
    ]


def _no_pictures() -> BadDataset:
    return BadDataset(texts.NO_PICTURES, texts.NO_PICTURES_EXPECTED, texts.NO_PICTURES_ADVICE)
