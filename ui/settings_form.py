"""The settings that a run can go on with at other values: its controls, and what was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

import gradio as gr

from gan_core.errors import BadRun, BadSetting
from gan_core.gan.config import ADJUSTABLE, AUGMENTATIONS, TrainConfig
from gan_core.gan.run import read_config, waiting_adjustment
from ui import run_texts as texts
from ui.errors import require
from ui.look import Look
from ui.request import adjusted
from ui.run_folder import RunState
from ui.texts import AUGMENTATION, AUGMENTATION_INFO, MIRROR

# Time and autopilot have a place of their own.
FIELDS = tuple(name for name in ADJUSTABLE if name not in ("minutes", "kimg", "autopilot"))
_ABOUT = {entry.name: entry for entry in fields(TrainConfig)}
_IN_A_ROW = 3
_UNITS = {"ema_halflife_kimg": texts.HALFLIFE_UNIT}
_SWITCHES: dict[str, dict[str, Any]] = {
    "mirror": {"label": MIRROR},
    "autopilot": {"label": texts.AUTOPILOT, "info": texts.AUTOPILOT_INFO},
}


def settings_now(folder: Path, run: RunState) -> TrainConfig | None:
    """What a run trains with, and will next: as it began, with all that was changed since.

    None before it has begun, or when another version wrote its settings.
    """
    try:
        config = read_config(folder)
        waiting = run.settings.changed if run.settings and run.state == "queued" else {}
        changes = {**adjusted(run.events), **waiting, **waiting_adjustment(folder)}
        known = {name: value for name, value in changes.items() if name in _ABOUT}
        return replace(config, **from_json(known))
    except (TypeError, BadRun, BadSetting):
        return None


def from_json(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the configuration holds them: JSON has no tuples."""
    return {name: tuple(it) if isinstance(it, list) else it for name, it in changes.items()}


class SettingsForm:
    """A folded form of all settings in `FIELDS`, made from the configuration's own metadata."""

    def __init__(self) -> None:
        with gr.Accordion(
            texts.SETTINGS, open=False, visible=False, elem_id="settings"
        ) as self.frame:
            self.hint = gr.Markdown(elem_classes="quiet")
            self.controls: list[Any] = []
            for first in range(0, len(FIELDS), _IN_A_ROW):
                with gr.Row():
                    self.controls += [
                        control(name, elem_id=f"set-{name}", min_width=200)
                        for name in FIELDS[first : first + _IN_A_ROW]
                    ]
            with gr.Row():
                self.apply = gr.Button(texts.APPLY, elem_id="apply", min_width=160)
                self.anew = gr.Button(texts.BEGIN_SO, elem_id="anew", min_width=160)
        self.outputs: list[Any] = [self.frame, self.hint, *self.controls, self.apply]

    def show(self, look: Look) -> list[Any]:
        """Values for `outputs`; a form that somebody fills in is left alone."""
        now = settings_now(look.folder, look.run)
        if now is None or not look.moved("state", "adjusted"):
            return [gr.update(visible=now is not None), *[gr.skip()] * (len(self.outputs) - 1)]
        frame: dict[str, Any] = {"open": False} if look.is_new else {}
        can_go_on = look.can_end or look.run.can_resume
        return [
            gr.update(visible=True, **frame),
            texts.SETTINGS_RUNNING if look.can_end else texts.SETTINGS_ENDED,
            *[_shown(getattr(now, name)) for name in FIELDS],
            gr.update(value=texts.APPLY if look.can_end else texts.GO_ON_SO, visible=can_go_on),
        ]


def changes_in(now: TrainConfig, values: Sequence[Any]) -> dict[str, Any]:
    """What differs in the form from the settings now, checked against their bounds.

    values: of the controls, in the order of `FIELDS`. Raises: BadSetting.
    """
    changes = {}
    for name, given in zip(FIELDS, values, strict=True):
        before, about = getattr(now, name), _ABOUT[name].metadata
        value = tuple(given or ()) if isinstance(before, tuple) else given
        if "low" in about:
            is_whole = isinstance(before, int)
            number = require(about["help"], value, about["low"], about["high"], whole=is_whole)
            value = int(number) if is_whole else number
        if value != before:
            changes[name] = value
    return changes


def control(name: str, **shown: Any) -> Any:
    """Make the control for one setting; bounds and words are those of the configuration.

    shown: how it looks, as the component takes it.
    """
    entry = _ABOUT[name]
    about, default = entry.metadata, shown.pop("value", cast(Any, entry.default))
    if name == "augment":
        return gr.CheckboxGroup(
            list(AUGMENTATIONS), value=list(default), label=AUGMENTATION, info=AUGMENTATION_INFO,
            **shown,
        )  # fmt: skip
    if isinstance(default, bool):
        return gr.Checkbox(default, **_SWITCHES[name], **shown)
    if "choices" in about:
        return gr.Dropdown(list(about["choices"]), value=default, label=about["help"], **shown)
    is_whole = isinstance(default, int)
    return gr.Number(
        default,
        label=about["help"],
        info=_UNITS.get(name),
        precision=0 if is_whole else None,
        step=1 if is_whole else about["low"] or 0.1,
        **shown,
    )


def _shown(value: Any) -> Any:
    return gr.update(value=list(value) if isinstance(value, tuple) else value)
