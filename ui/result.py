"""What came of a run: to use, to download, and whether it repeats what it was shown."""

from __future__ import annotations

import re
import time
import zipfile
from pathlib import Path
from typing import Any

import gradio as gr

from gan_core.errors import BadRun
from gan_core.files import explain_disk_errors
from gan_core.gan.memorisation import MANY_COPIES, memorisation
from gan_core.gan.package import pack
from gan_core.gan.run import DATASET_FILE, kept_measurement
from ui import run_texts as texts
from ui.cache import save_to_cache
from ui.errors import friendly
from ui.jobs import Runs
from ui.look import Look
from ui.mine import Mine, Store
from ui.nearest import worst_pairs
from ui.request import Settings
from ui.run_folder import ACTIVE, PACKED_FILE, RunState
from ui.wall import Wall

_LONGEST = 200  # characters, as on the card
_LONGEST_NAME = 40  # characters of them in the name of the zip
PACKING: dict[str, Any] = {"concurrency_id": "pack", "concurrency_limit": 1}
_FILMS = ("timelapse.mp4", "timelapse.gif")  # in the zip


class Result:
    """The buttons for what an ended run has made, and a word on memorisation above them."""

    def __init__(self, runs: Runs, store: Store) -> None:
        self.runs, self.store = runs, store
        with gr.Column(visible=False, elem_id="result") as self.frame:
            self.memorised = gr.HTML(visible=False, elem_id="memorised")
            with gr.Row():
                self.use = gr.Button(texts.USE, variant="primary", elem_id="use", min_width=150)
                self.download = gr.DownloadButton(
                    texts.DOWNLOAD_RUN, elem_id="download", min_width=150, size="lg"
                )
                self.from_model = gr.Button(texts.FROM_MODEL, elem_id="from-model", min_width=150)
                self.again = gr.Button(texts.AGAIN, elem_id="again", min_width=150)
            with gr.Row(visible=False, elem_id="kind-row") as self.kind_row:
                self.kind = gr.Textbox(
                    label=texts.KIND, info=texts.KIND_INFO, max_length=_LONGEST, max_lines=1,
                    elem_id="kind", scale=4, min_width=240,
                )  # fmt: skip
                self.note = gr.Button(texts.NOTE_KIND, elem_id="note-kind", scale=0, min_width=180)
            with gr.Accordion(
                texts.COMPARE, open=False, visible=False, elem_id="compare"
            ) as self.compare:
                self.compared = gr.Markdown(elem_classes="quiet", elem_id="compared")
                self.pairs = gr.HTML(elem_id="pairs")
        self.outputs: list[Any] = [
            self.frame, self.memorised, self.use, self.download, self.from_model, self.kind_row,
            self.kind, self.compare,
        ]  # fmt: skip

    def wire(self, wall: Wall) -> None:
        """Pack what was made when a run has ended, and compare when somebody wants to see it."""
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        files = [self.download, wall.mp4, wall.gif]
        packing: dict[str, Any] = {**PACKING, **quiet}
        self.store.stands.select(self.prepare, self.store.mine, files, **packing)
        for event in (self.note.click, self.kind.submit):
            event(_packing, None, self.download, queue=False, **quiet).then(
                self.describe, [self.store.mine, self.kind], files, **packing
            )  # in line behind what is packed already, so that this is packed last
        self.compare.expand(
            self.show_pairs, self.store.mine, [self.compared, self.pairs],
            api_visibility="private", show_progress="minimal",
            concurrency_id="compare", concurrency_limit=1,
        )  # fmt: skip

    def show(self, look: Look) -> list[Any]:
        """Values for `outputs`; the zip follows when it is packed."""
        if not look.moved("state"):
            return [gr.skip()] * len(self.outputs)
        has_model = look.is_over and look.run.has_model
        words = say_memorised(look.run) if has_model else ""
        has_both = has_model and (look.folder / DATASET_FILE).is_file()
        return [
            gr.update(visible=look.is_over),
            gr.update(value=words, visible=bool(words)),
            gr.update(visible=has_model),
            _packing() | gr.update(value=None, visible=has_model),
            gr.update(visible=has_both),
            gr.update(visible=has_model),
            look.run.settings.kind if look.run.settings is not None else "",
            gr.update(visible=has_both, open=False),
        ]

    @friendly
    def prepare(self, stored: object) -> list[Any]:
        """Pack an ended run, which takes some seconds; its films are offered alone as well."""
        run_id, nothing = Mine.from_browser(stored).run, [gr.skip()] * 3
        try:
            values = self._offer(run_id) if self.runs.exists(run_id) else nothing
        except (BadRun, OSError):
            if not self.runs.forget_remains(run_id):
                raise
            return nothing
        return nothing if self.runs.forget_remains(run_id) else values

    @friendly
    def describe(self, stored: object, kind: str | None) -> list[Any]:
        """Note what the pictures show, and pack anew with it on the card."""
        run_id = Mine.from_browser(stored).run
        self.runs.describe(run_id, " ".join((kind or "").split())[:_LONGEST])
        values = self.prepare(stored)
        gr.Info(texts.NOTED)
        return values

    def _offer(self, run_id: str) -> list[Any]:
        run = self.runs.look(run_id)
        if run.state in ACTIVE or not run.has_model:
            return [gr.skip(), gr.update(visible=False), gr.update(visible=False)]
        target, name = package(self.runs, run_id)
        kept_in = self.download.GRADIO_CACHE
        with explain_disk_errors(Path(kept_in)):
            packed = save_to_cache(target.read_bytes(), f"{name}.zip", kept_in)
            films = [_film(target, name, kept_in) for name in _FILMS]
        return [
            gr.update(value=packed, label=texts.DOWNLOAD_RUN, interactive=True),
            *(gr.update(value=film, visible=film is not None) for film in films),
        ]

    @friendly
    def show_pairs(self, stored: object) -> list[Any]:
        """Show what the model makes in pairs with the nearest of its training pictures."""
        folder = self.runs.folder(Mine.from_browser(stored).run)
        said = f"{memorisation(folder).sentence} {texts.COMPARED}"
        return [said, "".join(pair.as_html() for pair in worst_pairs(folder))]


