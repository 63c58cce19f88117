"""The Train tab, before a run: pictures in, what became of them, one dial, Start.

What is seen while a run trains is `watch`.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from gan_core.gan import pace
from gan_core.gan.config import AUGMENTATIONS, NetworkConfig, derive
from gan_core.gan.start import SCRATCH
from gan_core.pictures import Dataset
from ui import texts
from ui.choice import Choice, config_of, estimate, is_usual
from ui.drafts import FOLDER, KEEP_HOURS, Drafts
from ui.errors import friendly
from ui.mine import PROMISE, Mine
from ui.models import Models
from ui.network_form import NetworkForm, choice_of
from ui.pictures_report import PicturesReport, no_pictures, other_size
from ui.request import USUAL_MINUTES, Settings
from ui.settings_form import control
from ui.terms import growing_within, settings_from
from ui.watch import Watch

BY_HAND = (
    "batch_size", "lr_G", "lr_D", "loss", "train_G", "freeze_D", "skip_D_below", "r1_gamma",
    "r2_gamma", "lecam", "ema_halflife_kimg", "augment_p", "augment", "autopilot",
)  # fmt: skip
_IN_A_ROW = 3
_FEW = 100  # pictures; what the form shows before there are any


def _derived(n_images: int, network: NetworkConfig) -> dict[str, Any]:
    """What the form shows of the settings derived for so many pictures, as components take it."""
    config = derive(n_images, USUAL_MINUTES, network)
    shown = {name: getattr(config, name) for name in BY_HAND}
    return {name: list(it) if isinstance(it, tuple) else it for name, it in shown.items()}


class TrainTab:
    """What is seen before a run, inside `watch.setup`."""

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
        self.form = NetworkForm(models, watch.start_from)
        with gr.Row(elem_id="dials"):
            self.minutes = gr.Radio(
                list(texts.TIMES), value=USUAL_MINUTES, label=texts.TIME, elem_id="time",
                min_width=300,
            )  # fmt: skip
            self.form.lay_out_size()
        self.form.lay_out_meaning()
        self.button.render()  # type: ignore[no-untyped-call]
        with gr.Accordion(texts.ADVANCED, open=False, elem_id="advanced"):
            self.advanced = self._lay_out_advanced()
        # Pictures and network for which the form shows what is derived.
        self.filled_for = gr.State((_FEW, self._first_network()))

    def _lay_out_advanced(self) -> list[Any]:
        """Everything that may be set by hand, in the order in which `start` takes it."""
        self.form.lay_out_kind()
        with gr.Row():
            self.other = other = gr.Number(
                0, label=texts.OTHER_TIME, info=texts.OTHER_TIME_INFO, elem_id="other-time"
            )
            self.watch.start_from.render()  # type: ignore[no-untyped-call]
            seed = control("seed")
        self.by_hand: list[Any] = []
        derived = _derived(_FEW, self._first_network())
        for first in range(0, len(BY_HAND), _IN_A_ROW):
            with gr.Row():
                self.by_hand += [
                    control(name, value=derived[name], elem_id=f"by-hand-{name}", min_width=200)
                    for name in BY_HAND[first : first + _IN_A_ROW]
                ]
        return [other, seed, *self.by_hand]

    def _first_network(self) -> NetworkConfig:
        first = self.form.first
        return self.form.here.start(first.start, **first.asked())[1]

    def _network(self, choice: Choice) -> NetworkConfig:
        return self.models.start(choice.start, **choice.asked())[1]

    def wire(self, demo: gr.Blocks) -> None:
        """Connect uploads and Start."""
        private: dict[str, Any] = {"api_visibility": "private"}
        report = self.report
        form = self.form
        report.wire([self.files, self.folder], form.size)
        filling: dict[str, Any] = {
            "fn": self.follow,
            "inputs": [report.number, self.filled_for, *form.fields, *self.by_hand],
            "outputs": [self.filled_for, *self.by_hand],
            "show_progress": "hidden", "queue": False, **private,
        }  # fmt: skip
        report.number.change(**filling)
        batch = self.by_hand[BY_HAND.index("batch_size")]
        timing: dict[str, Any] = {
            "inputs": [report.number, self.minutes, self.other, batch, *form.fields],
            "outputs": form.clock, "show_progress": "hidden",
            "concurrency_id": "clock", "concurrency_limit": 1, **private,
        }  # fmt: skip
        form.wire(demo, lambda event: event.then(**filling).then(self.time_it, **timing))
        for dial in (self.minutes, self.other):
            dial.input(
                form.announce, form.fields, form.clock, trigger_mode="always_last",
                show_progress="hidden", queue=False, **private,
            ).then(self.time_it, **timing)  # fmt: skip
        form.estimate.click(self.time_again, **timing)
        started = self.button.click(
            self.start,
            [
                report.draft,
                self.minutes,
                *form.fields,
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
        self.watch.let_train(started)

    @friendly
    def follow(self, n_images: int, filled_for: tuple[int, NetworkConfig], *rest: Any) -> list[Any]:
        """Fill in what is derived for so many pictures and this network, but for what was set by
        hand.

        rest: the fields of the network's form, then those of this one.
        """
        split = len(self.form.fields)
        network = self._network(choice_of(*rest[:split]))
        n_images = n_images or filled_for[0]  # none of them can be used: nothing is known
        before, now = _derived(*filled_for), _derived(n_images, network)
        updates = [
            gr.update(value=now[name])
            if value == before[name] and now[name] != before[name]
            else gr.skip()
            for name, value in zip(BY_HAND, rest[split:], strict=True)
        ]
        return [(n_images, network), *updates]

    @friendly
    def time_it(
        self, n_images: int, dial: float, other: float | None, batch: float | None, *fields: Any
    ) -> str:
        """Say what the choice costs on this machine; what the page begins with is not timed."""
        if is_usual(self.models, choice_of(*fields)):
            return ""
        return self._estimate(n_images, dial, other, batch, *fields)

    @friendly
    def time_again(
        self, n_images: int, dial: float, other: float | None, batch: float | None, *fields: Any
    ) -> str:
        """The same, whatever was chosen, and measured anew."""
        pace.forget()
        return self._estimate(n_images, dial, other, batch, *fields)

    def _estimate(
        self, n_images: int, dial: float, other: float | None, batch: float | None, *fields: Any
    ) -> str:
        choice, minutes = choice_of(*fields), other or dial
        by_hand = {"batch_size": int(batch)} if batch else {}
        config = config_of(self.models, choice, n_images or _FEW, minutes, **by_hand)
        return estimate(config, choice.start == SCRATCH)

    @friendly
    def start(
        self, draft: str | None, dial: float, size: float, kind: str, scales: str, grow: float,
        start: str, other: float | None, seed: float, *rest: Any,
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
        choice = choice_of(size, kind, scales, grow, start)
        settings = asked_settings(self.models, dataset, other or dial, choice, seed, options)
        mine = Mine.from_browser(stored).with_run(
            self.models.runs.create(dataset, settings, run_id=draft)
        )
        self.report.drafts.forget(draft)
        return [*self.report.hidden(), *self.watch.show(mine)]


def asked_settings(
    models: Models, dataset: Dataset, minutes: float, choice: Choice, seed: float,
    options: dict[str, Any],
) -> Settings:  # fmt: skip
    """All that is asked of a run, if it fits together and comes to something in the time.

    Raises: BadSetting, BadDataset, BadWeights, BadRun.
    """
    if (found := dataset.images.shape[1]) != choice.resolution:
        raise other_size(found, choice.resolution)
    asked = (models, len(dataset), minutes, choice, seed)
    checked = settings_from(*asked, options)
    config = config_of(models, choice, len(dataset), minutes, **checked.options)
    growing = growing_within(models, choice, config)
    return settings_from(*asked, {**options, **growing}) if growing else checked
