"""A run's log in words: its plan and machine, verdicts, and what was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gan_core.events import Adjusted, Diagnosed, Event, Measured, Noticed, Probed, Started
from ui import run_texts as texts
from ui.parts import newest
from ui.run_folder import RunState
from ui.texts import PLAN, THREADS
from ui.view import figure, shown


def details(run: RunState) -> str:
    """How it was measured, the plan and what the probe chose, as Markdown paragraphs."""
    parts = []
    if measured := newest(run.events, Measured):
        parts.append(
            texts.MEASURED.format(
                low=figure(measured.kid_low * 1000),
                high=figure(measured.kid_high * 1000),
                n_fake=measured.n_fake,
                n_real=measured.n_real,
                extractor=measured.extractor,
            )
        )
    if started := newest(run.events, Started):
        parts.append(PLAN.format(plan=started.plan))
    if run.settings is not None:
        parts.append(texts.START_NAME.format(start=run.settings.start_name))
    probes = [event for event in run.events if isinstance(event, Probed)]
    if probes:  # a continued run is not measured again
        parts.append(_probe(next((it for it in probes[::-1] if it.tried), probes[-1])))
    return "\n\n".join([*parts, "\n".join(f"- {line}" for line in log(run.events))])


def log(events: Sequence[Event]) -> list[str]:
    """What happened to the run, newest first: settings changed and by whom, verdicts, mishaps."""
    lines = []
    for event in events:
        if isinstance(event, Adjusted):
            what, who = say_change(event.before, event.after), texts.BY.get(event.by, event.by)
            lines.append(texts.LOG_ADJUSTED.format(shown=shown(event.kimg), what=what, who=who))
        elif isinstance(event, Diagnosed):
            lines.append(
                texts.LOG_VERDICT.format(
                    shown=shown(event.kimg), state=say_state(event), evidence=event.evidence
                )
            )
        elif isinstance(event, Noticed):
            lines.append(event.text)
    return lines[::-1]


def say_state(found: Diagnosed) -> str:
    """A state as a heading: "D is winning", "Mode collapse"."""
    return found.state[:1].upper() + found.state[1:]


def say_change(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """Settings and their values, as "lr_D 2e-4 → 1e-4, minutes 5 → 10"."""
    told = []
    for name, value in after.items():
        old = f"{say_value(before[name])} → " if name in before else ""
        told.append(f"{name} {old}{say_value(value)}")
    return ", ".join(told)


def say_value(value: object) -> str:
    """A setting's value in few characters: 0.0001 is "1e-4"."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return " + ".join(map(str, value)) or "none"
    if isinstance(value, float) and 0 < abs(value) < 1e-2:
        digits, _, power = f"{value:.3e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _probe(probed: Probed) -> str:
    tried = ", ".join(f"{name}: {speed:.0f}" for name, speed in probed.tried.items())
    return texts.PROBE.format(
        device=probed.device,
        dtype=probed.dtype,
        layout="channels last" if probed.channels_last else "contiguous",
        threads=THREADS[probed.threads != 1].format(n=probed.threads),
        speed=probed.images_per_second,
        tried=texts.PROBE_TRIED.format(tried=tried) if tried else "",
    )