def package(runs: Runs, run_id: str) -> tuple[Path, str]:
    """Give an ended run's zip, packed if it is not yet, and what it is called.

    Raises: BadRun when it has not ended, or has kept no model; DiskFull.
    """
    run, folder = runs.look(run_id), runs.folder(run_id)
    if run.state in ACTIVE or not run.has_model:
        raise BadRun(texts.NOT_PACKABLE, texts.NOT_PACKABLE_EXPECTED, texts.NOT_PACKABLE_ADVICE)
    target = folder / PACKED_FILE
    kind, name = "", target.stem
    if run.settings is not None:
        kind, name = run.settings.kind, package_name(run.settings)
    if not target.exists():
        pack(folder, target, kind, name)
    return target, name


def package_name(settings: Settings) -> str:
    """What a run's zip is called: by what its pictures show, or else by when it was asked for."""
    words = re.sub(r"\W+", "-", settings.kind.lower())[:_LONGEST_NAME].strip("-")
    asked = time.strftime("%Y-%m-%d-%H%M", time.localtime(settings.asked))
    return f"gan-atelier-{words or asked}"


def _packing() -> dict[str, Any]:
    return gr.update(label=texts.PACKING, interactive=False)


def say_memorised(run: RunState) -> str:
    """How many of the kept model's pictures look like copies, as HTML; "" if not measured."""
    kept = kept_measurement(run.events)
    if kept is None:
        return ""
    is_many = kept.memorised >= MANY_COPIES
    text = texts.MEMORISED_MANY if is_many else texts.MEMORISED_FEW
    return f'<p class="{"warning" if is_many else "note"}">{text.format(share=kept.memorised)}</p>'


def _film(packed: Path, name: str, kept_in: str) -> str | None:
    with zipfile.ZipFile(packed) as archive:
        inside = next((each for each in archive.namelist() if each.endswith(f"/{name}")), None)
        return None if inside is None else save_to_cache(archive.read(inside), name, kept_in)
