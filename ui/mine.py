"""What a browser remembers of its runs, and the address of the one it watches.

A run's id is its key: whoever has the address `?run=ID` has the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui import run_texts as texts

QUERY = "run"  # /?run=ID
NO_RUN = "none"  # an empty text would be no change, when the page opens with the link of a lost run
# Fixed, so that what a browser keeps is still read after a restart. It guards nothing: the store
# is the visitor's own, and a run's id in it is checked like any other input.
_STORAGE_KEY, _STORAGE_SECRET = "gan-atelier-runs", "not-a-secret-only-a-constant"
# Other parts of the address are kept in it, but do not belong into what is given to others.
_FOLLOW = f"""(run) => {{
  const here = new URL(window.location.href);
  const link = new URL(here.pathname, here.origin);
  if (run === "{NO_RUN}") here.searchParams.delete("{QUERY}");
  else for (const url of [here, link]) url.searchParams.set("{QUERY}", run);
  window.history.replaceState(window.history.state, "", here);
  return run === "{NO_RUN}" ? "" : link.href;
}}"""
# Without https a page may not write to the clipboard itself; then the text is chosen and copied.
_COPY = f"""async (link) => {{
  try {{ await navigator.clipboard.writeText(link); }}
  catch {{
    document.querySelector("#link input, #link textarea").select();
    document.execCommand("copy");
  }}
  const button = document.querySelector("#copy-link");
  const label = button.textContent;
  button.textContent = "{texts.COPIED}";
  setTimeout(() => {{ button.textContent = "{texts.COPY}"; }}, 1500);
}}"""


@dataclass(frozen=True)
class Mine:
    """What a browser remembers: the run it watches ("" for none), and all runs it has seen."""

    run: str = ""
    runs: tuple[str, ...] = ()

    @classmethod
    def from_browser(cls, stored: object) -> Mine:
        """Read the browser's store, which may hold anything."""
        if not isinstance(stored, dict):
            return cls()
        runs = stored.get("runs")
        kept = tuple(str(run_id) for run_id in runs) if isinstance(runs, list) else ()
        return cls(str(stored.get("run") or ""), kept)

    def to_browser(self) -> dict[str, Any]:
        """Plain values for the browser's store."""
        return {"run": self.run, "runs": list(self.runs)}

    def with_run(self, run_id: str) -> Mine:
        """Watch a run, new or known."""
        return Mine(run_id, tuple(dict.fromkeys((*self.runs, run_id))))


class Store:
    """What works unseen: the browser's memory, the clock, the address. Outside of all tabs,
    because what is in a tab does not live until the tab is opened.
    """

    def __init__(self) -> None:
        self.mine = gr.BrowserState(
            Mine().to_browser(), storage_key=_STORAGE_KEY, secret=_STORAGE_SECRET
        )
        self.timer = gr.Timer(1.0, active=False)
        self.seen = gr.State(None)
        self.address, self.stands = (  # the run's id, and its state besides: to be followed
            gr.Textbox(visible="hidden", container=False, elem_id=name)
            for name in ("address", "stands")
        )


class Link:
    """The run's link, to be seen and copied; and the page's address, which is the same."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with gr.Row(elem_id="link-row"):
            self.link = gr.Textbox(
                label=texts.LINK, info=texts.LINK_INFO, interactive=False, elem_id="link",
                min_width=240,
            )  # fmt: skip
            self.copy = gr.Button(
                texts.COPY, scale=0, min_width=130, size="sm", elem_id="copy-link"
            )

    def wire(self) -> None:
        """Let the browser's address follow the run that is watched."""
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        self.store.address.change(None, self.store.address, self.link, js=_FOLLOW, **private)
        self.copy.click(None, self.link, None, js=_COPY, **private)


def run_in_address(request: gr.Request | None) -> str:
    """The id in the address that a page was opened with; "" for none."""
    return str(request.query_params.get(QUERY, "")) if request is not None else ""
