"""What became of the dropped pictures: the doctor's report, with which they can be put right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from gan_core.errors import BadDataset
from gan_core.pictures import Choices, Sheet, UnusableDataset, compose, read_sheet, report_on
from gan_core.pictures.crop import Crop
from ui import pictures_view as view
from ui import texts
from ui.chosen_picture import ChosenPicture
from ui.drafts import Drafts, find
from ui.errors import friendly
from ui.pictures_view import MOST_SHOWN, Shown
from ui.theme import AWAY

_PRIVATE: dict[str, Any] = {"api_visibility": "private"}
_QUIET: dict[str, Any] = {**_PRIVATE, "show_progress": "hidden"}
READING: dict[str, Any] = {"concurrency_id": "read", "concurrency_limit": 2}


def read_uploads(files: Sequence[str] | None, size: int) -> Sheet:
    """Read what was uploaded, in the order of the names. Raises: BadDataset."""
    if not files:
        raise no_pictures()
    return read_sheet(sorted(map(Path, files), key=lambda path: path.name), size)


def no_pictures() -> BadDataset:
    """The mistake of going on without pictures."""
    return BadDataset(texts.NO_PICTURES, texts.NO_PICTURES_EXPECTED, texts.NO_PICTURES_ADVICE)


def other_size(found: int, wanted: int) -> BadDataset:
    """The mistake of going on with pictures that were cut for another size."""
    return BadDataset(
        texts.OTHER_SIZE.format(found=found),
        texts.OTHER_SIZE_EXPECTED.format(wanted=wanted),
        texts.OTHER_SIZE_ADVICE.format(found=found),
    )


class PicturesReport:
    """The report's components, hidden until pictures are dropped.

    start: the button that is enabled when enough pictures can be used; rendered elsewhere.
    resolution: asked for the side of the squares, in pixels, when something is read.
    """

    def __init__(self, drafts: Drafts, start: gr.Button, resolution: Callable[[], int]) -> None:
        self.drafts, self.start, self.resolution = drafts, start, resolution
        self.draft, self.places, self.chosen = gr.State(None), gr.State([]), gr.State(None)
        # The id that a run of these pictures will have, for the browser alone.
        self.promised = gr.HTML(elem_classes=AWAY, elem_id="promised")
        self.number = gr.State(0)  # of the pictures that a run would learn from
        self.uploads = gr.State([])  # where they were uploaded to, while they are there
        self.summary = gr.HTML(visible=False, elem_id="summary")
        with gr.Column(visible=False, elem_id="pictures") as self.frame:
            self.crop = gr.Radio(
                list(texts.CROP_CHOICES), value="center", label=texts.CROP, info=texts.CROP_INFO,
                elem_id="crop",
            )  # fmt: skip
            self.count = gr.HTML(elem_id="crops-count")
            self.gallery = gr.Gallery(
                format="png", columns=10, allow_preview=False, show_label=False, buttons=[],
                interactive=False, object_fit="contain", elem_id="crops", height="auto",
                label=texts.CROPS,
            )  # fmt: skip
            self.one = ChosenPicture()
            self.mirror = gr.Radio(
                list(texts.MIRROR_CHOICES), value=False, label=texts.MAY_MIRROR,
                info=texts.MAY_MIRROR_INFO, elem_id="mirror",
            )  # fmt: skip
            self.hint = gr.HTML(elem_id="mirror-hint")
        with gr.Accordion(texts.REPORT, open=False, visible=False, elem_id="files-table") as fold:
            self.table = gr.Dataframe(
                headers=list(texts.REPORT_COLUMNS), show_label=False, wrap=True, min_width=280,
                interactive=False, max_height=320, elem_id="report",
                datatype=["number", "html", "str", "str", "str"],
                column_widths=["7%", "11%", "32%", "22%", "28%"],
            )  # fmt: skip
        self.fold = fold
        self.shown: list[Any] = [
            self.summary, self.frame, self.crop, self.count, self.gallery, self.places, self.hint,
            self.fold, self.table, self.start, self.number,
        ]  # fmt: skip
        self.panel = self.one.outputs
        self.all: list[Any] = [self.draft, self.promised, self.chosen, *self.shown, *self.panel]

    def wire(self, drops: Sequence[gr.File], size: gr.Radio) -> None:
        """Connect uploads and all that can be done to them. size: at which they are cut."""
        state, everything = [self.draft, self.chosen], [*self.shown, *self.panel]
        look: dict[str, Any] = {"fn": self.look, "inputs": state, "outputs": self.shown, **_QUIET}
        for drop in drops:
            drop.upload(
                self.read, [drop, self.draft, size],
                [*self.all, self.mirror, drop, self.uploads],
                **READING, **_PRIVATE,
            ).success(**look)  # fmt: skip
        size.change(
            self.cut_anew, [self.draft, self.uploads, size, self.chosen],
            everything, trigger_mode="always_last", **READING, **_QUIET,
        ).success(**look)  # fmt: skip
        self.crop.input(self.set_crop, [*state, self.crop], everything, **_QUIET).success(**look)
        self.gallery.select(
            self.choose, [self.draft, self.places], [*self.panel, self.chosen], **_QUIET
        )
        self.table.select(
            self.choose_row, self.draft, [*self.panel, self.chosen], scroll_to_output=True, **_QUIET
        )
        # Two listeners: the large picture follows at once, the gallery as soon as it can. Not
        # "release", which a keyboard does not cause.
        latest: dict[str, Any] = {"trigger_mode": "always_last", **_QUIET}
        moved = [*state, self.one.position]
        self.one.position.input(self.move, moved, self.one.picture, **latest)
        self.one.position.input(self.settle, moved, self.shown, **latest)
        self.one.toggle.click(self.switch, state, everything, **_QUIET)

    @friendly
    def read(
        self, paths: list[str] | None, before: str | None, size: float | None = None
    ) -> list[Any]:
        """Read an upload and show it; a draft that was not started is thrown away."""
        self.drafts.forget(before)
        size = int(size or self.resolution())
        try:
            sheet = read_uploads(paths, size)
        except BadDataset as error:
            empty = Shown(Sheet("", size, ()), Choices(), (), str(error))
            return [None, "", None, *self._show(empty, 0), *self.one.show(None, None), *_FRESH, []]
        draft = self.drafts.add(sheet)
        shown, number = self._read_draft(draft, is_looking=True)
        shown = replace(shown, is_new=True)
        told = [*self._show(shown, number), *self.one.show(shown, None)]
        return [draft, draft, None, *told, *_FRESH, list(paths or ())]

    @friendly
    def cut_anew(
        self, draft: str | None, uploads: list[str], size: float | None, chosen: int | None
    ) -> list[Any]:
        """Cut dropped pictures at another size, from the uploads; what was decided is kept."""
        nothing = [gr.skip()] * len([*self.shown, *self.panel])
        if draft is None or size is None or self.drafts.sheet(draft).size == size:
            return nothing
        if not uploads or not all(Path(path).is_file() for path in uploads):
            found = self.drafts.sheet(draft).size
            gr.Warning(str(other_size(found, int(size))))
            return nothing
        self.drafts.replace(draft, read_uploads(uploads, int(size)))
        return self._show_all(draft, chosen, is_looking=True)

    @friendly
    def look(self, draft: str | None, chosen: int | None) -> list[Any]:
        """Compare the pictures with one another, and say what was found."""
        if draft is not None:
            self.drafts.look_again(draft)
        shown = self._show_all(draft, chosen)[: len(self.shown)]
        shown[self.shown.index(self.table)] = gr.skip()  # large, and says the same as before
        return shown

    @friendly
    def set_crop(self, draft: str | None, chosen: int | None, crop: str) -> list[Any]:
        """Cut all pictures in another way, but for the crops that were moved by hand."""
        kind: Crop = "smart" if crop == "smart" else "center"
        if draft is not None:
            self.drafts.decide(draft, lambda was: Choices(kind, was.positions, was.used))
        return self._show_all(draft, chosen, is_looking=True)

    @friendly
    def choose(self, draft: str | None, places: list[int], event: gr.SelectData) -> list[Any]:
        """Show one picture of the gallery whole, with what can be done about it."""
        index = int(event.index)
        return self._choose(draft, places[index] if index < len(places) else None)

    @friendly
    def choose_row(self, draft: str | None, event: gr.SelectData) -> list[Any]:
        """Show the picture of a row of the table, which the visitor may have sorted."""
        number = event.row_value[0] if event.row_value else None
        return self._choose(draft, int(number) - 1 if number else None)

    @friendly
    def move(self, draft: str | None, chosen: int | None, position: float) -> Any:
        """Move one crop along its picture, and show where it is now."""
        if draft is None or chosen is None:
            return gr.skip()
        place = min(max(float(position) / 100, 0.0), 1.0)
        choices = self.drafts.decide(
            draft, lambda was: replace(was, positions={**was.positions, chosen: place})
        )
        return view.framed(Shown(self.drafts.sheet(draft), choices, (), ""), chosen)

    @friendly
    def settle(self, draft: str | None, chosen: int | None, position: float) -> list[Any]:
        """Move one crop, and look at it where it is now."""
        self.move(draft, chosen, position)
        return self.look(draft, chosen)

    @friendly
    def switch(self, draft: str | None, chosen: int | None) -> list[Any]:
        """Leave a picture out that was used, or use one that was not."""
        if draft is not None and chosen is not None:
            shown, _ = self._read_draft(draft)
            use = shown.report[chosen].verdict == "left out"
            self.drafts.decide(draft, lambda was: replace(was, used={**was.used, chosen: use}))
        return self._show_all(draft, chosen)

    def hidden(self) -> list[Any]:
        """Values for `all` that take the report off the page, once a run was started."""
        gone = gr.update(visible=False)
        shown = [gone, gone, *[gr.skip()] * 3, [], gr.skip(), gone, gr.skip()]
        start = gr.update(interactive=False)
        return [None, "", None, *shown, start, gr.skip(), gone, *[gr.skip()] * 4]

    def _choose(self, draft: str | None, place: int | None) -> list[Any]:
        shown = self._read_draft(draft)[0] if draft is not None else None
        return [*self.one.show(shown, place), place]

    def _show_all(
        self, draft: str | None, chosen: int | None, is_looking: bool = False
    ) -> list[Any]:
        if draft is None:
            return [gr.skip()] * (len(self.shown) + len(self.panel))
        shown, number = self._read_draft(draft, is_looking)
        return [*self._show(shown, number, chosen), *self.one.show(shown, chosen)]

    def _read_draft(self, draft: str, is_looking: bool = False) -> tuple[Shown, int]:
        """What there is to show, and how many pictures a run can begin with. Raises: BadDataset."""
        sheet, choices = self.drafts.sheet(draft), self.drafts.choices(draft)
        try:
            dataset = compose(sheet, choices)
            summary = dataset.summary()
        except UnusableDataset as error:
            dataset, summary = None, str(error)
        findings = None if is_looking else find(sheet, dataset, self.drafts.look(draft))
        report = report_on(sheet, choices)
        number = len(dataset) if dataset is not None else 0
        return Shown(sheet, choices, report, summary, findings, is_looking and number > 0), number

    def _show(self, shown: Shown, number: int, chosen: int | None = None) -> list[Any]:
        everything = view.order(shown)
        places = everything[:MOST_SHOWN]
        count = texts.CROPS_ALL if len(places) == len(everything) else texts.CROPS_SOME
        can_move = view.can_move(shown, everything)
        do = texts.CROPS_MOVE if can_move else texts.CROPS_LEAVE
        sides = shown.findings.sides if shown.findings is not None else None
        index = places.index(chosen) if chosen in places else None
        is_told = any(line.verdict == "left out" for line in shown.report)
        opened: dict[str, Any] = {"open": is_told} if shown.is_new else {}
        return [
            gr.update(value=view.summary_html(shown), visible=True),
            gr.update(visible=bool(places)),
            gr.update(value=shown.choices.crop, visible=can_move),
            f'<p class="caption">{count.format(shown=len(places), n=len(everything), do=do)}</p>',
            gr.update(value=view.gallery(shown, places), selected_index=index),
            places,
            f'<p class="note">{sides.hint()}</p>' if sides is not None else "",
            gr.update(visible=bool(shown.report), **opened),
            gr.update(value=view.rows(shown)),
            gr.update(interactive=number > 0),
            number,
        ]


_FRESH: list[Any] = [gr.update(value=False), None]  # for the question about mirroring, the drop
