"""The Train tab, before a run: pictures in, what became of them, one dial, Start.

What is seen while a run trains is `watch`.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import gradio as gr
from gradio.events import api

from gan_core.errors import BadSetting
from gan_core.gan.config import AUGMENTATIONS, TrainConfig, derive
from gan_core.gan.start import SCRATCH
from gan_core.pictures import compose
from ui import texts, view
from ui.drafts import FOLDER, KEEP_HOURS, Drafts
from ui.errors import friendly, require
from ui.mine import PROMISE, Mine
from ui.models import Models
from ui.pictures_report import READING, PicturesReport, no_pictures, read_uploads
from ui.request import MOST_MINUTES, SHORTEST_MINUTES, USUAL_MINUTES, Settings
from ui.settings_form import control
from ui.watch import Watch

BY_HAND = (
    "batch_size", "lr_G", "lr_D", "loss", "train_G", "freeze_D", "skip_D_below", "r1_gamma",
    "r2_gamma", "lecam", "ema_halflife_kimg", "augment_p", "augment", "autopilot",
)  # fmt: skip
_IN_A_ROW = 3
_FEW = 100  # pictures; what the form shows before there are any
_FIELDS = {entry.name: entry for entry in fields(TrainConfig)}


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


def _derived(n_images: int) -> dict[str, Any]:
    """What the form shows of the settings derived for so many pictures, as components take it."""
    config = derive(n_images, USUAL_MINUTES)
    shown = {name: getattr(config, name) for name in BY_HAND}
    return {name: list(it) if isinstance(it, tuple) else it for name, it in shown.items()}


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
        retention = texts.RETENTION.format(runs=models.runs.keep_hours, drafts=KEEP_HOURS)
        gr.Markdown(retention, elem_classes="quiet")
        self.button = gr.Button(
            texts.START, variant="primary", interactive=False, elem_id="start", render=False
        )
        drafts = Drafts(models.runs.root / FOLDER)
        self.report = PicturesReport(drafts, self.button, models.resolution)
        self.minutes = gr.Radio(
            list(texts.TIMES), value=USUAL_MINUTES, label=texts.TIME, elem_id="time"
        )
        self.button.render()  # type: ignore[no-untyped-call]
        with gr.Accordion(texts.ADVANCED, open=False, elem_id="advanced"):
            self.advanced = self._lay_out_advanced()
        self.filled_for = gr.State(_FEW)  # pictures for which the form shows what is derived

    def _lay_out_advanced(self) -> list[Any]:
        """Everything that may be set by hand, in the order in which `start` takes it."""
        with gr.Row():
            other = gr.Number(
                0, label=texts.OTHER_TIME, info=texts.OTHER_TIME_INFO, elem_id="other-time"
            )
            self.watch.start_from.render()  # type: ignore[no-untyped-call]
            seed = control("seed")
        self.by_hand: list[Any] = []
        derived = _derived(_FEW)
        for first in range(0, len(BY_HAND), _IN_A_ROW):
            with gr.Row():
                self.by_hand += [
                    control(name, value=derived[name], elem_id=f"by-hand-{name}", min_width=200)
                    for name in BY_HAND[first : first + _IN_A_ROW]
                ]
        return [other, self.watch.start_from, seed, *self.by_hand]

    def wire(self) -> None:
        """Connect uploads and Start; declare the endpoints train, train_status and stop."""
        private: dict[str, Any] = {"api_visibility": "private"}
        report = self.report
        report.wire([self.files, self.folder])
        report.number.change(
            self.follow, [report.number, self.filled_for, *self.by_hand],
            [self.filled_for, *self.by_hand], show_progress="hidden", queue=False, **private,
        )  # fmt: skip
        self.button.click(
            self.start,
            [
                report.draft,
                self.minutes,
                *self.advanced,
                report.mirror,
                self.watch.mine,
                report.promised,
            ],
            [*report.all, *self.watch.outputs],
            show_progress="minimal",
            js=PROMISE,  # the tab may be closed before there is an answer
            **private,
        )
        # Not `api`: only a File component checks that a path in a request was really uploaded.
        inputs = [
            gr.File(file_count="multiple", visible=False, label=texts.FILES),
            gr.Number(USUAL_MINUTES, visible=False, label=texts.TIME),
            gr.Textbox(self.models.default() or SCRATCH, visible=False, label=texts.START_FROM),
            gr.Number(0, visible=False, label=texts.SEED),
        ]
        run_id = gr.Textbox(visible=False, label="run_id")
        endpoint = gr.Button(visible=False)
        endpoint.click(self.train, inputs, run_id, api_name="train", **READING)
        api(self.train_status, api_name="train_status", queue=False)
        api(self.stop, api_name="stop", queue=False)

    @friendly
    def follow(self, n_images: int, filled_for: int, *values: Any) -> list[Any]:
        """Fill in what is derived for so many pictures, but for what was set by hand."""
        n_images = n_images or filled_for  # none of them can be used: nothing is known
        before, now = _derived(filled_for), _derived(n_images)
        updates = [
            gr.update(value=now[name])
            if value == before[name] and now[name] != before[name]
            else gr.skip()
            for name, value in zip(BY_HAND, values, strict=True)
        ]
        return [n_images, *updates]

    @friendly
    def start(
        self, draft: str | None, dial: float, other: float | None, start: str, seed: float,
        *rest: Any,
    ) -> list[Any]:  # fmt: skip
        """Put the draft in line, and turn the page to watching it."""
        *by_hand, mirror, stored, _promised = rest
        if draft is None:
            raise no_pictures()
        dataset = self.report.drafts.dataset(draft)
        options = dict(zip(BY_HAND, by_hand, strict=True))
        chosen = options["augment"] or ()  # in the order in which they were ticked
        augment = tuple(name for name in AUGMENTATIONS if name in chosen)
        options |= {"augment": augment, "mirror": bool(mirror)}
        settings = settings_from(self.models, len(dataset), other or dial, start, seed, options)
        mine = Mine.from_browser(stored).with_run(
            self.models.runs.create(dataset, settings, run_id=draft)
        )
        self.report.drafts.forget(draft)
        return [*self.report.hidden(), *self.watch.show(mine)]

    @friendly
    def train(self, files: list[str], minutes: float, start: str, seed: float) -> str:
        """Train on pictures or one zip for `minutes`; returns the run's id, its only key."""
        dataset = compose(read_uploads(files, self.models.resolution()))
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
