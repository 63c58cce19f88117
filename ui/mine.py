"""What a browser remembers of its runs, and the address of the one it watches.

A run's id is its key: whoever has the address `?run=ID` has the run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from ui import run_texts as texts
from ui.look import Look

_MOST_MODELS = 12  # from the Hub; the page's pickers are to stay short
QUERY = "run"  # /?run=ID
NO_RUN = "none"  # an empty text would be no change, when the page opens with the link of a lost run
# Fixed, so that what a browser keeps is still read after a restart. It guards nothing: the store
# is the visitor's own, and a run's id in it is checked like any other input.
_STORAGE_KEY, _STORAGE_SECRET = "gan-atelier-runs", "not-a-secret-only-a-constant"
# The store above is written whole by each tab, and knows only what that tab has seen. So there is a
# list beside it, to which tabs only add, and from which only what is deleted is taken. It is read
# and written in one go.
_MEMORY = """const key = "gan-atelier-known-runs";
  const listed = (runs) => Array.isArray(runs) ? runs : [];
  const known = (mine) => {
    let kept = [];
    try { kept = listed(JSON.parse(localStorage.getItem(key))); } catch {}
    const gone = listed(mine?.gone);
    return [...new Set([...kept, ...listed(mine?.runs)])].filter((run) => !gone.includes(run));
  };"""
_REMEMBER = f"""(mine) => {{
  {_MEMORY}
  localStorage.setItem(key, JSON.stringify(known(mine)));
}}"""
# Before a handler whose first input is the store: what other tabs have added is in it then.
RECALL = f"""(mine, ...others) => {{
  {_MEMORY}
  return [{{ ...mine, runs: known(mine) }}, ...others];
}}"""
# Before a handler whose last input is the id that a run will have: its answer may come too late.
PROMISE = f"""(...inputs) => {{
  {_MEMORY}
  localStorage.setItem(key, JSON.stringify(known({{ runs: inputs.slice(-1).filter(Boolean) }})));
  return inputs;
}}"""
# A value may be set again without being another one; what follows it must not do so then.
_ON_CHANGE = """let shown = "";
watch("value", () => {
  if (props.value === shown) return;
  shown = props.value;
  %s
});"""
# Other parts of the address are kept.
_FOLLOW = (
    _ON_CHANGE
    % f"""const here = new URL(window.location.href);
  if (shown === "{NO_RUN}") here.searchParams.delete("{QUERY}");
  else here.searchParams.set("{QUERY}", shown);
  window.history.replaceState(window.history.state, "", here);"""
)
# Without https a page may not write to the clipboard itself; then the text is chosen and copied.
_LINK = f"""const fill = () => {{
  const link = new URL(window.location.pathname, window.location.origin);
  link.searchParams.set("{QUERY}", props.value);
  element.querySelector("input").value = link.href;
}};
fill();
watch("value", fill);
element.addEventListener("click", async (event) => {{
  const button = event.target.closest("button"), input = element.querySelector("input");
  if (!button) return;
  try {{ await navigator.clipboard.writeText(input.value); }}
  catch {{ input.select(); document.execCommand("copy"); }}
  button.textContent = "{texts.COPIED}";
  setTimeout(() => {{ button.textContent = "{texts.COPY}"; }}, 1500);
}});"""
_LINK_HTML = f"""<label for="link">{texts.LINK}</label><p class="quiet">{texts.LINK_INFO}</p>
<div class="link-line"><input id="link" readonly>
<button type="button" id="copy-link">{texts.COPY}</button></div>"""


@dataclass(frozen=True)
class Mine:
    """What a browser remembers: the run it watches ("" for none), and all runs it has seen.

    gone: runs that it is to forget. models: those from the Hub that it has used, the newest last.
    """

    run: str = ""
    runs: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    @classmethod
    def from_browser(cls, stored: object) -> Mine:
        """Read the browser's store, which may hold anything."""
        if not isinstance(stored, dict):
            return cls()
        runs, models = (_listed(stored.get(name)) for name in ("runs", "models"))
        return cls(str(stored.get("run") or ""), runs, models=models[-_MOST_MODELS:])

    def to_browser(self) -> dict[str, Any]:
        """Plain values for the browser's store."""
        return {name: it if name == "run" else list(it) for name, it in vars(self).items()}

    def with_run(self, run_id: str) -> Mine:
        """Watch a run, new or known."""
        return replace(self, run=run_id, runs=tuple(dict.fromkeys((*self.runs, run_id))))

    def with_model(self, name: str) -> Mine:
        """Remember a model from the Hub, as the newest of a few."""
        others = (each for each in self.models if each != name)
        return replace(self, models=(*others, name)[-_MOST_MODELS:])


def _listed(found: object) -> tuple[str, ...]:
    return tuple(map(str, found)) if isinstance(found, list) else ()


class Store:
    """What works unseen: the browser's memory, the clock, the address. Outside of all tabs,
    because what is in a tab does not live until the tab is opened.
    """

    def __init__(self) -> None:
        self.mine = gr.BrowserState(
            Mine().to_browser(), storage_key=_STORAGE_KEY, secret=_STORAGE_SECRET
        )
        self.mine.change(None, self.mine, None, js=_REMEMBER, api_visibility="private")
        self.timer = gr.Timer(active=False)
        self.seen = gr.State(None)
        self.address = gr.HTML(visible="hidden", js_on_load=_FOLLOW)  # the run's id, or NO_RUN
        # The run's id and its state: `select` is triggered when either is another.
        self.stands = gr.HTML(visible="hidden", js_on_load=_ON_CHANGE % "trigger('select');")


class Link:
    """The run's link, to be seen and copied."""

    def __init__(self) -> None:
        link = gr.HTML("", html_template=_LINK_HTML, js_on_load=_LINK, elem_id="link-row")
        self.outputs: list[Any] = [link]

    def show(self, look: Look) -> list[Any]:
        """Values for `outputs`; the browser makes the link of the run's id."""
        return [look.mark.id if look.is_new else gr.skip()]


def run_in_address(request: gr.Request | None) -> str:
    """The id in the address that a page was opened with; "" for none."""
    return str(request.query_params.get(QUERY, "")) if request is not None else ""
