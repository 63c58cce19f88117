"""The page: Generate, Style, Train. Layout and wiring; what it shows is computed in `gan_core`."""

import atexit
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from gan_core.hub.resolve import BUNDLED
from gan_core.models import newer_models
from ui import drafts, gpu, texts
from ui.cache import keep_files_in, sweep_now_and_then
from ui.generate import GenerateTab
from ui.jobs import Runs
from ui.mine import Store
from ui.models import Models
from ui.place import runs_folder
from ui.programs import Programs
from ui.run_programs import RunPrograms
from ui.style import StyleTab
from ui.theme import CSS, THEME
from ui.train import TrainTab
from ui.uploads import Bounded
from ui.watch import Watch

_SWEEP, _KEEP = 600, 3600  # seconds; uploads are read at once, and pictures shown are downloaded
_QUEUE_LOOKS = 0.05  # seconds; what Gradio itself takes on Windows
_FILES = "files"  # no run is called so


def build_app(
    bundled: Path = BUNDLED, runs_root: Path | None = None, runs_at_once: int = 1
) -> gr.Blocks:
    """Build the page. Nothing is loaded and no network is asked before somebody opens it.

    bundled: folder with a folder for each model. runs_root: where runs live, if not in `place`.
    runs_at_once: how many of them train at the same time; more than one only where there are cores
    for them.

    Raises: BadSetting when GAN_ATELIER_REPO names no repository.
    """
    newer_models()  # raises before anybody waits for the page
    runs_root = runs_root or runs_folder()
    # Where the GPU is only lent, visitors' own events let runs train.
    runs = Runs(runs_root, at_once=0 if gpu.LENT else runs_at_once)
    atexit.register(runs.close)
    models = Models(bundled, runs)
    sweep_now_and_then(keep_files_in(runs_root / _FILES), _KEEP, _SWEEP)
    sweep_now_and_then(runs_root / drafts.FOLDER, drafts.KEEP_HOURS * 3600, _SWEEP)
    demo: gr.Blocks = gr.Blocks(title=texts.TITLE, analytics_enabled=False)
    with demo:
        gr.HTML(f"<h1>{texts.TITLE}</h1><p>{texts.SUBTITLE}</p>", elem_id="title")
        store = Store()
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
            with gr.Tab(texts.GENERATE_TAB, id="generate"):
                generate = GenerateTab(models)
            with gr.Tab(texts.STYLE_TAB, id="style"):
                style = StyleTab()
            with gr.Tab(texts.TRAIN_TAB, id="train"):
                watch = Watch(models, generate, store)
                with watch.setup:
                    train = TrainTab(models, watch)
        generate.wire(demo)
        style.wire(tabs, generate)
        train.wire(demo)
        watch.wire(demo, tabs)
        Programs(models)
        RunPrograms(models)
    # Nobody passes the queue by, here as on a Space, where that is Gradio's own default.
    demo.queue(max_size=64, default_concurrency_limit=8, api_open=False)
    # Gradio looks a thousand times a second whether somebody waits, which is 5 % of a core at rest.
    demo._queue.sleep_when_free = _QUEUE_LOOKS
    return demo


def launch_options() -> dict[str, Any]:
    """How the page is served: nothing phones home, nothing is kept that was not asked for."""
    return {
        "theme": THEME,
        "css": CSS,
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "show_error": False,
        "pwa": False,  # the default on a Space; nothing here works without the server
        "max_file_size": "200mb",
        "app_kwargs": {"middleware": [Middleware(Bounded, folder=Path(get_upload_folder()))]},
        "i18n": gr.I18n(en={"common.complete": texts.DONE}),
    }
