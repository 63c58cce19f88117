"""Publishing what came of a run, beside its download: in whose name, called what, on which terms.

Who may do so is `publishers`'s; how it goes there, `publishing`'s. What a visitor can mend is said
in its place, under the button.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from gan_core.errors import AlreadyThere, AtelierError, BadDataset, BadSetting
from gan_core.gan.memorisation import memorisation
from gan_core.hub.upload import Sent
from gan_core.publish import licence_of
from ui import run_texts as texts
from ui.errors import friendly_stream
from ui.jobs import Runs
from ui.look import Look
from ui.mine import Mine, Store
from ui.publishers import Publisher, Who, is_owner, owner, visitor
from ui.publishing import Going, Order, Publishing
from ui.result import package_name
from ui.under_way import LOOKS, note, warning

_LONGEST = 200  # characters of a name or a licence
_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# So many are looked at, or waited for, at the same time; how many are sent, `Publishing` bounds.
_LOOKING: dict[str, Any] = {**_PRIVATE, "concurrency_id": "copies", "concurrency_limit": 2}
_WAITING: dict[str, Any] = {**_PRIVATE, "concurrency_id": "publish", "concurrency_limit": 8}


class Publish:
    """The components, and the functions that fill them. who: may publish; None: no such part."""

    def __init__(self, runs: Runs, store: Store, who: Who | None) -> None:
        self.runs, self.store, self.who = runs, store, who
        self.publishing = Publishing()
        self.outputs: list[Any] = []
        if who is not None:
            with gr.Column(visible=False, elem_id="publish-place") as self.place:
                self._lay_out(who)
            self.outputs = [self.place, self.part, self.said, self.form, self.update]

    def _lay_out(self, who: Who) -> None:
        # The owner is known only when the page is opened.
        with gr.Accordion(
            texts.PUBLISH, open=False, visible=who == "visitors", elem_id="publish"
        ) as self.part:
            gr.Markdown(texts.PUBLISH_INFO, elem_classes="quiet")
            if who == "visitors":
                gr.LoginButton(texts.SIGN_IN, texts.SIGN_OUT, size="md", elem_id="sign-in")
            self.found = gr.HTML(elem_id="publish-found")
            with gr.Column(visible=False, elem_id="publish-form") as self.form:
                self.anyway = gr.Checkbox(label=texts.ANYWAY, visible=False, elem_id="anyway")
                self.repo = gr.Textbox(
                    label=texts.REPO, info=texts.REPO_INFO, max_lines=1, max_length=_LONGEST,
                    elem_id="repo",
                )  # fmt: skip
                self.private = gr.Radio(
                    list(texts.SEEN_BY_CHOICES), value=True, label=texts.SEEN_BY, elem_id="seen-by"
                )
                self.licence = gr.Dropdown(
                    [*texts.LICENCES], value=None, label=texts.LICENCE, info=texts.LICENCE_INFO,
                    allow_custom_value=True, elem_id="licence",
                )  # fmt: skip
                self.update = gr.Checkbox(label=texts.UPDATE, visible=False, elem_id="update")
                self.button = gr.Button(texts.PUBLISH_IT, elem_id="publish-it")
            self.said = gr.HTML(elem_id="publish-said")

    def wire(self, demo: gr.Blocks, kind: gr.Textbox) -> None:
        """Look at the model when the part is opened; publish it when that is asked for.

        kind: where it is told what the pictures show.
        """
        if self.who is None:
            return
        shown = [self.found, self.form, self.anyway, self.repo, self.licence, self.said]
        asked = [
            self.store.mine, self.repo, self.private, self.licence, kind, self.anyway, self.update,
        ]  # fmt: skip
        is_visitors = self.who == "visitors"
        look = self.look_as_visitor if is_visitors else self.look_as_owner
        send = self.send_as_visitor if is_visitors else self.send_as_owner
        self.part.expand(look, self.store.mine, shown, **_LOOKING)
        self.button.click(send, asked, [self.said, self.update], **_WAITING)
        # To replace one repository is not to replace another.
        self.repo.input(_no_update, None, self.update, queue=False, **_PRIVATE)
        if not is_visitors:
            demo.load(_show_to_owner, None, self.part, queue=False, **_PRIVATE)

    def show(self, look: Look) -> list[Any]:
        """Values for `outputs`."""
        if self.who is None or not look.moved("state"):
            return [gr.skip()] * len(self.outputs)
        return [
            gr.update(visible=look.is_over and look.run.has_model),
            gr.update(open=False),
            "",
            gr.update(visible=False),
            _no_update(),
        ]

    @friendly_stream
    def look_as_visitor(
        self, stored: object, profile: gr.OAuthProfile | None, token: gr.OAuthToken | None
    ) -> Iterator[list[Any]]:
        """`_look` for whoever has signed in."""
        yield from self._look(stored, lambda: visitor(profile, token))

    @friendly_stream
    def look_as_owner(self, stored: object, request: gr.Request) -> Iterator[list[Any]]:
        """`_look` for the owner of this machine."""
        yield from self._look(stored, lambda: owner(request))

    @friendly_stream
    def send_as_visitor(
        self, profile: gr.OAuthProfile | None, token: gr.OAuthToken | None, *asked: Any
    ) -> Iterator[list[Any]]:
        """`_send` for whoever has signed in."""
        yield from self._send(lambda: visitor(profile, token), *asked)

    @friendly_stream
    def send_as_owner(self, request: gr.Request, *asked: Any) -> Iterator[list[Any]]:
        """`_send` for the owner of this machine."""
        yield from self._send(lambda: owner(request), *asked)

    def _look(self, stored: object, who: Callable[[], Publisher]) -> Iterator[list[Any]]:
        """Say whether the model repeats its pictures, before all; then ask for the rest.

        Values for what is found, the form, whether it is to go anyway, name, licence, what is said.
        """
        rest = [gr.skip()] * 4
        try:
            yield [note(texts.ASKING_HUB), gr.update(visible=False), *rest]
            publisher = who()
            folder = self.runs.folder(run_id := Mine.from_browser(stored).run)
            yield [note(texts.LOOKING_FOR_COPIES), gr.update(visible=False), *rest]
            found, question = _say_copies(folder)
            with publisher.advising():
                licence = licence_of(folder, publisher.token)
            kept = texts.LICENCE_KEPT.format(licence=licence) if licence else ""
            told = [found, note(f"{texts.PUBLISH_AS.format(name=publisher.name)} {kept}")]
            settings = self.runs.look(run_id).settings
            proposed = _ascii(package_name(settings)) if settings is not None else ""
            yield [
                "".join(told),
                gr.update(visible=True),
                gr.update(visible=bool(question), value=False, label=question or texts.ANYWAY),
                f"{publisher.name}/{proposed}",
                gr.update(visible=licence is None, value=None),
                "",
            ]
        except AtelierError as error:
            yield [warning(str(error)), gr.update(visible=False), *rest]

    def _send(
        self, who: Callable[[], Publisher], stored: object, repo: str | None, private: object,
        licence: str | None, kind: str | None, anyway: object, update: object,
    ) -> Iterator[list[Any]]:  # fmt: skip
        """Values for what is said, and whether to replace what is there, as it goes there."""
        try:
            yield [note(texts.ASKING_HUB), gr.skip()]
            publisher = who()
            folder = self.runs.folder(run_id := Mine.from_browser(stored).run)
            order = Order(
                (repo or "").strip(), publisher, self._licence(run_id, licence, publisher),
                " ".join((kind or "").split())[:_LONGEST],
                # Whatever a program sends: only what is surely meant for all is shown to all.
                private is not False, anyway is True, update is True,
            )  # fmt: skip
            going = self.publishing.begin(folder, order)
            while (sent := going.within(LOOKS)) is None:
                yield [note(say_going(going)), gr.skip()]
            yield [_say_sent(order, sent), _no_update()]
        except AlreadyThere as error:
            text = f"{error.what} {error.expected} {texts.TICK_UPDATE}"
            yield [warning(text), gr.update(visible=True, value=False)]
        except AtelierError as error:
            yield [warning(str(error)), gr.skip()]
        except Exception:
            is_there = self.runs.exists(Mine.from_browser(stored).run)
            yield ["" if is_there else warning(texts.NO_RUN), gr.skip()]
            if is_there:  # else it was deleted meanwhile
                raise

    def _licence(self, run_id: str, chosen: str | None, publisher: Publisher) -> str | None:
        """The licence that was chosen, where one must be. Raises: BadSetting, as `licence_of`."""
        with publisher.advising():
            demanded = licence_of(self.runs.folder(run_id), publisher.token)
        if demanded is not None:
            return None
        if not (chosen or "").strip():
            raise BadSetting(texts.NO_LICENCE, texts.NO_LICENCE_EXPECTED, texts.NO_LICENCE_ADVICE)
        return str(chosen).strip()[:_LONGEST]


def say_going(going: Going) -> str:
    """How far it is, in words."""
    if not going.total:
        return going.stage
    if going.done == going.total:
        return texts.COMMITTING
    return texts.SENDING.format(
        done=going.done / 1e6, total=going.total / 1e6, share=going.done / going.total
    )


def _say_copies(folder: Any) -> tuple[str, str]:
    """Whether a model repeats its pictures, as HTML; what is to be agreed to then, or ""."""
    try:
        found = memorisation(folder)
    except BadDataset as error:
        return warning(texts.NOT_CHECKED.format(what=error.what)), texts.ANYWAY_UNCHECKED
    if found.is_warning:
        return warning(found.sentence), texts.ANYWAY
    return note(found.sentence), ""


def _say_sent(order: Order, sent: Sent) -> str:
    url = html.escape(sent.url)
    return '<p class="note">{}</p>'.format(
        texts.PUBLISHED_AS.format(
            done=texts.PUBLISHED if sent.is_new else texts.UPDATED,
            link=f'<a href="{url}" target="_blank" rel="noopener">{url}</a>',
            name=html.escape(f"{order.repo}@{sent.commit}"),
        )
    )


def _show_to_owner(request: gr.Request) -> Any:
    return gr.update(visible=is_owner(request))


def _no_update() -> Any:
    return gr.update(visible=False, value=False)


def _ascii(name: str) -> str:
    """A name of the Hub's letters, for one in anybody's."""
    return re.sub(r"[^a-z0-9]+", "-", name).strip("-")
