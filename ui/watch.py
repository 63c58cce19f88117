"""The Train tab, once a run was started: how it goes, what to do about it, and what came of it.

The run does not know of this page. The page looks at the run's folder once a second, or rarely when
the run has ended, and any page with the run's link can do so, on any device. The parts of the page
are `look.Part`s, put in order here; what is done to a run is in `orders`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.events import Dependency

from gan_core.gan.start import SCRATCH
from ui import gpu, view
from ui import run_texts as texts
from ui.charts import Charts
from ui.controls import Controls
from ui.errors import friendly, friendly_async_stream
from ui.generate import SHARED, GenerateTab
from ui.history import History
from ui.look import Mark, Part
from ui.mine import NO_RUN, RECALL, Link, Mine, Store, run_in_address
from ui.models import Models
from ui.orders import Orders
from ui.publish import Publish
from ui.publishers import who_may_publish
from ui.result import Result
from ui.run_folder import ACTIVE
from ui.run_log import details
from ui.settings_form import SettingsForm
from ui.texts import START_FROM
from ui.theme import AWAY
from ui.verdict import Verdict
from ui.wall import Wall

# Seconds between two looks. An ended run may be let go on from another device, or by the server.
_OFTEN, _RARELY = 1.0, 15.0
_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


class Watch:
    """The components that show a run, and the functions that fill them."""

    def __init__(self, models: Models, generate: GenerateTab, store: Store) -> None:
        self.models, self.runs, self.generate = models, models.runs, generate
        self.store, self.mine = store, store.mine
        self.orders = Orders(self.runs)
        self.start_from = gr.Dropdown(
            models.starts([]), value=models.default() or SCRATCH, label=START_FROM,
            render=False, elem_id="start-from",
        )  # fmt: skip
        self.notice = gr.HTML(visible=False, elem_id="notice")
        self.setup = gr.Column(elem_id="setup")
        with gr.Column(visible=False, elem_id="run") as self.panel:
            self._lay_out()
        self.history = History(self.runs, store)
        self.always: list[Any] = [
            self.mine, store.seen, store.timer, store.address, self.notice, self.setup, self.panel,
            store.stands, self.start_from, generate.model,
        ]  # fmt: skip
        shown = [component for part in self.parts for component in part.outputs]
        self.outputs: list[Any] = [*self.always, self.status, self.details, *shown]

    def _lay_out(self) -> None:
        self.status = gr.HTML(elem_id="status")
        self.controls = Controls()
        self.result = Result(self.runs, self.store)
        self.publish = Publish(self.runs, self.store, who_may_publish())
        self.verdict = Verdict()
        self.wall = Wall(self.runs, self.store)
        self.charts = Charts()
        self.controls.lay_out_time()
        self.form = SettingsForm()
        with gr.Accordion(texts.MORE, open=False):
            self.details = gr.Markdown(elem_classes="quiet", elem_id="details")
        link = Link()
        self.controls.lay_out_deletion()
        self.parts: list[Part] = [
            self.controls, self.result, self.publish, self.verdict, self.wall, self.charts,
            self.form, link,
        ]  # fmt: skip

    def wire(self, demo: gr.Blocks, tabs: gr.Tabs) -> None:
        """Connect buttons, clock and page opening; called once everything is laid out."""
        watched = [self.mine, self.store.seen]
        opened = demo.load(self.reattach, self.mine, [tabs, *self.outputs], js=RECALL, **_PRIVATE)
        self.let_train(opened, self.train_here)
        # Not queued: a full line of other work must not freeze the progress that people watch.
        looked_at = [*watched, self.wall.moment]
        self.store.timer.tick(self.poll, looked_at, self.outputs, queue=False, **_PRIVATE)
        stands = self.store.stands.select(
            self.settle, watched, self.outputs, queue=False, **_PRIVATE
        )
        self.let_train(stands)  # a page that the network has lost may find its run paused
        orders, controls, form, autopilot = (
            self.orders, self.controls, self.form, self.verdict.autopilot,
        )  # fmt: skip
        for event, order, inputs in (
            (controls.pause.click, orders.pause, []),
            (controls.stop.click, orders.stop, []),
            (self.verdict.end.click, orders.stop, []),
            (controls.go_on.click, orders.go_on, []),
            (controls.more.click, orders.more, [controls.minutes]),
            (controls.delete.click, orders.delete, []),
            (self.verdict.do.click, orders.do_as_advised, []),
            (autopilot.input, orders.set_autopilot, [autopilot]),
            (form.apply.click, orders.apply, form.controls),
            (form.anew.click, orders.begin_anew, form.controls),
            (self.result.from_model.click, orders.begin_from_model, []),
            (self.result.again.click, orders.leave, []),
        ):
            done = event(
                self.then_show(order), [*watched, *inputs], self.outputs, js=RECALL, **_PRIVATE
            )
            self.let_train(done)
        self.history.wire(
            self.then_show(orders.open), self.then_show(orders.delete), watched, self.outputs
        )
        self.wall.wire()
        self.result.wire(self.wall)
        self.publish.wire(demo, self.result.kind)
        controls.wire()
        generate = self.generate
        pickers = [self.mine, self.start_from, generate.model]
        for chosen in (
            self.result.use.click(self.choose, self.mine, [tabs, generate.model], **_PRIVATE),
            generate.hub.wire().success(
                self.take_model, [self.mine, generate.hub.came], pickers, js=RECALL, **_PRIVATE
            ),
        ):
            chosen.success(generate.show, generate.inputs, generate.outputs, **SHARED, **_PRIVATE)

    def let_train(
        self, asked: Dependency, how: Callable[[object], AsyncGenerator[None]] | None = None
    ) -> None:
        """Where the GPU is only lent: after an event that may have asked for a run, lend it that
        visitor's, in an event that lasts as long as the run."""
        if gpu.LENT:
            asked.success(
                how or self.train_here_what_waits, self.mine, None, trigger_mode="multiple",
                concurrency_limit=None, **_PRIVATE,
            )  # fmt: skip

    @friendly_async_stream
    async def train_here(self, stored: object) -> AsyncGenerator[None]:
        """Let the run that is watched train here, if it waits for that or a page has left it; while
        it trains in another page, stand by."""
        run_id = Mine.from_browser(stored).run
        if self.runs.exists(run_id):
            async with aclosing(self.runs.drive(run_id)) as driving:
                async for _ in driving:
                    yield

    @friendly_async_stream
    async def train_here_what_waits(self, stored: object) -> AsyncGenerator[None]:
        """The same after what happens often: for a run that trains, no more need stand by."""
        run_id = Mine.from_browser(stored).run
        if not self.runs.exists(run_id):
            return
        run = await asyncio.to_thread(self.runs.look, run_id)
        if run.state not in ("starting", "running"):
            async with aclosing(self.train_here(stored)) as driving:
                async for _ in driving:
                    yield

    def then_show(self, order: Callable[..., Mine]) -> Callable[..., list[Any]]:
        """Make a handler that carries out an order and shows what came of it."""

        @friendly
        def handler(stored: object, seen: object, *values: Any) -> list[Any]:
            before = Mine.from_browser(stored)
            mine = order(before, *values)
            # The run reports what it was asked for only after a step; the doctor's button knows.
            shown = replace(seen, verdicts=-1) if isinstance(seen, Mark) else None
            return self.show(mine, shown, is_fewer=len(mine.runs) < len(before.runs))

        return handler

    @friendly
    def reattach(self, stored: object, request: gr.Request) -> list[Any]:
        """Find the run of the address, or the browser's own, again; forget those that are gone."""
        before, asked = Mine.from_browser(stored), run_in_address(request)
        mine, notice = self.orders.without_lost(before), ""
        is_fewer = len(mine.runs) < len(before.runs)
        if self.runs.exists(asked):
            mine = mine.with_run(asked)
        elif asked:
            mine, notice = replace(mine, run=""), self._gone()
        tab = gr.Tabs(selected="train") if asked else gr.skip()
        return [tab, *self.show(mine, None, notice, is_fewer)]

    @friendly
    def poll(self, stored: object, seen: object, moment: float | None = None) -> list[Any]:
        """Look again, and send only what has changed.

        moment: where the slider stands; if that is at the newest preview, it stays there.
        """
        mine = Mine.from_browser(stored)
        if not self.runs.exists(mine.run):
            gone = self._gone() if mine.run else ""
            return self.show(self.orders.without_lost(mine), None, gone, is_fewer=True)
        if seen == Mark.of(self.runs.look(mine.run)):
            return [gr.skip()] * len(self.outputs)
        values = self.show(mine, seen)
        if isinstance(seen, Mark) and moment == seen.frames:
            place = self.outputs.index(self.wall.moment)
            values[place] = self.wall.at_newest(self.orders.look(mine, seen))
        # Meanwhile another run may have been opened: this one, if late, must not be watched again.
        for kept in (self.mine, self.store.address):
            values[self.outputs.index(kept)] = gr.skip()
        return values

    @friendly
    def settle(self, stored: object, seen: object) -> list[Any]:
        """Show the run that is watched if a look at another one came late, and overwrote it."""
        mine = Mine.from_browser(stored)
        if (seen.id if isinstance(seen, Mark) else "") == mine.run:
            return [gr.skip()] * len(self.outputs)
        return self.show(self.orders.without_lost(mine))

    @friendly
    def choose(self, stored: object) -> list[Any]:
        """Open Generate with the run's model."""
        mine = Mine.from_browser(stored)
        choices = self.models.choices(mine.runs, mine.models)
        return [gr.Tabs(selected="generate"), gr.update(choices=choices, value=mine.run)]

    @friendly
    def take_model(self, stored: object, came: str) -> list[Any]:
        """Put a model that has come from the Hub into this visitor's pickers; choose it."""
        mine = Mine.from_browser(stored).with_model(came)
        return [
            mine.to_browser(),
            gr.update(choices=self.models.starts(mine.runs, mine.models)),
            gr.update(choices=self.models.choices(mine.runs, mine.models), value=came),
        ]

    def show(
        self, mine: Mine, seen: object = None, notice: str = "", is_fewer: bool = False
    ) -> list[Any]:
        """Values for `outputs`.

        seen: the mark of what the page shows already, and need not be sent again. notice: above
        everything, HTML. is_fewer: runs are gone, and a picker may still stand on one of them.
        """
        if not mine.run:
            head = self._always(mine, None, "draft", notice, is_fewer)
            return [*head, *[gr.skip()] * (len(self.outputs) - len(head))]
        look = self.orders.look(mine, seen if isinstance(seen, Mark) else None)
        return [
            *self._always(mine, look.mark, look.run.state, notice, is_fewer),
            view.status_html(look.run),
            details(look.run) if look.moved("events") else gr.skip(),
            *(value for part in self.parts for value in part.show(look)),
        ]

    def _always(
        self, mine: Mine, mark: Mark | None, state: str, notice: str, is_fewer: bool
    ) -> list[Any]:
        """Values for `always`: what is sent whether there is a run or not."""
        default = self.models.default()
        starts, choices = (
            of(mine.runs, mine.models) for of in (self.models.starts, self.models.choices)
        )
        start: dict[str, Any] = {"value": default or SCRATCH} if is_fewer else {}
        model: dict[str, Any] = {"value": default} if is_fewer else {}
        return [
            mine.to_browser(),
            mark,
            gr.Timer(_OFTEN if state in ACTIVE else _RARELY, active=bool(mine.run)),
            mine.run or NO_RUN,
            gr.update(value=notice, visible=bool(notice)),
            gr.update(visible=not mine.run),
            # Once there it stays: the plots' own observers stumble over being taken away.
            gr.update(visible=True, elem_classes=[]) if mine.run else gr.update(elem_classes=AWAY),
            f"{mine.run} {state} {len(mine.runs)}",
            gr.update(choices=starts, **start),
            gr.update(choices=choices, **model),
        ]

    def _gone(self) -> str:
        return f"<p>{texts.LINK_GONE.format(hours=self.runs.keep_hours)}</p>"
